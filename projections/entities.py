"""The second kind of projection: entities, the rows that an ordered fold makes of all fact rows of one key.

An order's state, a message's life or a customer's first purchase are entities: whatever order touchpoints arrive in,
the rows of a key are those of one fold over everything known of it. Nothing here knows a database, so the same
functions serve live, in a replay and in batch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple

import msgspec

from projections.facts import Row

Fold = Callable[[Any, Sequence[Any]], Iterable[Row]]
"""Gives a key's rows from its source rows, in order. Must be pure: the same rows in, the same rows out."""


@dataclass(frozen=True)
class Entities:
    """A table of entities: for each value of the column `key`, the rows that `fold` makes of its source rows.

    `sources` names tables of facts, or of entities declared before. Their rows have the columns `effective_at` and
    `event_id`, which order them; a row whose key is null belongs to no entity. `fold` gets rows of all sources in one
    sequence and tells them apart by their class. It is never called without rows: a key that has none left has no
    entity. `row` is the named tuple of the columns, `key` among them.

    With `by_profile` the key is the profile that a source row's `subject` belonged to at that moment, so source rows
    need no column of that name; the projection must require identity. A profile's rows are folded anew when identity
    moves it.
    """

    table: str
    row: Any
    sources: tuple[str, ...]
    key: str
    fold: Fold
    by_profile: bool = False

    def rows(self, gathered: Mapping[Any, Sequence[Iterable[Row]]]) -> list[Row]:
        """The rows of some keys, given for each the rows of each source. Pure, and independent of the rows' order."""
        return [
            row
            for key, sources in gathered.items()
            if (ordered := in_order(sources))
            for row in self.fold(key, ordered)
        ]


class Difference(NamedTuple):
    """What changes in a table: rows that go and rows that come."""

    old: Sequence[Row]
    new: Sequence[Row]


def by_key(rows: Iterable[Row], key: str) -> dict[Any, list[Row]]:
    """The rows under each value of a column; those with null are left out."""
    found: defaultdict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        value = getattr(row, key)
        if value is not None:
            found[value].append(row)
    return dict(found)


def in_order(sources: Sequence[Iterable[Any]]) -> list[Any]:
    """The rows of several sources by effective time and event id.

    Rows of one event go by the place of their source, then by their columns: the order never depends on how they were
    stored.
    """
    placed = [(row.effective_at, row.event_id, place, row) for place, rows in enumerate(sources) for row in rows]
    placed.sort(key=_MOMENT)
    ordered: list[Any] = []
    for _, together in groupby(placed, key=_MOMENT):
        rows = [row for *_, row in together]
        ordered += sorted(rows, key=_comparable) if len(rows) > 1 else rows
    return ordered


_MOMENT = itemgetter(0, 1, 2)


def _comparable(row: Row) -> tuple[tuple[bool, Any], ...]:
    """A row in a form that sorts although a column may be null or have no order."""
    return tuple((value is not None, _encode(value) if isinstance(value, dict | list) else value) for value in row)


def difference(old: Collection[Row], new: Collection[Row]) -> Difference:
    """The old rows that are not among the new ones and the new rows that are not among the old ones.

    Rows are the same when they are stored the same, to the digits after the point.
    """
    if not old or not new:
        return Difference(list(old), list(new))
    stays = Counter(map(exactly, old)) & Counter(map(exactly, new))
    return Difference(_without(old, stays), _without(new, stays))


def _without(rows: Iterable[Row], stays: Mapping[Any, int]) -> list[Row]:
    left, changed = dict(stays), []
    for row in rows:
        form = exactly(row)
        if left.get(form):
            left[form] -= 1
        else:
            changed.append(row)
    return changed


def exactly(row: Row) -> tuple[Any, ...]:
    """A row in a form that can be hashed, in which 1.5 and 1.50 differ."""
    return tuple([_exact(value) if type(value) in _INEXACT else value for value in row])


_INEXACT = (Decimal, dict, list)
_encode = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


def _exact(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else _encode(value)
