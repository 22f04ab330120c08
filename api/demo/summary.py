"""What came of the demo: sales by channel, checked against the data set's own total, and what was new."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

from rich.table import Table

from api.demo.complete_journey import CURRENCY, Figures
from api.demo.sources import SOURCES, STORE
from cdp.ingest.outcomes import read_counts
from cdp.platform import Platform
from cdp.sources.source import Source

_BY_CHANNEL = """
select channel, currency, sum(rows), sum(amount)
from sales.daily
where kind = 'sale'
group by channel, currency
order by channel, currency
"""
_OF_SOURCE = """
select coalesce(sum(rows), 0), coalesce(sum(amount), 0)
from sales.daily
where kind = 'sale' and source = %s and currency = %s
"""


class SalesDiffer(Exception):
    """The real sales are not what the data set says: touchpoints are missing or counted twice."""

    def __init__(self, orders: int, gross: Decimal, figures: Figures) -> None:
        super().__init__(
            f"The source {STORE!r} shows {orders:,} orders for {gross:,} {CURRENCY}; the data set has "
            f"{figures.baskets:,} for {figures.sales:,}. `cdp status` shows what became of each item"
        )


class Added(NamedTuple):
    """What the log gained from the demo's sources, and what it recognised."""

    accepted: int
    duplicate: int


def counted(platform: Platform) -> Mapping[str, Added]:
    """What the log has taken in from each source of the demo so far."""
    names = {Source.create_id(name): name for name in SOURCES}
    found = {names[each.source_id]: each for each in read_counts(platform.databases.log) if each.source_id in names}
    return {name: Added(each.accepted, each.duplicate) for name, each in found.items()}


def added(before: Mapping[str, Added], after: Mapping[str, Added]) -> Added:
    """The difference between two counts, over all sources."""
    nothing = Added(0, 0)
    gained = [(after[name], before.get(name, nothing)) for name in after]
    return Added(sum(new[0] - old[0] for new, old in gained), sum(new[1] - old[1] for new, old in gained))


def sales_by_channel(platform: Platform) -> Table:
    """Orders and gross sales by channel and currency."""
    table = Table("channel", "currency", title="Sales by channel", title_justify="left")
    table.add_column("orders", justify="right")
    table.add_column("gross", justify="right")
    with platform.databases.read.connection() as connection:
        for channel, currency, orders, gross in connection.execute(_BY_CHANNEL):
            table.add_row(channel, currency, f"{orders:,}", f"{gross:,.2f}")
    return table


def check_sales(platform: Platform, figures: Figures) -> None:
    """Raises `SalesDiffer` unless the real orders add up to the data set's own total, to the cent."""
    with platform.databases.read.connection() as connection:
        row = connection.execute(_OF_SOURCE, [Source.create_id(STORE), CURRENCY]).fetchone()
    orders, gross = row if row else (0, Decimal(0))
    if (orders, gross) != (figures.baskets, figures.sales):
        raise SalesDiffer(orders, gross, figures)
