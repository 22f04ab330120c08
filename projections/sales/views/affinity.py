"""Affinity: what is bought together, of all that is sold or with one item, by segment.

Support = the share of all orders that have both, confidence = orders with both / orders with the item, lift =
confidence / popularity, popularity = the share of all orders that have the companion; with a lift above 1 they go
together more often than chance has it. Source: Agrawal, Imieliński, Swami, Mining association rules (1993).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal
from heapq import nsmallest
from typing import NamedTuple
from zoneinfo import ZoneInfo

import numpy as np

from projections.contract import Connected
from projections.sales.contents import item_number
from projections.sales.dimensions import NONE
from projections.sales.figures import PLACES
from projections.sales.question import InvalidQuestion, Question
from projections.sales.readings import Reading
from projections.sales.tables import CONTENTS
from projections.sales.views.baskets import read_baskets, read_names
from projections.sales.views.pairs import Items

KINDS = ("product", "category", "product_brand", "department")
ORDERS = "product_orders"
LEAST = 5
MOST_ITEMS = 500
"""Of all pairs those are looked for whose items are in the most orders; others when one of them is asked about."""

_BETWEEN = "\x1f"
SHARE = 1_000
"""And those that stand in a thousandth of the orders; rarer ones when `least` asks for them."""
_PRECISE = Context(prec=60)


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

    def least_of(self, orders: int) -> int:
        """In how many orders a pair must stand, of so many."""
        if self.least is not None:
            return self.least
        return LEAST if self.item is not None else max(LEAST, orders // SHARE)


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
    reading = Reading(question, shop)
    keys = [f"coalesce(({reading.key(name, CONTENTS)})::text, '{NONE}')" for name in question.by]
    segment = f"concat_ws('{_BETWEEN}', {', '.join(keys)})" if keys else "''::text"
    found = read_baskets(connection, asked.kind, segment, reading)
    items = Items(found, [asked.least_of(baskets.orders) for baskets in found.values()])
    yield from nsmallest(question.limit, _pairs(connection, items, asked, question), key=_best_first)


def _pairs(connection: Connected, items: Items, asked: Asked, question: Question) -> Iterator[Pair]:
    """The pairs that may be shown, by their names."""
    pairs = items.pairs_of_all(MOST_ITEMS) if asked.item is None else items.pairs_with(item_number(asked.item))
    best = pairs.best(question.limit)
    codes = np.union1d(best.item, best.companion)
    numbers = items.numbers[codes].tolist()
    named = read_names(connection, asked.kind, numbers, items.examples(codes).tolist())
    names = {code: named[number] for code, number in zip(codes.tolist(), numbers, strict=True)}
    for segment, item, companion, *counts in zip(*(column.tolist() for column in best), strict=True):
        segments = tuple(items.segments[segment].split(_BETWEEN)) if question.by else ()
        pair = Pair(segments, names[item], names[companion], *counts)
        yield pair if asked.item is not None else _rarer_first(pair)


def _best_first(pair: Pair) -> tuple[Decimal, int, tuple[str, ...], str, str]:
    """The greatest lift first, to so many digits that different ones differ."""
    lift = _PRECISE.divide(Decimal(pair.together * pair.all_orders), Decimal(pair.item_orders * pair.companion_orders))
    return -lift, -pair.together, pair.segment, pair.item, pair.companion


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
