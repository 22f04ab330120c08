"""Reading sales by day and channel."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from projections.contract import Connected

_DAILY = """
select day, channel, source, currency, sum(rows)::bigint, sum(units), sum(amount)
from sales.daily
where kind = 'sale'
    and (%(first)s::date is null or day >= %(first)s)
    and (%(last)s::date is null or day <= %(last)s)
    and (%(channel)s::text is null or channel = %(channel)s)
    and (%(currency)s::text is null or currency = %(currency)s)
group by day, channel, source, currency
order by day, channel, source, currency
"""


class DailySales(NamedTuple):
    """The completed orders of one day, channel, source and currency. `gross` and `units` are exact."""

    day: date
    channel: str
    source: UUID
    currency: str | None
    orders: int
    units: Decimal
    gross: Decimal


def read_daily(
    connection: Connected,
    first: date | None = None,
    last: date | None = None,
    channel: str | None = None,
    currency: str | None = None,
) -> list[DailySales]:
    """The sales from the first to the last day, both included, that pass all filters given."""
    filters = {"first": first, "last": last, "channel": channel, "currency": currency}
    return [DailySales(*row) for row in connection.execute(_DAILY, filters, prepare=True)]
