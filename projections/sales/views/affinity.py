"""Affinity: what is bought together with something.

Support = the share of all orders that have A and B, confidence = orders with both / orders with A, lift = confidence /
the share of all orders that have B; above 1 they go together more often than chance has it. Beside it stands that
share, the popularity. Source: Agrawal, Imieliński, Swami, Mining association rules (1993).
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from projections.contract import Connected

_TOGETHER = """
with orders as (
    select distinct order_key, {kind} as item
    from sales.lines
    where kind = 'sale'
        and quantity > 0
        and {kind} is not null
        and (%(first)s::date is null or day >= %(first)s)
        and (%(last)s::date is null or day <= %(last)s)
        and (%(customer)s::text is null or customer = %(customer)s)
        and (%(channel)s::text is null or channel = %(channel)s)
),
sizes as (
    select count(distinct order_key) as all_orders, count(*) filter (where item = %(item)s) as with_item
    from orders
),
together as (
    select item, count(*) as jointly
    from orders
    where order_key in (select order_key from orders where item = %(item)s)
        and item <> %(item)s
    group by item
),
popularity as (
    select item, count(*) as orders
    from orders
    where item in (select item from together)
    group by item
)
select item, jointly, orders, with_item, all_orders
from together
join popularity using (item)
cross join sizes
where jointly >= %(least)s
order by jointly::numeric * all_orders / (with_item * orders) desc, jointly desc, item
limit %(limit)s
"""


class Companion(NamedTuple):
    """Something bought together with the item asked about."""

    item: str
    together: int
    support: Decimal
    confidence: Decimal
    lift: Decimal
    popularity: Decimal


class Asked(NamedTuple):
    """What is asked about: an item of a kind, under filters. Pairs in fewer than `least` orders are left out."""

    kind: str
    item: str
    first: date | None = None
    last: date | None = None
    customer: str | None = None
    channel: str | None = None
    least: int = 5
    limit: int = 20


def read_affinity(connection: Connected, asked: Asked) -> list[Companion]:
    """What goes with the item, the greatest lift first."""
    query = _TOGETHER.format(kind=asked.kind)
    return [
        Companion(
            item,
            jointly,
            round(Decimal(jointly) / everything, 6),
            round(Decimal(jointly) / with_item, 6),
            round(Decimal(jointly) * everything / (with_item * popular), 6),
            round(Decimal(popular) / everything, 6),
        )
        for item, jointly, popular, with_item, everything in connection.execute(query.encode(), asked._asdict())
    ]
