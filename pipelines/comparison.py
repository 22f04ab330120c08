"""Comparing a live table with what batch makes of it: first by digests, then row by row where these differ."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, NamedTuple

from pipelines.canonical import Digest, Layout
from pipelines.kinds import row_kind
from pipelines.live import Live
from pipelines.output import Rebuilt

Columns = Mapping[str, Any]


class Difference(NamedTuple):
    """A row that differs: its key, and the columns on both sides; None where there is no such row.

    `columns` are those that differ; none where one side has no such row.
    """

    table: str
    key: Columns
    live: Columns | None
    batch: Columns | None
    columns: list[str]


class Compared(NamedTuple):
    """What was compared of a table, and every row that differs."""

    table: str
    live_rows: int
    batch_rows: int
    differences: list[Difference]


def compare(live: Live, rebuilt: Rebuilt, table: str) -> Compared:
    """Compares one table."""
    layout = live.layouts[table]
    ours, theirs = live.digests(table), rebuilt.digests(table)
    buckets = {bucket for bucket in ours.keys() | theirs.keys() if ours.get(bucket) != theirs.get(bucket)}
    found: list[Difference] = []
    if buckets:
        batch = (row for row in rebuilt.rows(table, row_kind(layout.columns), buckets) if layout.bucket(row) in buckets)
        found = sorted(differences(table, layout, live.rows(table, buckets), batch), key=_place)
    return Compared(table, _count(ours), _count(theirs), found)


def differences(
    table: str, layout: Layout, live: Iterable[tuple[Any, ...]], batch: Iterable[tuple[Any, ...]]
) -> Iterator[Difference]:
    """Every row that is on one side only; rows of one key are put side by side."""
    ours, theirs = _by_key(layout, live), _by_key(layout, batch)
    for key in ours.keys() | theirs.keys():
        left, right = ours.get(key, {}), theirs.get(key, {})
        pairs = zip_longest(_without(left, right), _without(right, left))
        for mine, other in pairs:
            values = layout.key_of(mine if mine is not None else other)
            named = dict(zip(layout.key, values, strict=True))
            columns = layout.differing(mine, other) if mine is not None and other is not None else []
            yield Difference(table, named, _named(layout, mine), _named(layout, other), columns)


Rows = dict[str, list[tuple[Any, ...]]]
"""Rows by their canonical text; usually one each."""


def _by_key(layout: Layout, rows: Iterable[tuple[Any, ...]]) -> dict[str, Rows]:
    found: defaultdict[str, Rows] = defaultdict(dict)
    for row in rows:
        found[layout.key_text(row)].setdefault(layout.text(row), []).append(row)
    return found


def _without(rows: Rows, others: Rows) -> list[tuple[Any, ...]]:
    return [row for text, several in rows.items() for row in several[len(others.get(text, ())) :]]


def _named(layout: Layout, row: tuple[Any, ...] | None) -> Columns | None:
    return None if row is None else dict(zip(layout.columns, row, strict=True))


def _count(digests: Mapping[int, Digest]) -> int:
    return sum(digest.rows for digest in digests.values())


def _place(difference: Difference) -> tuple[str, ...]:
    return tuple(str(value) for value in difference.key.values())
