"""Tables of counts that only ever grow: what a batch adds is added by one statement for each table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg.types.json import Jsonb

from projections.contract import Connected

_SHAPES = """
insert into {schema}.shapes (shape, fields)
select decode(item ->> 0, 'hex'), array(select jsonb_array_elements_text(item -> 1))
from jsonb_array_elements(%s) as item
on conflict do nothing
"""


@dataclass(frozen=True)
class Tally:
    """A table whose columns are `keys`, with their SQL types, and a count."""

    table: str
    keys: Mapping[str, str]
    count: str

    def add(self, connection: Connected, schema: str, added: Mapping[Any, int]) -> None:
        """Adds to the count of each key."""
        if added:
            rows = sorted((*key, count) for key, count in added.items())
            columns = [list(column) for column in zip(*rows, strict=True)]
            connection.execute(self._upsert(schema), columns, prepare=True)

    def _upsert(self, schema: str) -> str:
        types = {**self.keys, self.count: "bigint"}
        arrays = ", ".join(f"%s::{sql_type}[]" for sql_type in types.values())
        return f"""
            insert into {schema}.{self.table} as present ({", ".join(types)})
            select * from unnest({arrays})
            on conflict ({", ".join(self.keys)})
            do update set {self.count} = present.{self.count} + excluded.{self.count}
        """


def write_shapes(connection: Connected, schema: str, shapes: Mapping[bytes, list[str]]) -> None:
    """Writes the fields of shapes not seen before."""
    rows = [(shape.hex(), fields) for shape, fields in sorted(shapes.items())]
    connection.execute(_SHAPES.format(schema=schema).encode(), [Jsonb(rows)], prepare=True)


DAILY = Tally("daily", {"source": "uuid", "day": "date", "name": "text", "shape": "bytea"}, "touchpoints")
HOURS = Tally("hours", {"source": "uuid", "hour": "timestamptz"}, "deliveries")
