"""The third kind of projection: rollups, sums and counts by group keys, kept up by differences.

A rollup never looks at a row twice. Whoever changes rows passes on the old ones, which are taken off, and the new ones,
which are added; so late, corrected, retracted and merged are one mechanism.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Context, Inexact, localcontext
from typing import Any

from projections.contract import Connected

EXACT = Context(prec=400, traps=[Inexact])
"""Arithmetic that never rounds: amounts have at most 24 digits before the point and 12 after it."""


@dataclass(frozen=True)
class Rollup:
    """A table of sums over the rows of the table `source`, one row for each combination of `keys`.

    `keys` maps each key column to its SQL type and `sums` each summed column to its own; both are read from the source
    row's fields of the same names. `count` is the column that counts rows; a group whose count is 0 has no row.
    """

    table: str
    source: str
    keys: Mapping[str, str]
    sums: Mapping[str, str]
    count: str

    def apply(self, connection: Connected, schema: str, old: Iterable[Any], new: Iterable[Any]) -> None:
        """Takes the old rows off and adds the new ones."""
        changes = [(*key, *sums) for key, sums in self.difference(old, new).items() if any(sums)]
        if changes:
            columns = [list(column) for column in zip(*changes, strict=True)]
            connection.execute(self._upsert(schema), columns, prepare=True)
            if any(change[len(self.keys)] < 0 for change in changes):
                connection.execute(f"delete from {schema}.{self.table} where {self.count} = 0")

    def difference(self, old: Iterable[Any], new: Iterable[Any]) -> dict[tuple[Any, ...], list[Any]]:
        """By group: how much the count and each sum change. Pure, and exact to the last digit."""
        changes: dict[tuple[Any, ...], list[Any]] = {}
        with localcontext(EXACT):
            self._add_up(changes, old, -1)
            self._add_up(changes, new, 1)
        return changes

    def _add_up(self, changes: dict[tuple[Any, ...], list[Any]], rows: Iterable[Any], sign: int) -> None:
        for row in rows:
            sums = changes.setdefault(tuple([getattr(row, name) for name in self.keys]), [0] * (1 + len(self.sums)))
            sums[0] += sign
            for place, name in enumerate(self.sums, start=1):
                sums[place] += sign * getattr(row, name)

    def _upsert(self, schema: str) -> str:
        types = {**self.keys, self.count: "bigint", **self.sums}
        arrays = ", ".join(f"%s::{sql_type}[]" for sql_type in types.values())
        added = ", ".join(f"{name} = present.{name} + excluded.{name}" for name in (self.count, *self.sums))
        return f"""
            insert into {schema}.{self.table} as present ({", ".join(types)})
            select * from unnest({arrays})
            on conflict ({", ".join(self.keys)})
            do update set {added}
        """
