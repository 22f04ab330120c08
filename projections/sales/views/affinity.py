"""Affinity: what is bought together, of all that is sold or with one item, by segment.

Support = the share of all orders that have both, confidence = orders with both / orders with the item, lift =
confidence / popularity, popularity = the share of all orders that have the companion; with a lift above 1 they go
together more often than chance has it. Source: Agrawal, Imieliński, Swami, Mining association rules (1993).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal
from heapq import nsmallest
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.dimensions import NONE
from projections.sales.figures import PLACES
from projections.sales.measures import MEASURES
from projections.sales.question import InvalidQuestion, Question
from projections.sales.readings import Reading
from projections.sales.tables import LINES
from projections.sales.views.baskets import Baskets, Shared, read_baskets

KINDS = ("product", "category", "product_brand", "department")
ORDERS = "product_orders"
LEAST = 5
MOST_ITEMS = 500
"""Of all pairs those are looked for whose items stand on the most lines; others when one of them is asked about."""

_BETWEEN = "\x1f"
SHARE = 1_000
"""And those that stand in a thousandth of the orders; rarer ones when `least` asks for them."""
_PRECISE = Context(prec=60)
Found = tuple[str, Shared, int]


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
    sold = reading.source(base, f"({reading.value(MEASURES[ORDERS], LINES, base)}) > 0")
    keys = [f"coalesce(({reading.key(name, base)})::text, '{NONE}')" for name in question.by]
    segment = f"concat_ws('{_BETWEEN}', {', '.join(keys)})" if keys else "''::text"
    most = MOST_ITEMS if asked.item is None else None
    found = read_baskets(connection, asked.kind, segment, sold, most, reading.parameters)
    for name, pair, orders in nsmallest(question.limit, _pairs(found, asked), key=_best_first):
        segments = tuple(name.split(_BETWEEN)) if keys else ()
        yield Pair(segments, *(pair if asked.item is not None else _rarer_first(pair)), orders)


def _pairs(found: Mapping[str, Baskets], asked: Asked) -> Iterator[Found]:
    """The pairs that stand together often enough, with the number of all orders of their segment."""
    for segment, baskets in found.items():
        orders = baskets.orders
        if asked.item is not None:
            pairs = baskets.with_one(asked.item, LEAST if asked.least is None else asked.least)
        else:
            pairs = baskets.of_all(max(LEAST, orders // SHARE) if asked.least is None else asked.least)
        for pair in pairs:
            yield segment, pair, orders


def _best_first(found: Found) -> tuple[Any, ...]:
    """The greatest lift first, to so many digits that different ones differ."""
    segment, pair, orders = found
    lift = _PRECISE.divide(Decimal(pair.together * orders), Decimal(pair.item_orders * pair.companion_orders))
    return -lift, -pair.together, segment, pair.item, pair.companion


def _rarer_first(pair: Shared) -> Shared:
    """Of all pairs each is shown once, from the rarer item to the more popular one: its confidence is the greater."""
    if (pair.item_orders, pair.item) <= (pair.companion_orders, pair.companion):
        return pair
    return Shared(pair.companion, pair.item, pair.together, pair.companion_orders, pair.item_orders)
