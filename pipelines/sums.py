"""Rollups in parts: each worker sums up its rows, the parts of a bucket are merged, and the table's rows come out.

The sums are those of `Rollup.difference` and `Rollup.values`, the functions that run live; here is only how their
results are added to each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, localcontext
from operator import itemgetter
from typing import Any

from pipelines.buckets import Codec, Packed, bucketed
from pipelines.kinds import KINDS, row_kind, tuple_of
from projections.columns import Columns
from projections.rollups import EXACT, Figure, Group, Rollup, trimmed

Part = tuple[Group, tuple[Any, ...], tuple[list[tuple[Any, int]], ...]]
"""A group; its count and sums; for each other figure the values with the number of rows that have each."""


class Sums:
    """The figures of one rollup over the rows that were added."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup
        self._values: list[tuple[Figure, Any]] = [
            *((figure, None) for figure in rollup.distinct.values()),
            *((figure, min) for figure in rollup.least.values()),
            *((figure, max) for figure in rollup.greatest.values()),
        ]
        self._codec: Codec[Part] = Codec(_part_type(rollup, (figure for figure, _ in self._values)))
        exact = "numeric" not in rollup.keys.values()
        self._bucket_key: Callable[[Part], Group] = itemgetter(0) if exact else _trimmed_group
        self._sums: dict[Group, list[Any]] = {}
        self._seen: list[dict[Group, dict[Any, int]]] = [{} for _ in self._values]

    def add(self, rows: Iterable[Any]) -> None:
        """Sums up more rows of the source."""
        rows = Columns.of(rows)
        self.rollup.add_up(self._sums, rows, 1)
        for (figure, choose), seen in zip(self._values, self._seen, strict=True):
            for (group, value), count in self.rollup.values(figure, (), rows).items():
                _note(seen.setdefault(group, {}), value, count, choose)

    def merge(self, parts: Iterable[bytes]) -> None:
        """Takes in what others summed up."""
        found = list(self._codec.unpack_all(parts))
        self._add_sums((self.rollup.numbered(group), sums) for group, sums, _ in found)
        if not self._values:
            return
        for group, _, figures in found:
            for (_, choose), seen, values in zip(self._values, self._seen, figures, strict=True):
                for value, count in values:
                    _note(seen.setdefault(group, {}), value, count, choose)

    def parts(self) -> Iterator[tuple[int, Packed]]:
        """What was summed up, by bucket of its groups, ready to travel."""
        parts = (self._part(self.rollup.plain(group), sums) for group, sums in self._sums.items())
        for bucket, found in bucketed(parts, self._bucket_key).items():
            yield bucket, self._codec.pack(found)

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self._sums)

    def rows(self) -> list[tuple[Any, ...]]:
        """The rollup's rows, the columns in the order of its declaration."""
        groups = ((self.rollup.plain(group), sums) for group, sums in self._sums.items())
        if not self._values:
            return [(*group, *map(_stored, sums)) for group, sums in groups]
        return [(*group, *map(_stored, sums), *self._figures(group)) for group, sums in groups]

    def value_rows(self, name: str) -> list[tuple[Any, ...]]:
        """The rows of a distinct figure's own table: keys, value and how many rows have it."""
        seen = self._seen[list(self.rollup.distinct).index(name)]
        return [(*group, value, count) for group, values in seen.items() for value, count in values.items()]

    def _add_sums(self, sums: Iterable[tuple[Group, Iterable[Any]]]) -> None:
        """Groups hash slowly, so each is looked up once."""
        with localcontext(EXACT):
            for group, added in sums:
                fresh = [*added]
                present = self._sums.setdefault(group, fresh)
                if present is not fresh:
                    for place, value in enumerate(fresh):
                        present[place] += value

    def _part(self, group: Group, sums: list[Any]) -> Part:
        return (group, tuple(sums), tuple([list(seen.get(group, {}).items()) for seen in self._seen]))

    def _figures(self, group: Group) -> Iterator[Any]:
        for (_, choose), seen in zip(self._values, self._seen, strict=True):
            values = seen.get(group)
            if choose is None:
                yield len(values or ())
            else:
                yield trimmed(next(iter(values))) if values else None


def _trimmed_group(part: Part) -> Group:
    """Groups that are equal have the same form, so that they meet in one bucket."""
    return tuple(map(trimmed, part[0]))


def _stored(value: Any) -> Any:
    """A sum as it is stored; most sums of a row are nothing."""
    if value:
        return trimmed(value)
    return _NOTHING if isinstance(value, Decimal) else value


_NOTHING = Decimal(0)


def _note(values: dict[Any, int], value: Any, count: int, choose: Any) -> None:
    """Of the smallest or greatest only one value has to be remembered."""
    if choose is None:
        values[value] = values.get(value, 0) + count
    elif not values:
        values[value] = count
    else:
        [best] = values
        if choose(best, value) is not best:
            del values[best]
            values[value] = count


def _part_type(rollup: Rollup, figures: Iterable[Figure]) -> Any:
    values = tuple_of(list.__class_getitem__(tuple_of((KINDS[each.type], int))) for each in figures)
    return tuple_of((row_kind(rollup.keys), row_kind({rollup.count: "bigint", **rollup.sums}), values))
