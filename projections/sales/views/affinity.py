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
MOST_ITEMS = 500
"""Of all pairs those are looked for whose items stand on the most lines; others when one of them is asked about."""

_BETWEEN = "\x1f"
SHARE = 1_000
"""And those that stand in a thousandth of the orders; rarer ones when `least` asks for them."""

WORK_MEMORY = "128MB"
"""For the items of every order, which would else go through the disk."""

_SIZES = """
sizes as materialized (
    select segment, count(*) as orders
    from (select {segment} as segment, base.order_key {every} group by 1, 2) as every
    group by segment
)
"""
_ALL = """
with often as materialized (
    select item, row_number() over ()::integer as number
    from (
        select base.{kind} as item
        {every} and base.{kind} is not null
        group by 1
        order by count(*) desc, 1
        limit {most}
    ) as counted
),
listed as materialized (
    select order_key, number, {segment} as segment
    {every_often}
    group by 1, 2, 3
),
{sizes},
popular as materialized (
    select segment, number, listed_orders, orders, least
    from (select segment, number, count(*) as listed_orders from listed group by segment, number) as counted
    join (select *, coalesce(%(least)s::bigint, greatest({few}, orders / {share})) as least from sizes) as sized
        using (segment)
    where listed_orders >= least
),
pairs as materialized (
    select one.segment, one.number as one, other.number as other, count(*) as together
    from listed as one
    join listed as other on one.order_key = other.order_key and one.number < other.number
    group by 1, 2, 3
)
select segment, item.item, companion.item, together, one.listed_orders, other.listed_orders, one.orders
from pairs
join popular as one using (segment)
join popular as other using (segment)
join often as item on item.number = one.number
join often as companion on companion.number = other.number
where one.number = pairs.one
    and other.number = pairs.other
    and together >= one.least
"""
_WITH_ONE = """
with own as materialized (
    select {segment} as segment, base.order_key
    {every} and base.{kind} = %(item)s
    group by 1, 2
),
together as materialized (
    select segment, item, count(*) as together
    from (
        select own.segment, base.{kind} as item, base.order_key
        {every_of_own} and base.{kind} <> %(item)s
        group by 1, 2, 3
    ) as beside
    group by segment, item
    having count(*) >= coalesce(%(least)s::bigint, {few})
),
popular as (
    select segment, item, count(*) as listed_orders
    from (
        select {segment} as segment, base.{kind} as item, base.order_key
        {every} and base.{kind} in (select item from together)
        group by 1, 2, 3
    ) as listed
    group by segment, item
),
{sizes}
select segment, %(item)s::text, item, together, item_orders, listed_orders, orders
from together
join popular using (segment, item)
join (select segment, count(*) as item_orders from own group by segment) as owned using (segment)
join sizes using (segment)
"""
_BEST = """
select segment, item, companion, together, item_orders, companion_orders, all_orders
from ({pairs}) as found (segment, item, companion, together, item_orders, companion_orders, all_orders)
order by
    together::numeric * all_orders / (item_orders * companion_orders) desc,
    together desc,
    segment,
    item,
    companion
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
    words = {
        "kind": asked.kind,
        "segment": f"concat_ws('{_BETWEEN}', {', '.join(keys)})" if keys else "''::text",
        "every": reading.source(base, f"({sold}) > 0"),
        "every_of_own": _joined(reading.source(base, f"({sold}) > 0"), "own", "own.order_key = base.order_key"),
        "every_often": _joined(reading.source(base, f"({sold}) > 0"), "often", f"often.item = base.{asked.kind}"),
        "most": MOST_ITEMS,
        "few": LEAST,
        "share": SHARE,
    }
    pairs = (_WITH_ONE if asked.item is not None else _ALL).format(**words, sizes=_SIZES.format(**words))
    parameters = {**reading.parameters, "item": asked.item, "least": asked.least, "limit": question.limit}
    connection.execute(f"set local work_mem = '{WORK_MEMORY}'")
    for segment, *rest in connection.execute(_BEST.format(pairs=pairs).encode(), parameters):
        pair = Pair(tuple(segment.split(_BETWEEN)) if keys else (), *rest)
        yield pair if asked.item is not None else _rarer_first(pair)


def _joined(source: str, table: str, condition: str) -> str:
    """The same rows, those alone that have their like in another table."""
    return source.replace(" as base ", f" as base join {table} on {condition} ", 1)


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
