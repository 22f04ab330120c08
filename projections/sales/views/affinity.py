"""Affinity: what is bought together, of all that is sold or with one item, by segment.

Support = the share of all orders that have both, confidence = orders with both / orders with the item, lift =
confidence / popularity, popularity = the share of all orders that have the companion; with a lift above 1 they go
together more often than chance has it. Source: Agrawal, Imieliński, Swami, Mining association rules (1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.dimensions import NONE
from projections.sales.figures import PLACES
from projections.sales.measures import MEASURES
from projections.sales.question import InvalidQuestion, Question
from projections.sales.readings import Reading
from projections.sales.tables import LINES

KINDS = ("product", "category", "product_brand", "department")
ORDERS = "product_orders"
LEAST = 5
SHARE = 1_000
"""Of all pairs those are looked for that stand in a thousandth of the orders; rarer ones when they are asked for."""

_PAIRS = """
with listed as materialized (
    select distinct base.order_key, {item} as item, {segment} as segment
    {source}
),
sizes as materialized (
    select segment, count(distinct order_key) as orders
    from listed
    group by segment
),
popular as materialized (
    select segment, item, listed_orders, orders, row_number() over ()::integer as number
    from (
        select segment, item, count(*) as listed_orders
        from listed
        where item is not null
        group by segment, item
    ) as counted
    join sizes using (segment)
    where listed_orders >= coalesce(%(least)s::bigint, {least})
),
numbered as materialized (
    select order_key, number
    from listed
    join popular using (segment, item)
),
pairs as (
    select one.number as one, other.number as other, count(*) as together
    from numbered as one
    join numbered as other using (order_key)
    where {pairing}
    group by one.number, other.number
)
select
    one.segment,
    one.item,
    other.item,
    together,
    one.listed_orders,
    other.listed_orders,
    one.orders
from pairs
join popular as one on one.number = pairs.one
join popular as other on other.number = pairs.other
where together >= coalesce(%(least)s::bigint, {least_together})
order by
    together::numeric * one.orders / (one.listed_orders * other.listed_orders) desc,
    together desc,
    one.segment,
    one.item,
    other.item
limit %(limit)s
"""


@dataclass(frozen=True)
class Asked:
    """Which pairs: of a kind of item, with one item or of all. Pairs in fewer than `least` orders are left out."""

    kind: str = "product"
    item: str | None = None
    least: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InvalidQuestion(f"kind={self.kind!r}; expected one of {', '.join(KINDS)}")
        if self.least is not None and self.least < 1:
            raise InvalidQuestion(f"least={self.least}; expected 1 or more")


class Pair(NamedTuple):
    """Two items that stand in the same orders, of one segment; `segment` has a value for each dimension asked for."""

    segment: tuple[str, ...]
    item: str
    companion: str
    together: int
    item_orders: int
    companion_orders: int
    all_orders: int

    @property
    def support(self) -> Decimal:
        """The share of all orders that have both."""
        return round(Decimal(self.together) / self.all_orders, PLACES)

    @property
    def confidence(self) -> Decimal:
        """The share of the orders with the item that have the companion too."""
        return round(Decimal(self.together) / self.item_orders, PLACES)

    @property
    def popularity(self) -> Decimal:
        """The share of all orders that have the companion."""
        return round(Decimal(self.companion_orders) / self.all_orders, PLACES)

    @property
    def lift(self) -> Decimal:
        """Confidence / popularity."""
        chance = self.item_orders * self.companion_orders
        return round(Decimal(self.together) * self.all_orders / chance, PLACES)


def read_affinity(connection: Connected, question: Question, shop: ZoneInfo, asked: Asked) -> Iterator[Pair]:
    """The pairs, the greatest lift first. `question` asks for `product_orders` by the segments. Raises
    `InvalidQuestion`."""
    if question.measures != (ORDERS,):
        raise InvalidQuestion(f"affinity counts {ORDERS}: leave measures out")
    if wrong := sorted({*KINDS, "reason"} & set(question.by)):
        raise InvalidQuestion(f"by={','.join(wrong)}; expected what an order has one of, such as customer or channel")
    reading, base = Reading(question, shop), LINES.base
    sold = reading.value(MEASURES[ORDERS], LINES, base)
    keys = [f"coalesce(({reading.key(name, base)})::text, '{NONE}')" for name in question.by]
    statement = _PAIRS.format(
        item=f"base.{asked.kind}",
        segment=f"array[{', '.join(keys)}]::text[]",
        source=reading.source(base, f"({sold}) > 0"),
        least=str(LEAST) if asked.item is not None else f"greatest({LEAST}, orders / {SHARE})",
        least_together=str(LEAST) if asked.item is not None else f"greatest({LEAST}, one.orders / {SHARE})",
        pairing=_MEANT if asked.item is not None else "one.number < other.number",
    )
    parameters = {**reading.parameters, "item": asked.item, "least": asked.least, "limit": question.limit}
    for segment, *rest in connection.execute(statement.encode(), parameters):
        yield _rarer_first(Pair(tuple(segment), *rest)) if asked.item is None else Pair(tuple(segment), *rest)


_MEANT = "one.number in (select number from popular where item = %(item)s) and one.number <> other.number"


def _rarer_first(pair: Pair) -> Pair:
    """Of all pairs each is shown once, from the rarer item to the more popular one: its confidence is the greater."""
    if (pair.item_orders, pair.item) <= (pair.companion_orders, pair.companion):
        return pair
    return pair._replace(
        item=pair.companion,
        companion=pair.item,
        item_orders=pair.companion_orders,
        companion_orders=pair.item_orders,
    )
