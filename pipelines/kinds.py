"""The Python types that values of SQL types have when they travel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from pipelines.canonical import TRIMMED

KINDS: Mapping[str, Any] = {
    "bigint": int,
    "bool": bool,
    "boolean": bool,
    "bytea": bytes,
    "date": date,
    "int4": int,
    "int8": int,
    "integer": int,
    "jsonb": str,
    "numeric": Decimal | int,
    TRIMMED: Decimal | int,
    "text": str,
    "timestamptz": datetime,
    "uuid": UUID,
}
"""A sum to which nothing but null was added is the whole number 0, also where amounts are decimals. JSON travels as the
text that PostgreSQL gives it."""


def tuple_of(types: Iterable[Any]) -> Any:
    """The type of tuples with values of these types."""
    return tuple.__class_getitem__(tuple(types))


def row_kind(columns: Mapping[str, str]) -> Any:
    """The type of a table's rows as plain tuples; any column may be null."""
    return tuple_of(KINDS[sql_type] | None for sql_type in columns.values())
