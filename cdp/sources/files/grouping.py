"""Rows that belong together: neighbours, or near ones, that say the same in the columns a mapping groups by.

What comes out depends on the file and the mapping only, never on how the file was cut into portions: groups are in the
order of their first rows, and one that may still grow is held back together with all that began after it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Cells
from cdp.sources.files.kinds import joined
from cdp.sources.files.mapping import Group
from cdp.sources.files.portion import BrokenRow, Portion
from cdp.sources.files.problem import FileProblem

WIDEST = 200_000
"""Rows from the first to the last of a group at most: what is held back must fit into memory."""


class Grouped(NamedTuple):
    """Rows group by group: group `i` is `rows[offsets[i]:offsets[i + 1]]`."""

    portion: Portion
    offsets: Any
    broken: Sequence[BrokenRow]

    @property
    def groups(self) -> int:
        """How many there are."""
        return len(self.offsets) - 1


class _Order(NamedTuple):
    """How rows fall into groups: row indices group by group, None where they are so already, and where groups start."""

    indices: Any
    offsets: Any

    def rows(self, places: Any) -> Any:
        """The row indices at these places of the order."""
        return places if self.indices is None else self.indices.take(places)


class Grouping:
    """Takes portions and gives out the groups that are complete."""

    def __init__(self, path: Path, group: Group | None) -> None:
        self._path = path
        self._group = group
        self._held: Portion | None = None
        self._places: Any = pa.array([], pa.int64())
        self._broken: list[BrokenRow] = []
        self._next = 0

    def take(self, portion: Portion) -> Grouped:
        """The groups that cannot grow any more."""
        self._broken += portion.broken
        places = pa.array(range(self._next, self._next + len(portion)), pa.int64())
        self._next += len(portion)
        if self._group is None:
            return self._singles(portion)
        if self._held is not None:
            portion = portion.after(self._held)
            places = pa.concat_arrays([self._places, places])
        return self._complete(portion, places, self._next - self._group.within)

    def finish(self) -> Grouped | None:
        """The last groups."""
        if self._held is None:
            return None
        return self._complete(self._held, self._places, self._next)

    def _singles(self, portion: Portion) -> Grouped:
        broken, self._broken = self._broken, []
        return Grouped(portion, pa.array(range(len(portion) + 1), pa.int32()), broken)

    def _complete(self, portion: Portion, places: Any, open_from: int) -> Grouped:
        """Gives out what lies before the first group whose last row is at `open_from` or later, and holds the rest."""
        order = self._order(portion, places)
        firsts, lasts = order.offsets.slice(0, len(order.offsets) - 1), pc.subtract(order.offsets.slice(1), 1)
        first_places, last_places = places.take(order.rows(firsts)), places.take(order.rows(lasts))
        self._check(portion, order, first_places, last_places)
        growing = pc.indices_nonzero(pc.greater_equal(last_places, open_from))
        complete = growing[0].as_py() if len(growing) else len(firsts)
        given, self._held, self._places = _parted(portion, places, order, order.offsets[complete].as_py())
        return Grouped(given, order.offsets.slice(0, complete + 1), self._released(self._held))

    def _released(self, held: Portion) -> list[BrokenRow]:
        """The broken rows that lie before everything that is held back."""
        if not len(held):
            released, self._broken = self._broken, []
            return released
        first = held.rows[0].as_py()
        released = [each for each in self._broken if each.row < first]
        self._broken = self._broken[len(released) :]
        return released

    def _order(self, portion: Portion, places: Any) -> _Order:
        group = self._group
        if group is None or not len(portion):
            return _Order(None, pa.array([0], pa.int32()))
        codes = _keys([portion.columns[name] for name in group.by], places).dictionary_encode().indices
        if group.within == 1:
            starts = pc.indices_nonzero(_changes(codes))
            return _Order(None, _offsets(starts, len(codes)))
        return _near(codes, places, group.within)

    def _check(self, portion: Portion, order: _Order, firsts: Any, lasts: Any) -> None:
        if self._group is None or not len(firsts):
            return
        sizes = pc.subtract(order.offsets.slice(1), order.offsets.slice(0, len(order.offsets) - 1))
        for too_large, what, remedy in (
            (pc.greater(sizes, self._group.most), f"a group of more than {self._group.most:,} rows", "most"),
            (
                pc.greater(pc.subtract(lasts, firsts), WIDEST),
                f"a group spread over more than {WIDEST:,} rows",
                "within",
            ),
        ):
            found = pc.indices_nonzero(too_large)
            if len(found):
                row = portion.rows[order.rows(order.offsets.take(found))[0].as_py()].as_py()
                advice = f"Is group.by in the mapping right? Else change group.{remedy}."
                raise FileProblem(self._path, f"{what} begins here", advice, row)


def _parted(portion: Portion, places: Any, order: _Order, count: int) -> tuple[Portion, Portion, Any]:
    """The first `count` rows of the order, and the rest as it stands in the file."""
    if order.indices is None:
        rest = len(portion) - count
        return portion.slice(0, count), portion.slice(count, rest), places.slice(count)
    kept = order.indices.slice(count)
    kept = kept.take(pc.array_sort_indices(kept))
    return portion.take(order.indices.slice(0, count)), portion.take(kept), places.take(kept)


def _keys(columns: list[Cells], places: Any) -> Any:
    """What rows of one group have in common; a row that lacks any of it is alone."""
    if len(columns) == 1 and not columns[0].raw.null_count:
        return columns[0].raw
    keys = pc.binary_join_element_wise(*[cells.texts for cells in columns], "\x1f")
    return keys if not keys.null_count else pc.coalesce(keys, joined("\x00", places.cast(pa.string())))


def _near(codes: Any, places: Any, within: int) -> _Order:
    by_code = pc.array_sort_indices(codes)
    sorted_places = places.take(by_code)
    gaps = pc.greater(pc.fill_null(pc.pairwise_diff(sorted_places), 0), within)
    new = pc.or_(_changes(codes.take(by_code)), gaps)
    starts = pc.indices_nonzero(new)
    rank = pc.array_sort_indices(sorted_places.take(starts))  # groups by their first row
    place_of_group = pc.array_sort_indices(rank)
    group_of_row = pc.subtract(pc.cumulative_sum(new.cast(pa.int64())), 1)
    order = pc.array_sort_indices(place_of_group.take(group_of_row))
    sizes = pc.pairwise_diff(_offsets(starts, len(codes))).slice(1).take(rank)
    offsets = pa.concat_arrays([pa.array([0], pa.int32()), pc.cumulative_sum(sizes)])
    return _Order(by_code.take(order), offsets)


def _changes(codes: Any) -> Any:
    """Where a value differs from the one before; the first does."""
    later = pc.not_equal(codes.slice(1), codes.slice(0, len(codes) - 1))
    return pa.concat_arrays([pa.array([True]), later])


def _offsets(starts: Any, length: int) -> Any:
    return pa.concat_arrays([starts.cast(pa.int32()), pa.array([length], pa.int32())])
