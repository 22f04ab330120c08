"""Rows by their columns, each read once however many rollups need it: a batch has so many rows that this is felt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


class Columns:
    """Rows of one type, and those of their columns that somebody asked for."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.rows: Sequence[Any] = rows if isinstance(rows, list | tuple) else list(rows)
        self._found: dict[str, Sequence[Any]] = {}

    @classmethod
    def of(cls, rows: Iterable[Any] | Columns) -> Columns:
        """The columns of rows."""
        return rows if isinstance(rows, Columns) else cls(rows)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.rows)

    def __iter__(self) -> Iterator[Any]:
        """The rows themselves."""
        return iter(self.rows)

    def __getitem__(self, name: str) -> Sequence[Any]:
        """A field of each row, or what a property says of it."""
        if not self._found and self.rows and hasattr(self.rows[0], "_fields"):
            self._found.update(zip(self.rows[0]._fields, zip(*self.rows, strict=True), strict=True))
        found = self._found.get(name)
        if found is None:
            found = self._found[name] = [getattr(row, name) for row in self.rows]
        return found

    def numbers(self, name: str) -> Sequence[Any]:
        """A column of UUIDs as whole numbers, which are looked up in a fraction of the time."""
        key = f"{name} as numbers"
        if key not in self._found:
            found = [None if each is None else each.int for each in self[name]]
            self._found[key] = found
        return self._found[key]
