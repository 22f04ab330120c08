"""The third kind of projection: rollups, figures by group keys over facts and entities, kept up by differences.

A rollup never looks at a row twice. Whoever changes rows passes on the old ones, which are taken off, and the new ones,
which are added; so late, corrected, retracted and merged are one mechanism. Nothing here knows a database, so the same
functions serve live, in a replay and in batch.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, Inexact, localcontext
from functools import cached_property, lru_cache
from itertools import repeat
from operator import add, attrgetter
from typing import Any, NamedTuple
from uuid import UUID

from projections.columns import Columns

EXACT = Context(prec=400, traps=[Inexact])
"""Arithmetic that never rounds: amounts have at most 24 digits before the point and 12 after it."""

Group = tuple[Any, ...]

Sums = dict[Group, list[Any]]
"""The count and the sums of each group, UUIDs of the group as whole numbers."""


class Figure(NamedTuple):
    """A figure that is made of a source row's column: the column's name and its SQL type."""

    column: str
    type: str


@dataclass(frozen=True)
class Rollup:
    """A table of figures over the rows of the table `source`, one row for each combination of `keys`.

    `keys` maps each key column to its SQL type and `sums` each summed column to its own; both are read from the source
    row's fields of the same names. `count` is the column that counts rows; a group whose count is 0 has no row.
    `least`, `greatest` and `distinct` map a column of the rollup to the source's column whose smallest value, greatest
    value or number of different values it holds. Null adds nothing to any figure.

    Sums are kept without zeros at the end. Each distinct figure needs a table of its own, `{table}_{figure}`, with the
    keys, `value` and `rows bigint`: how often each value occurs in a group.
    """

    table: str
    source: str
    keys: Mapping[str, str]
    count: str
    sums: Mapping[str, str] = field(default_factory=dict)
    least: Mapping[str, Figure] = field(default_factory=dict)
    greatest: Mapping[str, Figure] = field(default_factory=dict)
    distinct: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """The columns of the table with their SQL types."""
        extremes = {name: figure.type for name, figure in {**self.least, **self.greatest}.items()}
        return {
            **self.keys,
            self.count: "bigint",
            **self.sums,
            **dict.fromkeys(self.distinct, "bigint"),
            **extremes,
        }

    def group(self, row: Any) -> Group:
        """The group that a source row belongs to."""
        return self._key(row)

    @cached_property
    def _key(self) -> Callable[[Any], Group]:
        return _reader(tuple(self.keys))

    def difference(self, old: Iterable[Any], new: Iterable[Any]) -> dict[Group, list[Any]]:
        """By group: how much the count and each sum change. Exact to the last digit."""
        return {self.plain(group): sums for group, sums in self._net(old, new).items()}

    def changed(self, old: Iterable[Any], new: Iterable[Any]) -> list[tuple[Any, ...]]:
        """The groups whose count or sums change, each with how much they do."""
        return [(*self.plain(group), *sums) for group, sums in self._net(old, new).items() if any(sums)]

    def _net(self, old: Iterable[Any], new: Iterable[Any]) -> Sums:
        """The new rows' sums less the old ones'; a group of which nothing changes has zeros."""
        sums: Sums = {}
        self.add_up(sums, old, -1)
        self.add_up(sums, new, 1)
        return sums

    def add_up(self, sums: Sums, rows: Iterable[Any], sign: int) -> None:
        """Adds rows to sums, or takes them off. Groups hash slowly, so each is looked up once."""
        columns = Columns.of(rows)
        if not len(columns):
            return
        keys = [columns.numbers(name) if kind == "uuid" else columns[name] for name, kind in self.keys.items()]
        groups: Iterable[Group] = zip(*keys, strict=True) if keys else repeat((), len(columns))
        with localcontext(EXACT):
            values = [_signed(columns[name], kind, sign) for name, kind in self.sums.items()]
            for group, added in zip(groups, zip(repeat(sign, len(columns)), *values, strict=True), strict=True):
                fresh = [*added]
                present = sums.setdefault(group, fresh)
                if present is not fresh:
                    present[:] = map(add, present, added)

    def plain(self, group: Group) -> Group:
        """A group of sums with its UUIDs."""
        for place in self._numbered:
            if group[place] is not None:
                group = (*group[:place], _uuid(group[place]), *group[place + 1 :])
        return group

    def numbered(self, group: Group) -> Group:
        """A group as it stands in sums."""
        for place in self._numbered:
            if group[place] is not None:
                group = (*group[:place], group[place].int, *group[place + 1 :])
        return group

    @cached_property
    def _numbered(self) -> tuple[int, ...]:
        return tuple(place for place, kind in enumerate(self.keys.values()) if kind == "uuid")

    def values(self, figure: Figure, old: Iterable[Any], new: Iterable[Any]) -> dict[tuple[Group, Any], int]:
        """By group and value of a figure's column: in how many rows more, or fewer, it occurs."""
        changes: Counter[tuple[Group, Any]] = Counter()
        for rows, sign in ((old, -1), (new, 1)):
            for row in rows:
                value = getattr(row, figure.column)
                if value is not None:
                    changes[self.group(row), value] += sign
        return {each: change for each, change in changes.items() if change}

    def table_of(self, rows: Iterable[Any]) -> dict[Group, tuple[Any, ...]]:
        """The whole table over these rows: by group, the values of the columns that are no keys, in order."""
        rows = list(rows)
        found: dict[Group, list[Any]] = {
            group: [sums[0], *map(trimmed, sums[1:])] for group, sums in self.difference((), rows).items()
        }
        for name in self.distinct:
            self._append(found, self._by_group(self.distinct[name], rows), len, 0)
        for name in self.least:
            self._append(found, self._by_group(self.least[name], rows), lambda values: trimmed(min(values)), None)
        for name in self.greatest:
            self._append(found, self._by_group(self.greatest[name], rows), lambda values: trimmed(max(values)), None)
        return {group: tuple(figures) for group, figures in found.items()}

    def _by_group(self, figure: Figure, rows: Iterable[Any]) -> dict[Group, set[Any]]:
        found: dict[Group, set[Any]] = {}
        for group, value in self.values(figure, (), rows):
            found.setdefault(group, set()).add(value)
        return found

    @staticmethod
    def _append(found: dict[Group, list[Any]], values: dict[Group, set[Any]], figure: Any, nothing: Any) -> None:
        for group, figures in found.items():
            figures.append(figure(values[group]) if group in values else nothing)


def _signed(column: Iterable[Any], kind: str, sign: int) -> list[Any]:
    """What a column's values add; null adds nothing."""
    nothing = Decimal(0) if kind == "numeric" else 0
    if sign > 0:
        return [nothing if value is None else value for value in column]
    return [nothing if value is None else -value for value in column]


@lru_cache(maxsize=65_536)
def _uuid(number: int) -> UUID:
    return UUID(int=number)


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    """What reads these fields of a row; a batch has so many rows that this is felt."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda row: tuple([getattr(row, name) for name in names])


def trimmed(value: Any) -> Any:
    """A decimal without zeros at its end, as it is stored in a rollup; anything else as it is."""
    if not isinstance(value, Decimal):
        return value
    shortest = EXACT.normalize(value)
    return EXACT.quantize(shortest, _ONE) if shortest == EXACT.to_integral_value(shortest) else shortest


_ONE = Decimal(1)


def padded(value: Decimal, digits: int = 2) -> Decimal:
    """A decimal with at least so many digits after the point: the way back from `trimmed`, for whoever shows money."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent <= -digits:
        return value
    with localcontext(EXACT):
        return value.quantize(Decimal(1).scaleb(-digits))
