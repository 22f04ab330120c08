"""The second kind of projection: entities, the rows that an ordered fold makes of all fact rows of one key.

An order's state, a message's life or a customer's first purchase are entities: whatever order touchpoints arrive in,
the rows of a key are those of one fold over everything known of it. Nothing here knows a database, so the same
functions serve live, in a replay and in batch.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, get_args, get_type_hints
from uuid import UUID

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

    @property
    def family(self) -> tuple[tuple[str, ...], str, bool]:
        """What it has in common with those that are made of the same rows by the same key."""
        return self.sources, self.key, self.by_profile

    def rows(self, gathered: Mapping[Any, Sequence[Iterable[Row]]]) -> list[Row]:
        """The rows of some keys, given for each the rows of each source. Pure, and independent of the rows' order."""
        return folded([self], gathered)[0]


def folded(members: Sequence[Entities], gathered: Mapping[Any, Sequence[Iterable[Row]]]) -> list[list[Row]]:
    """The rows of several entity tables that have the same sources and key, in the order of `members`.

    The folds of a key follow each other and get the same list, so that they may share what they find out of it.
    """
    found: list[list[Row]] = [[] for _ in members]
    for key, sources in gathered.items():
        if ordered := in_order(sources):
            for rows, member in zip(found, members, strict=True):
                rows.extend(member.fold(key, ordered))
    return found


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
    if len(sources) == 1:
        [alone] = sources
        rows = alone if isinstance(alone, list) else list(alone)
        if len(rows) < 2:
            return rows
        sources = [rows]
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


def difference(old: Collection[Row], new: Collection[Row], key: str | None = None) -> Difference:
    """The old rows that are not among the new ones and the new rows that are not among the old ones.

    Rows are the same when they are stored the same, to the digits after the point. Rows with different values of the
    column `key` are known to differ.
    """
    if not old or not new:
        return Difference(list(old), list(new))
    held = None if key is None else {getattr(row, key) for row in old}
    before: list[Any] = [exactly(row) for row in old]
    after: list[Any] = [
        exactly(row) if key is None or held is None or getattr(row, key) in held else None for row in new
    ]
    stays = Counter(before) & Counter(after)
    return Difference(_without(old, before, stays), _without(new, after, stays))


def _without(rows: Iterable[Row], forms: Iterable[Any], stays: Mapping[Any, int]) -> list[Row]:
    left, changed = dict(stays), []
    for row, form in zip(rows, forms, strict=True):
        if left.get(form):
            left[form] -= 1
        else:
            changed.append(row)
    return changed


def exactly(row: Row) -> tuple[Any, ...]:
    """A row in a form that can be hashed, in which 1.5 and 1.50 differ."""
    form = [*row]
    for place in _inexact_places(type(row)) if hasattr(row, "_fields") else range(len(row)):
        if type(form[place]) in _INEXACT:
            form[place] = _exact(form[place])
    return tuple(form)


@lru_cache
def _inexact_places(row: Any) -> tuple[int, ...]:
    """The fields of a row type whose values may be equal and yet stored otherwise, or cannot be hashed."""
    hints = get_type_hints(row)
    return tuple(place for place, name in enumerate(row._fields) if not _present(hints[name]) <= _PLAIN)


def _present(hint: Any) -> set[Any]:
    return {each for each in get_args(hint) or (hint,) if each is not type(None)}


_PLAIN = {int, str, bool, bytes, date, datetime, UUID}
_INEXACT = (Decimal, dict, list)
_encode = msgspec.json.Encoder(order="sorted", decimal_format="string").encode


def _exact(value: Any) -> Any:
    return format(value, "f") if isinstance(value, Decimal) else _encode(value)
