"""A rollup's tables in the database: differences are added to them, set-wise."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from projections.columns import Columns
from projections.contract import Connected
from projections.copying import copy_groups, copy_rows
from projections.rollups import Figure, Group, Rollup
from projections.tallies import few, in_rows

MANY = 500
"""From how many rows on a change is copied."""

Changes = dict[Group, list[Any]]
"""By group: what is added to the count, the sums and the distinct figures."""

Found = list[tuple[Any, ...]]
"""Groups that have no rows any more, and if others are made of them those that are new: place, whether new, keys."""


class RollupTable:
    """Keeps one rollup up to date, inside the transaction that is open.

    `followed` says that other rollups are made of its groups.
    """

    def __init__(self, rollup: Rollup, schema: str, followed: bool = False) -> None:
        self._rollup = rollup
        self._table = f"{schema}.{rollup.table}"
        self._source = f"{schema}.{rollup.source}"
        self._keys = ", ".join(rollup.keys)
        self._extremes = {**rollup.least, **rollup.greatest}
        self._followed = followed

    def apply(self, connection: Connected, old: Columns, new: Columns) -> tuple[Columns, Columns]:
        """Takes the old rows off and adds the new ones, which the source table holds already.

        Returns the groups that are gone and those that are new, where others are made of them.
        """
        if self._rollup.distinct or self._extremes:
            found = self._figure_out(connection, old, new)
        else:
            found = self._add_up(connection, old, new)
        if not self._followed:
            return Columns(()), Columns(())
        gone, added = ([keys for _, is_new, *keys in found if is_new == each] for each in (False, True))
        return Columns.named(self._rollup.keys, gone), Columns.named(self._rollup.keys, added)

    def _figure_out(self, connection: Connected, old: Columns, new: Columns) -> Found:
        changes: Changes = self._rollup.difference(old, new)
        for name, figure in self._rollup.distinct.items():
            self._count_values(connection, name, self._rollup.values(figure, old, new), changes)
        values = {name: self._rollup.values(each, old, new) for name, each in self._extremes.items()}
        found = self._add(connection, changes, values)
        gone = {group for each in values.values() for (group, _), rows in each.items() if rows < 0}
        if gone:
            self._recompute_extremes(connection, gone)
        return found

    def _add(
        self, connection: Connected, changes: Changes, values: Mapping[str, Mapping[tuple[Group, Any], int]]
    ) -> Found:
        extremes = self._extremes_added(values)
        groups = [group for group, change in changes.items() if any(change) or group in extremes]
        nothing = [None] * len(self._extremes)
        return self._store(connection, [(*group, *changes[group], *extremes.get(group, nothing)) for group in groups])

    def _add_up(self, connection: Connected, old: Columns, new: Columns) -> Found:
        if few(old, new):
            return self._store(connection, self._rollup.changed(old, new))
        groups = self._rollup.tally.changed(old, new)
        if len(groups) < MANY:
            return self._store(connection, in_rows(groups))
        fresh = self._fresh(connection)
        copy_groups(connection, fresh, self._rollup.columns, groups)
        return self._upsert(connection, fresh)

    def _store(self, connection: Connected, rows: Sequence[Sequence[Any]]) -> Found:
        """Many rows go through a table of their own by COPY, which takes a fraction of the time that arrays do."""
        types = self._rollup.columns
        if len(rows) >= MANY:
            fresh = self._fresh(connection)
            copy_rows(connection, fresh, types, rows)
            return self._upsert(connection, fresh)
        if not rows:
            return []
        arrays = ", ".join(f"%s::{sql_type}[]" for sql_type in types.values())
        return self._upsert(connection, f"unnest({arrays})", [list(column) for column in zip(*rows, strict=True)])

    def _fresh(self, connection: Connected) -> str:
        """A table like this one that is empty, and gone when the transaction ends."""
        fresh = f"fresh_{self._table.replace('.', '_')}"
        defined = ", ".join(f"{name} {sql_type}" for name, sql_type in self._rollup.columns.items())
        connection.execute(f"create temporary table if not exists {fresh} ({defined}) on commit delete rows")
        connection.execute(f"delete from {fresh}")
        return fresh

    def _upsert(self, connection: Connected, source: str, parameters: Sequence[Any] = ()) -> Found:
        """Adds rows to those present, and lets go of groups that have no rows any more."""
        found = connection.execute(self._upsertion(source), parameters, prepare=True).fetchall()
        _delete(connection, self._table, [place for place, is_new, *_ in found if not is_new])
        return found

    def _extremes_added(self, values: Mapping[str, Mapping[tuple[Group, Any], int]]) -> Changes:
        """By group: the smallest or greatest of the values that were added, for each figure."""
        found: Changes = {}
        for place, (name, changed) in enumerate(values.items()):
            better = min if name in self._rollup.least else max
            for (group, value), rows in changed.items():
                figures = found.setdefault(group, [None] * len(values))
                if rows > 0:
                    figures[place] = value if figures[place] is None else better(figures[place], value)
        return found

    def _upsertion(self, source: str) -> str:
        rollup, types = self._rollup, self._rollup.columns
        stored = ", ".join(_trimmed(f"fresh.{name}", sql_type) for name, sql_type in types.items())
        sums = {rollup.count: "bigint", **rollup.sums, **dict.fromkeys(rollup.distinct, "bigint")}
        added = [f"{name} = {_trimmed(f'present.{name} + excluded.{name}', each)}" for name, each in sums.items()]
        least = [f"{name} = least(present.{name}, excluded.{name})" for name in rollup.least]
        greatest = [f"{name} = greatest(present.{name}, excluded.{name})" for name in rollup.greatest]
        is_new = f"xmax = 0 and {rollup.count} <> 0" if self._followed else "false"
        keys = f", {self._keys}" if self._followed else ""
        return f"""
            with added as (
                insert into {self._table} as present ({", ".join(types)})
                select {stored} from {source} as fresh ({", ".join(types)})
                on conflict ({self._keys})
                do update set {", ".join([*added, *least, *greatest])}
                returning ctid as _place, {rollup.count} as _rows, {is_new} as _new{keys}
            )
            select _place::text, _new{keys} from added where _rows = 0 or _new
        """

    def _count_values(
        self, connection: Connected, name: str, values: Mapping[tuple[Group, Any], int], changes: Changes
    ) -> None:
        """Counts how often each value occurs, and notes in how many more values that results for each group."""
        if not values:
            for change in changes.values():
                change.append(0)
            return
        table = f"{self._table}_{name}"
        rows = [(*group, value, change) for (group, value), change in values.items()]
        columns = [list(column) for column in zip(*rows, strict=True)]
        places: list[str] = []
        appeared = dict.fromkeys(changes, 0)
        for place, now, *key in connection.execute(self._value_upsert(table, name), columns, prepare=True):
            group = tuple(key[:-1])
            before = now - values[group, key[-1]]
            appeared[group] += (now > 0) - (before > 0)
            if now == 0:
                places.append(place)
        for group, change in changes.items():
            change.append(appeared[group])
        _delete(connection, table, places)

    def _value_upsert(self, table: str, name: str) -> str:
        types = {**self._rollup.keys, "value": self._rollup.distinct[name].type, "rows": "bigint"}
        arrays = ", ".join(f"%s::{sql_type}[]" for sql_type in types.values())
        stored = ", ".join(_trimmed(f"fresh.{column}", sql_type) for column, sql_type in types.items())
        return f"""
            insert into {table} as present ({self._keys}, value, rows)
            select {stored} from unnest({arrays}) as fresh ({", ".join(types)})
            on conflict ({self._keys}, value)
            do update set rows = present.rows + excluded.rows
            returning ctid::text, rows, {self._keys}, value
        """

    def _recompute_extremes(self, connection: Connected, groups: Iterable[Group]) -> None:
        """Looks for the smallest and greatest values of groups that lost one, among the rows that they still have."""
        for nulls, alike in groupby(sorted(groups, key=_nulls), key=_nulls):
            columns = [list(column) for column in zip(*alike, strict=True)]
            connection.execute(self._extremes_again(nulls), columns, prepare=True)

    def _extremes_again(self, nulls: Sequence[bool]) -> str:
        """The statement for groups that have null in the same keys, so that an index on the keys can serve."""
        keys = self._rollup.keys
        arrays = ", ".join(f"%s::{sql_type}[]" for sql_type in keys.values())
        assigned = ", ".join(f"{name} = found.{name}" for name in self._extremes)
        figures = [_extreme("min", name, figure) for name, figure in self._rollup.least.items()]
        figures += [_extreme("max", name, figure) for name, figure in self._rollup.greatest.items()]
        chosen = ", ".join(f"chosen.{name}" for name in keys)
        return f"""
            update {self._table} as present
            set {assigned}
            from (
                select {chosen}, {", ".join(figures)}
                from unnest({arrays}) as chosen ({self._keys})
                join {self._source} as source on {_same("source", "chosen", keys, nulls)}
                group by {chosen}
            ) as found
            where {_same("present", "found", keys, nulls)}
        """


def _delete(connection: Connected, table: str, places: list[str]) -> None:
    if places:
        connection.execute(f"delete from {table} where ctid = any(%s::tid[])", [places])


def _trimmed(expression: str, sql_type: str) -> str:
    return f"trim_scale({expression})" if sql_type == "numeric" else expression


def _extreme(function: str, name: str, figure: Figure) -> str:
    return f"{_trimmed(f'{function}(source.{figure.column})', figure.type)} as {name}"


def _same(left: str, right: str, keys: Iterable[str], nulls: Sequence[bool]) -> str:
    return " and ".join(
        f"{left}.{name} is null" if null else f"{left}.{name} = {right}.{name}"
        for name, null in zip(keys, nulls, strict=True)
    )


def _nulls(group: Group) -> tuple[bool, ...]:
    return tuple([value is None for value in group])
