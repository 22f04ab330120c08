"""An entity's table in the database: the rows of touched keys are folded anew and what differs is replaced."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from cdp.postgres.arrays import Bigints, Texts
from projections.contract import Connected
from projections.copying import columns_of, copy_rows
from projections.entities import Difference, Entities, by_key, difference
from projections.facts import Row

Gathered = dict[Any, list[list[Row]]]
"""By key: the rows of each source."""

MEMBERSHIP = """
join {identity}.memberships as membership
    on membership.subject = source.subject
    and (source.effective_at, source.event_id) >= (membership.from_at, membership.from_event)
    and (source.effective_at, source.event_id) < (membership.to_at, membership.to_event)
"""


class EntityTable:
    """Keeps one entity table up to date, inside the transaction that is open.

    `rows` names the row type of each source. Rows that a batch brings are taken from it rather than read again, where
    that gives what is stored.
    """

    def __init__(self, entities: Entities, rows: Mapping[str, Any], schema: str, identity: str | None) -> None:
        self.entities = entities
        self._rows = {table: rows[table] for table in entities.sources}
        self._schema = schema
        self._columns = columns_of(entities.row)
        self._membership = MEMBERSHIP.format(identity=identity) if entities.by_profile else ""
        self._remembers = not entities.by_profile and not any(map(_has_json, self._rows.values()))

    def before(self, connection: Connected, facts: Mapping[str, Sequence[Row]]) -> Gathered | None:
        """The stored source rows of the keys that fact rows not yet stored touch; None where they must be read later.

        A source that is an entity table itself changes in the same batch, so it must be read later.
        """
        if not self._remembers or not self._rows.keys() <= facts.keys():
            return None
        fresh = [by_key(_settled(facts[table]), self.entities.key) for table in self._rows]
        gathered = self._gather(connection, {key for found in fresh for key in found})
        for place, found in enumerate(fresh):
            for key, rows in found.items():
                gathered[key][place] += rows
        return gathered

    def touched(self, connection: Connected, changed: Mapping[str, Difference], moved: Collection[str]) -> Gathered:
        """The source rows of the keys that a batch touches. All of them are stored by now."""
        return self._gather(connection, self._touched(connection, changed, moved))

    def replace(self, connection: Connected, gathered: Gathered, rows: list[Row]) -> Difference:
        """Stores what differs in the rows of these keys, and returns it."""
        if not gathered:
            return Difference((), ())
        places, old = self._stored(connection, gathered)
        change = difference(old, rows, self.entities.key)
        self._replace(connection, change, places)
        return change

    def _touched(
        self, connection: Connected, changed: Mapping[str, Difference], moved: Collection[str]
    ) -> Collection[Any]:
        rows = [row for table in self._rows for part in changed[table] for row in part]
        if self.entities.by_profile:
            return {*moved, *self._profiles(connection, rows)}
        return by_key(rows, self.entities.key).keys()

    def _profiles(self, connection: Connected, rows: Iterable[Any]) -> list[str]:
        moments = {(row.subject, row.effective_at, row.event_id) for row in rows if row.subject is not None}
        if not moments:
            return []
        query = f"""
            select distinct membership.profile
            from unnest(%s::int8[], %s::timestamptz[], %s::text[]) as source (subject, effective_at, event_id)
            {self._membership}
        """
        subjects, times, events = zip(*moments, strict=True)
        columns = [Bigints(subjects), list(times), Texts(events)]
        return [profile for (profile,) in connection.execute(query, columns, prepare=True)]

    def _gather(self, connection: Connected, keys: Collection[Any]) -> Gathered:
        gathered: Gathered = {key: [[] for _ in self._rows] for key in keys}
        if keys:
            for place, (table, row) in enumerate(self._rows.items()):
                for key, *columns in connection.execute(self._selection(table, row), [self._array(keys)], prepare=True):
                    gathered[key][place].append(row(*columns))
        return gathered

    def _selection(self, table: str, row: Any) -> str:
        columns = ", ".join(f"source.{name}" for name in row._fields)
        key = "membership.profile" if self.entities.by_profile else f"source.{self.entities.key}"
        return f"""
            select {key}, {columns}
            from {self._schema}.{table} as source
            {self._membership}
            where {key} = any(%s::{self._columns[self.entities.key]}[])
        """

    def _stored(self, connection: Connected, keys: Iterable[Any]) -> tuple[dict[int, str], list[Row]]:
        """The present rows of these keys, and where each is stored."""
        key, row = self.entities.key, self.entities.row
        query = f"""
            select ctid::text, {", ".join(self._columns)}
            from {self._schema}.{self.entities.table}
            where {key} = any(%s::{self._columns[key]}[])
        """
        places: dict[int, str] = {}
        rows: list[Row] = []
        for place, *columns in connection.execute(query, [self._array(keys)], prepare=True):
            rows.append(row(*columns))
            places[id(rows[-1])] = place
        return places, rows

    def _array(self, keys: Iterable[Any]) -> list[Any]:
        """Keys as a parameter."""
        return Texts(keys) if self._columns[self.entities.key] == "text" else list(keys)

    def _replace(self, connection: Connected, change: Difference, places: Mapping[int, str]) -> None:
        table = f"{self._schema}.{self.entities.table}"
        if change.old:
            gone = [places[id(row)] for row in change.old]
            connection.execute(f"delete from {table} where ctid = any(%s::tid[])", [gone], prepare=True)
        if change.new:
            copy_rows(connection, table, self._columns, change.new)


def _has_json(row: Any) -> bool:
    return "jsonb" in columns_of(row).values()


def _settled(rows: Iterable[Any]) -> list[Any]:
    """Fact rows as they will be read back: a decimal like 1E+2 is stored as 100."""
    return [_plain(row) if any(type(value) is Decimal for value in row) else row for row in rows]


def _plain(row: Any) -> Any:
    return type(row)(*[Decimal(format(value, "f")) if type(value) is Decimal else value for value in row])
