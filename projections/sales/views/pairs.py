"""Counting in how many orders two items stand together, by whole columns of numbers rather than one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from projections.sales.views.baskets import Baskets, Chosen, Codes, Numbers

AT_ONCE = 262_144
"""How many pairs are held before they are counted."""

SLOTS = 65_536


class Pairs(NamedTuple):
    """Pairs of items in columns: of which segment, which two, and in how many orders of the segment they stand."""

    segment: Numbers
    item: Numbers
    companion: Numbers
    together: Numbers
    item_orders: Numbers
    companion_orders: Numbers
    all_orders: Numbers

    def chosen(self, chosen: Chosen) -> Pairs:
        """Some of them."""
        return Pairs(*(column[chosen] for column in self))

    def best(self, limit: int) -> Pairs:
        """Those with the greatest lifts, so many and all that could be as great as the last of them."""
        if len(self.item) <= limit:
            return self
        lifts = self.together * self.all_orders / (self.item_orders * self.companion_orders.astype(np.float64))
        return self.chosen(lifts >= np.partition(lifts, -limit)[-limit] * (1 - _ROUNDED))


_ROUNDED = 1e-9
"""More than what floating point can be wrong by."""


class Standing(NamedTuple):
    """What is in the orders of a segment: items by their codes, and the place of the order of each, rising."""

    orders: int
    items: Codes
    places: Codes


class Items:
    """The items of several segments, by codes from 0 on. Those that too few orders have for any pair are left out.

    `least` says for each segment in how many orders a pair must stand.
    """

    def __init__(self, segments: Mapping[str, Baskets], least: Sequence[int]) -> None:
        self.segments = [*segments]
        self._baskets = [*segments.values()]
        self._least = least
        found = _frequent(self._baskets, min(least, default=1))
        encoded = pa.array(np.concatenate([_NONE, *(items for items, _ in found)])).dictionary_encode()
        self.numbers: Numbers = encoded.dictionary.to_numpy()
        codes: Codes = encoded.indices.to_numpy()
        self._orders = self._counted(codes)
        ends = np.cumsum([len(items) for items, _ in found])
        self._parts = [
            Standing(baskets.orders, codes[end - len(places) : end], places)
            for baskets, end, (_, places) in zip(self._baskets, ends, found, strict=True)
        ]

    def pairs_of_all(self, most: int) -> Pairs:
        """The pairs of the items that most orders have, each pair once. Of equally frequent items the lower numbers
        come first."""
        shown = np.zeros(len(self.numbers), bool)
        shown[np.lexsort((self.numbers, -self._orders))[:most]] = True
        return _joined(self._of_all(segment, shown) for segment in range(len(self._parts)))

    def pairs_with(self, item: int) -> Pairs:
        """The pairs of one item, which has this number."""
        return _joined(
            self._with(segment, code)
            for code in np.flatnonzero(self.numbers == item).tolist()
            for segment in range(len(self._parts))
        )

    def examples(self, codes: Numbers) -> Numbers:
        """For each item the position of an order that it is in."""
        found = np.zeros(len(self.numbers), np.int64)
        for baskets, part in zip(self._baskets, self._parts, strict=True):
            found[part.items] = baskets.positions[part.places]
        return found[codes]

    def _of_all(self, segment: int, shown: Chosen) -> Pairs:
        part, least = self._parts[segment], self._least[segment]
        counts = self._counted(part.items)
        kept = np.flatnonzero(shown & (counts >= least))
        codes = np.full(len(counts), -1, np.int32)
        codes[kept] = np.arange(len(kept))
        items = codes[part.items]
        stand = np.flatnonzero(items >= 0)
        square = together(items[stand], part.places[stand], len(kept))
        one, other = np.nonzero(np.triu(square, 1) >= least)
        return self._pairs(segment, counts, kept[one], kept[other], square[one, other])

    def _with(self, segment: int, code: int) -> Pairs:
        part, least = self._parts[segment], self._least[segment]
        own = np.zeros(part.orders, bool)
        own[part.places[part.items == code]] = True
        shared = self._counted(part.items[own[part.places]])
        shared[code] = 0
        companions = np.flatnonzero(shared >= least)
        counts, item = self._counted(part.items), np.full(len(companions), code)
        return self._pairs(segment, counts, item, companions, shared[companions])

    def _counted(self, codes: Codes) -> Numbers:
        """How often each item stands there."""
        return np.bincount(codes, minlength=len(self.numbers))

    def _pairs(self, segment: int, counts: Numbers, item: Numbers, companion: Numbers, shared: Numbers) -> Pairs:
        columns = (np.full(len(item), segment), item, companion, shared, counts[item], counts[companion])
        return Pairs(*columns, np.full(len(item), self._parts[segment].orders))


_NONE: Numbers = np.zeros(0, np.int64)


def _joined(parts: Iterable[Pairs]) -> Pairs:
    columns = zip(Pairs(*[_NONE] * len(Pairs._fields)), *parts, strict=True)
    return Pairs(*(np.concatenate(column) for column in columns))


def _frequent(segments: Sequence[Baskets], least: int) -> Iterable[tuple[Numbers, Codes]]:
    """What at least so many orders may have, of each segment. It is counted in slots that several items may share."""
    slots = [baskets.values & (SLOTS - 1) for baskets in segments]
    counts = np.zeros(SLOTS, np.int64)
    for each in slots:
        counts += np.bincount(each, minlength=SLOTS)
    return [baskets.items((counts >= least)[each]) for baskets, each in zip(segments, slots, strict=True)]


def together(items: Codes, places: Codes, kinds: int) -> Numbers:
    """For two items of codes below `kinds` the number of orders that have both: a square of counts.

    `places` has the order of each item, rising. There must be so few kinds that a pair is a number of 32 bits.
    """
    counted = np.zeros(kinds * kinds, np.int64)
    for pairs in _gathered(_written(items, places, kinds)):
        counted += np.bincount(pairs, minlength=kinds * kinds)
    square = counted.reshape(kinds, kinds)
    return square + square.T


def _written(items: Codes, places: Codes, kinds: int) -> Iterator[Codes]:
    """Every two items of an order as one number. Orders with the same number of items are written out together."""
    sizes = np.bincount(places)
    begins, ends = np.cumsum(sizes) - sizes, np.cumsum(np.bincount(sizes))
    by_size = np.argsort(sizes, kind="stable")
    rows = items * np.int32(kinds)
    for size in np.unique(sizes[sizes > 1]).tolist():
        alike = begins[by_size[ends[size - 1] : ends[size]]]
        one, other = np.triu_indices(size, 1)
        step = max(1, AT_ONCE // len(one))
        for begin in range(0, len(alike), step):
            baskets = alike[begin : begin + step] + np.arange(size)[:, None]
            yield (rows[baskets][one] + items[baskets][other]).ravel()


def _gathered(parts: Iterable[Codes]) -> Iterator[Codes]:
    """Parts put together to so many that counting them is worth it."""
    held: list[Codes] = []
    for part in parts:
        held.append(part)
        if sum(map(len, held)) >= AT_ONCE:
            yield np.concatenate(held)
            held.clear()
    if held:
        yield np.concatenate(held)
