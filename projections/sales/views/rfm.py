"""RFM: customers in quintiles of recency, frequency and money.

Each customer's score in a metric is 1 + ⌊5 × (how many are strictly worse) / (how many there are)⌋, so 5 is the best
fifth and equal values always have equal scores: no tie is broken by chance. Recency is the days since the last
purchase, frequency the number of purchases, money what was paid for them less what went back. Source: Hughes,
Strategic Database Marketing, RFM by quintiles.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from projections.contract import Connected

_CUSTOMERS = """
with customers as (
    select
        profile,
        max(day) filter (where kind = 'sale' and amount > 0) as last_day,
        count(*) filter (where kind = 'sale' and amount > 0) as frequency,
        sum(case kind when 'sale' then amount when 'refund' then -amount when 'cancellation' then -amount else 0 end)
            as money
    from sales.movements
    where profile is not null
        and currency is not distinct from %(currency)s
        and day <= %(last)s
        and (%(first)s::date is null or day >= %(first)s)
    group by profile
    having count(*) filter (where kind = 'sale' and amount > 0) > 0
),
scored as (
    select
        last_day,
        frequency,
        money,
        1 + 5 * (rank() over (order by last_day) - 1) / count(*) over () as recency_score,
        1 + 5 * (rank() over (order by frequency) - 1) / count(*) over () as frequency_score,
        1 + 5 * (rank() over (order by money) - 1) / count(*) over () as money_score
    from customers
)
select
    recency_score,
    frequency_score,
    money_score,
    count(*),
    %(last)s - max(last_day),
    %(last)s - min(last_day),
    sum(frequency)::bigint,
    trim_scale(sum(money))
from scored
group by recency_score, frequency_score, money_score
order by recency_score desc, frequency_score desc, money_score desc
"""


class Segment(NamedTuple):
    """The customers with the same three scores, 5 being the best: how many, and what they bought."""

    recency: int
    frequency: int
    money: int
    customers: int
    days_since_least: int
    days_since_most: int
    purchases: int
    net: Decimal


def read_rfm(connection: Connected, currency: str | None, first: date | None, last: date) -> list[Segment]:
    """The segments of the customers who bought in a currency between two days, both included."""
    parameters = {"currency": currency, "first": first, "last": last}
    return [Segment(*row) for row in connection.execute(_CUSTOMERS, parameters)]
