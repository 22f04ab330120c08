"""Counting in how many orders two items stand together, by whole columns of numbers rather than one by one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from projections.sales.views.baskets import Baskets, Chosen, Numbers

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


class Items:
    """The items of several segments, by codes from 0 on. Those that too few orders have for any pair are left out.

    `least` says for each segment in how many orders a pair must stand.
    """

    def __init__(self, segments: Mapping[str, Baskets], least: Sequence[int]) -> None:
        self.segments = [*segments]
        self._least = least
        parts = _frequent([*segments.values()], min(least, default=1))
        encoded = pa.array(np.concatenate([_NONE, *(part.items for part in parts)])).dictionary_encode()
        self.numbers: Numbers = encoded.dictionary.to_numpy()
        codes = np.split(encoded.indices.to_numpy(), np.cumsum([len(part.items) for part in parts])[:-1])
        self._parts = [Baskets(part.positions, own, part.places) for part, own in zip(parts, codes, strict=False)]
        self._orders = self._counted(encoded.indices.to_numpy())

    def pairs_of_all(self, most: int) -> Pairs:
        """The pairs of the items that most orders have, each pair once."""
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
        for part in self._parts:
            found[part.items] = part.positions[part.places]
        return found[codes]

    def _of_all(self, segment: int, shown: Chosen) -> Pairs:
        part, least = self._parts[segment], self._least[segment]
        counts = self._counted(part.items)
        kept = np.flatnonzero(shown & (counts >= least))
        places = np.full(len(counts), -1)
        places[kept] = np.arange(len(kept))
        items = places[part.items]
        square = together(items[items >= 0], part.places[items >= 0], len(kept))
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

    def _counted(self, codes: Numbers) -> Numbers:
        """How often each item stands there."""
        return np.bincount(codes, minlength=len(self.numbers))

    def _pairs(self, segment: int, counts: Numbers, item: Numbers, companion: Numbers, shared: Numbers) -> Pairs:
        columns = (np.full(len(item), segment), item, companion, shared, counts[item], counts[companion])
        return Pairs(*columns, np.full(len(item), self._parts[segment].orders))


_NONE: Numbers = np.zeros(0, np.int64)


def _joined(parts: Iterable[Pairs]) -> Pairs:
    columns = zip(Pairs(*[_NONE] * len(Pairs._fields)), *parts, strict=True)
    return Pairs(*(np.concatenate(column) for column in columns))


def _frequent(parts: Sequence[Baskets], least: int) -> list[Baskets]:
    """The orders with what at least so many of them may have: items are counted in slots that several may share."""
    counts = sum((np.bincount(part.items % SLOTS, minlength=SLOTS) for part in parts), np.zeros(SLOTS, np.int64))
    frequent = counts >= least
    return [part.chosen(frequent[part.items % SLOTS]) for part in parts]


def together(items: Numbers, places: Numbers, kinds: int) -> Numbers:
    """For two items of codes below `kinds` the number of orders that have both: a square of counts.

    `places` has the order of each item, rising. Orders with the same number of items are written out together.
    """
    counted = np.zeros(kinds * kinds, np.int64)
    held: list[Numbers] = []
    for pairs in _written(items, places, kinds):
        held.append(pairs)
        if sum(map(len, held)) >= AT_ONCE:
            counted += np.bincount(np.concatenate(held), minlength=kinds * kinds)
            held.clear()
    counted += np.bincount(np.concatenate([_NONE, *held]), minlength=kinds * kinds)
    square = counted.reshape(kinds, kinds)
    return square + square.T


def _written(items: Numbers, places: Numbers, kinds: int) -> Iterator[Numbers]:
    """Every two items of an order as one number, some orders at a time."""
    sizes = np.bincount(places)
    begins, ends = np.cumsum(sizes) - sizes, np.cumsum(np.bincount(sizes))
    by_size = np.argsort(sizes, kind="stable")
    for size in range(2, len(ends)):
        alike = begins[by_size[ends[size - 1] : ends[size]]]
        one, other = np.triu_indices(size, 1)
        step = max(1, AT_ONCE // len(one))
        for begin in range(0, len(alike), step):
            baskets = items[alike[begin : begin + step] + np.arange(size)[:, None]]
            yield ((baskets * kinds)[one] + baskets[other]).ravel()
