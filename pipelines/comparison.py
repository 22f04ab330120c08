"""Comparing a live table with what batch makes of it: first by digests, then row by row where these differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, NamedTuple

from pipelines.canonical import NOTHING, Digest, Layout
from pipelines.kinds import row_kind
from pipelines.live import Live
from pipelines.output import Rebuilt

NAMED = 1_000
"""How many rows of a table that differ are named; all are counted."""

AT_ONCE = 100_000
"""How many rows of a side are held to compare them one by one."""

Columns = Mapping[str, Any]
Digests = Mapping[int, Digest]
Row = tuple[Any, ...]


class Difference(NamedTuple):
    """A row that differs: its key, and the columns on both sides; None where there is no such row.

    Where several rows have one key, `key` has as many of the following columns as tell them apart. `columns` are those
    that differ; none where one side has no such row.
    """

    table: str
    key: Columns
    live: Columns | None
    batch: Columns | None
    columns: list[str]


class Compared(NamedTuple):
    """What was compared of a table, how many rows differ, and of these the first `NAMED`."""

    table: str
    live_rows: int
    batch_rows: int
    differing: int
    differences: list[Difference]


def compare(live: Live, rebuilt: Rebuilt, table: str) -> Compared:
    """Compares one table."""
    layout = live.layouts[table]
    ours, theirs = live.digests(table), rebuilt.digests(table)
    named: list[Difference] = []
    count = 0
    for buckets in _together(ours, theirs):
        batch = (row for row in rebuilt.rows(table, row_kind(layout.columns), buckets) if layout.bucket(row) in buckets)
        for difference in differences(table, layout, live.rows(table, buckets), batch):
            count += 1
            if len(named) < NAMED:
                named.append(difference)
    return Compared(table, _count(ours), _count(theirs), count, sorted(named, key=_place))


def differences(table: str, layout: Layout, live: Iterable[Row], batch: Iterable[Row]) -> Iterator[Difference]:
    """Every row that is on one side only; rows of one key are put side by side."""
    ours, theirs = _by_key(layout, live), _by_key(layout, batch)
    for key in ours.keys() | theirs.keys():
        left, right = ours.get(key, []), theirs.get(key, [])
        if sorted(map(layout.text, left)) != sorted(map(layout.text, right)):
            yield from _of_one_key(table, layout, left, right)


def _of_one_key(table: str, layout: Layout, left: list[Row], right: list[Row]) -> Iterator[Difference]:
    names = _telling(layout, left, right)
    ours, theirs = _by_text(layout, names, left), _by_text(layout, names, right)
    for text in ours.keys() | theirs.keys():
        for mine, other in zip_longest(ours.get(text, ()), theirs.get(text, ())):
            columns = layout.differing(mine, other) if mine is not None and other is not None else []
            if columns or mine is None or other is None:
                place = dict(zip(names, layout.values(mine if mine is not None else other, names), strict=True))
                yield Difference(table, place, _named(layout, mine), _named(layout, other), columns)


def _telling(layout: Layout, *sides: Sequence[Row]) -> list[str]:
    """The key's columns, and as many after them as it takes to tell the rows of each side apart."""
    names = [*layout.key]
    for name in layout.columns:
        if all(len(_by_text(layout, names, rows)) == len(rows) for rows in sides):
            break
        if name not in layout.key:
            names.append(name)
    return names


def _by_key(layout: Layout, rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(layout.key_text(row), []).append(row)
    return found


def _by_text(layout: Layout, names: Sequence[str], rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(layout.text(row, names), []).append(row)
    return found


def _together(ours: Digests, theirs: Digests) -> Iterator[set[int]]:
    """The buckets that differ, as many at a time as fit into memory."""
    gathered: set[int] = set()
    rows = 0
    for bucket in sorted(ours.keys() | theirs.keys()):
        sides = ours.get(bucket, NOTHING), theirs.get(bucket, NOTHING)
        if sides[0] != sides[1]:
            gathered.add(bucket)
            rows += max(side.rows for side in sides)
        if rows > AT_ONCE:
            yield gathered
            gathered, rows = set(), 0
    if gathered:
        yield gathered


def _named(layout: Layout, row: Row | None) -> Columns | None:
    return None if row is None else dict(zip(layout.columns, row, strict=True))


def _count(digests: Digests) -> int:
    return sum(digest.rows for digest in digests.values())


def _place(difference: Difference) -> tuple[str, ...]:
    return tuple(str(value) for value in difference.key.values())
