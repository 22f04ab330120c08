"""Rows by their columns, each read once however many rollups need it: a batch has so many rows that this is felt."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Context, Decimal, Inexact
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.compute as pc

EXACT = Context(prec=400, traps=[Inexact])
"""Arithmetic that never rounds: amounts have at most 24 digits before the point and 12 after it."""

WHOLE_DIGITS, PLACES = 40, 24
"""How many digits of a number can be added up: before the point, and after it. A sum may have twelve more."""

ARROW: Mapping[str, pa.DataType] = {
    "bigint": pa.int64(),
    "bool": pa.bool_(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "integer": pa.int32(),
    "numeric": pa.decimal256(WHOLE_DIGITS + 12 + PLACES, PLACES),
    "text": pa.string(),
    "timestamptz": pa.timestamp("us", "UTC"),
    "uuid": pa.binary(16),
}
"""The Arrow types of SQL types."""


class NotExact(Exception):
    """A column holds what cannot be added up, or grouped by, without loss."""

    def __init__(self, column: str, sql_type: str) -> None:
        super().__init__(
            f"the column {column} of the type {sql_type} has a value that a sum cannot hold exactly; expected "
            f"at most {WHOLE_DIGITS} digits before the point and {PLACES} after it, and whole numbers of 64 bits: "
            "leave such values out where rows are made"
        )


class Columns:
    """Rows of one type, and those of their columns that somebody asked for."""

    def __init__(self, rows: Iterable[Any]) -> None:
        self.rows: Sequence[Any] = rows if isinstance(rows, list | tuple) else list(rows)
        self._found: dict[str, Sequence[Any]] = {}
        self._arrow: dict[tuple[str, str], pa.Array] = {}

    @classmethod
    def of(cls, rows: Iterable[Any] | Columns) -> Columns:
        """The columns of rows."""
        return rows if isinstance(rows, Columns) else cls(rows)

    @classmethod
    def named(cls, names: Iterable[str], rows: Sequence[Sequence[Any]]) -> Columns:
        """Rows whose columns have no names of their own."""
        columns = cls(rows)
        if rows:
            columns._found.update(zip(names, zip(*rows, strict=True), strict=True))
        return columns

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

    def numbers(self, name: str, sql_type: str) -> list[Any]:
        """A column of numbers with nothing for null. Raises `NotExact`, as `arrow` does."""
        nothing = Decimal(0) if sql_type == "numeric" else 0
        found: list[Any] = [nothing if each is None else each for each in self[name]]
        if sql_type == "numeric" and not all(map(_exact, found)):
            raise NotExact(name, sql_type)
        return found

    def arrow(self, name: str, sql_type: str) -> pa.Array:
        """A column in Arrow's memory; a UUID is its 16 bytes. Raises `NotExact`."""
        found = self._arrow.get((name, sql_type))
        if found is None:
            try:
                found = _array(self[name], sql_type)
            except (pa.ArrowInvalid, OverflowError) as error:
                raise NotExact(name, sql_type) from error
            if pa.types.is_decimal(found.type) and not _fits(found):
                raise NotExact(name, sql_type)
            self._arrow[name, sql_type] = found
        return found


def _fits(numbers: pa.Array) -> bool:
    """Whether so many of them can be added up that nobody has as many."""
    extremes = pc.min_max(numbers).as_py().values()
    return all(extreme is None or extreme.copy_abs() < _LIMIT for extreme in extremes)


_LIMIT = Decimal(10) ** WHOLE_DIGITS


def _exact(number: Decimal) -> bool:
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -PLACES and number.copy_abs() < _LIMIT


_SHARED = ("timestamptz", "uuid")
"""Moments and UUIDs take their time; rows that are made together share theirs, so each is turned once."""


def _array(values: Sequence[Any], sql_type: str) -> pa.Array:
    if sql_type not in _SHARED:
        return pa.array(values, type=ARROW[sql_type])
    different = {id(value): value for value in values}
    places = {value: place for place, value in enumerate(different)}
    turned = [each.bytes if isinstance(each, UUID) else each for each in different.values()]
    chosen = pa.array([places[id(value)] for value in values], pa.int64())
    return pa.array(turned, type=ARROW[sql_type]).take(chosen)
