"""Writing many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from projections.contract import Connected


def copy_rows(connection: Connected, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Copies rows into a table; `table` and `columns` are names from the code, never from data."""
    statement = f"copy {table} ({', '.join(columns)}) from stdin"
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
