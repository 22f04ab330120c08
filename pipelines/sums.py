"""Rollups in parts: each worker adds up its rows, the parts of a bucket are put together, and the rows come out.

Rows are added up by the tallies that add them up live, so here is only how their tables travel: as Arrow, divided by
the group.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any
from zlib import crc32

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.buckets import BUCKETS, packed_table, unpacked_table
from projections.columns import Columns
from projections.rollups import Group, Rollup
from projections.tallies import Tally, in_rows

PENDING = 131_072
"""How many rows may wait before they are added to what was added up before."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode


class Sums:
    """The figures of one rollup over the rows that were added."""

    def __init__(self, rollup: Rollup) -> None:
        self.rollup = rollup
        figures = {**rollup.distinct, **rollup.least, **rollup.greatest}
        self._sums = _Groups(rollup.tally)
        self._values = {name: _Groups(rollup.tally_of(figure)) for name, figure in figures.items()}

    def add(self, rows: Iterable[Any]) -> None:
        """Adds more rows of the source."""
        rows = Columns.of(rows)
        for each in self._all:
            each.add(each.tally.alone(rows))

    def merge(self, parts: Iterable[bytes]) -> None:
        """Takes in what others added up."""
        for part in parts:
            for groups, sent in zip(self._all, _decode(part), strict=True):
                groups.add(unpacked_table(sent))

    def parts(self) -> Iterator[tuple[int, bytes]]:
        """What was added up, by bucket of its groups, ready to travel."""
        divided = [each.by_bucket(len(self.rollup.keys)) for each in self._all]
        for bucket in sorted({bucket for each in divided for bucket in each}):
            tables = zip(self._all, divided, strict=True)
            yield bucket, _encode([packed_table(each.get(bucket, groups.nothing)) for groups, each in tables])

    def __len__(self) -> int:
        """How many groups it holds, and how many rows wait."""
        return sum(map(len, self._all))

    @property
    def plain(self) -> bool:
        """Whether the rollup has counts and sums and no other figure, so that `groups` is all of it."""
        return not self._values

    def groups(self) -> pa.Table:
        """The groups with their counts and sums."""
        return self._sums.whole()

    def as_rows(self) -> Columns:
        """The groups as rows that other rollups are made of: their keys."""
        return _Keys(self.rollup, self.groups())

    def rows(self) -> list[tuple[Any, ...]]:
        """The rollup's rows, the columns in the order of its declaration."""
        rows, keys = self._sums.rows(), len(self.rollup.keys)
        for name in self._values:
            figures = self._figures(name)
            nothing = 0 if name in self.rollup.distinct else None
            rows = [(*row, figures.get(row[:keys], nothing)) for row in rows]
        return rows

    def value_rows(self, name: str) -> list[tuple[Any, ...]]:
        """The rows of a figure's values: keys, value and how many rows have it."""
        return [row for row in self._values[name].rows() if row[-2] is not None]

    @property
    def _all(self) -> list[_Groups]:
        return [self._sums, *self._values.values()]

    def _figures(self, name: str) -> dict[Group, Any]:
        """A figure by group: how many values there are, or which is the smallest or the greatest."""
        values: dict[Group, list[Any]] = {}
        for *group, value, _ in self.value_rows(name):
            values.setdefault(tuple(group), []).append(value)
        choose = len if name in self.rollup.distinct else min if name in self.rollup.least else max
        return {group: choose(found) for group, found in values.items()}


class _Keys(Columns):
    """The keys of groups, which are columns already."""

    def __init__(self, rollup: Rollup, groups: pa.Table) -> None:
        super().__init__(())
        self._groups = groups
        self._places = {name: place for place, name in enumerate(rollup.keys)}

    def __len__(self) -> int:
        """How many groups there are."""
        return len(self._groups)

    def arrow(self, name: str, sql_type: str) -> Any:
        """A key."""
        return self._groups.columns[self._places[name]]


class _Groups:
    """Groups of one tally, and rows that wait to be added to them."""

    def __init__(self, tally: Tally) -> None:
        self.tally = tally
        self.nothing = tally.groups(Columns(()))
        self._whole = self.nothing
        self._waiting: list[pa.Table] = []
        self._rows = 0

    def add(self, groups: pa.Table) -> None:
        """Takes rows or groups in."""
        self._waiting.append(groups)
        self._rows += len(groups)
        if self._rows > max(PENDING, len(self._whole)):
            self.whole()

    def whole(self) -> pa.Table:
        """All groups."""
        if self._waiting:
            self._whole = self.tally.together([self._whole, *self._waiting])
            self._waiting, self._rows = [], 0
        return self._whole

    def rows(self) -> list[tuple[Any, ...]]:
        """The groups in Python."""
        return in_rows(self.whole())

    def by_bucket(self, keys: int) -> dict[int, pa.Table]:
        """The groups by bucket, which the first so many columns decide on."""
        whole = self.whole()
        numbers = _buckets(whole.columns[:keys], len(whole))
        found = numbers.unique().to_pylist()
        return {bucket: whole.filter(pc.equal(numbers, bucket)) for bucket in found}

    def __len__(self) -> int:
        return len(self._whole) + self._rows


def _buckets(keys: Iterable[pa.ChunkedArray], size: int) -> pa.Array:
    """The bucket of each group: equal groups have the same one on every machine."""
    mixed: Any = pa.repeat(0, size)
    for key in keys:
        encoded = key.combine_chunks().dictionary_encode(null_encoding="encode")
        hashes = [0 if value is None else crc32(value) for value in _bytes(encoded.dictionary).to_pylist()]
        mixed = pc.add(pc.multiply(mixed, 31), pc.take(pa.array(hashes, pa.int64()), encoded.indices))
        mixed = pc.bit_wise_and(mixed, 0xFFFFFFFF)
    return pc.bit_wise_and(mixed, BUCKETS - 1)


def _bytes(values: pa.Array) -> pa.Array:
    """A form of any value that says the same on every machine."""
    return values.cast(pa.binary() if pa.types.is_fixed_size_binary(values.type) else pa.string()).cast(pa.binary())
