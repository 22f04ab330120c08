"""One text for a row, the same whether PostgreSQL or Python writes it, and digests of many rows in any order.

With it two sides that share no memory compare millions of rows by a few numbers: both count the rows of each bucket and
add up their hashes, and only where these differ does anybody have to look at rows.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from psycopg.types.json import Jsonb

from pipelines.json_text import json_text
from projections.rollups import trimmed

COMPARED = 256
"""Into how many buckets a table is divided for comparing."""

TRIMMED = "numeric without zeros at its end"
"""The type of a column in which 1.5 and 1.50 are the same."""

_NULL = "~"
_SEPARATOR = "|"
_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)
_FIRST_DAY = _EPOCH.toordinal()


class NotComparable(Exception):
    """A column's type has no canonical text yet."""

    def __init__(self, column: str, sql_type: str) -> None:
        super().__init__(
            f"the column {column} has the type {sql_type}; expected one of {', '.join(sorted(_FORMS))}. "
            "Declare it with one of these, or give the type a form in pipelines/canonical.py"
        )


class Form(NamedTuple):
    """How values of a type become text: in Python, and in SQL with the column for `{}`. Null is written before this."""

    python: Callable[[Any], str]
    sql: str


def _number(value: Decimal | int) -> str:
    if isinstance(value, int):
        return str(value)
    return format(abs(value) if value.is_zero() else value, "f")


def _text(value: str) -> str:
    """Its length goes before it, so that no text can look like two columns."""
    return f"{len(value)}:{value}"


def _moment(value: datetime) -> str:
    return str((value - _EPOCH) // _MICROSECOND)


def _day(value: date) -> str:
    return str(value.toordinal() - _FIRST_DAY)


def _json(value: Jsonb | str) -> str:
    """What was read from a database or a file is text already."""
    return _text(json_text(value.obj) if isinstance(value, Jsonb) else value)


_WHOLE = Form(str, "{}::text")
_FORMS: Mapping[str, Form] = {
    "bool": Form(lambda value: "true" if value else "false", "{}::text"),
    "bytea": Form(bytes.hex, "encode({}, 'hex')"),
    "date": Form(_day, "({} - date '1970-01-01')::text"),
    "int4": _WHOLE,
    "int8": _WHOLE,
    "jsonb": Form(_json, "(length({0}::text) || ':' || {0}::text)"),
    "numeric": Form(_number, "{}::text"),
    TRIMMED: Form(lambda value: _number(trimmed(value)), "trim_scale({})::text"),
    "text": Form(_text, "(length({0}) || ':' || {0})"),
    "timestamptz": Form(_moment, "(extract(epoch from {}) * 1000000)::bigint::text"),
    "uuid": Form(str, "{}::text"),
}
_ALIASES = {"bigint": "int8", "integer": "int4", "boolean": "bool", "timestamp with time zone": "timestamptz"}


def _form(column: str, sql_type: str) -> Form:
    form = _FORMS.get(_ALIASES.get(sql_type, sql_type))
    if form is None:
        raise NotComparable(column, sql_type)
    return form


class Layout:
    """A table's columns and which of them are its key, with the texts and hashes that follow from it."""

    def __init__(self, columns: Mapping[str, str], key: Sequence[str]) -> None:
        self.columns = dict(columns)
        self.key = tuple(key)
        self._numbers = {name: number for number, name in enumerate(columns)}
        self._forms = [_form(name, sql_type).python for name, sql_type in columns.items()]
        self._all = list(enumerate(self._forms))
        self._key_forms = self._chosen(key)

    def text(self, row: Sequence[Any], names: Iterable[str] | None = None) -> str:
        """The row's canonical text, or that of some columns."""
        return _joined(row, self._all if names is None else self._chosen(names))

    def key_text(self, row: Sequence[Any]) -> str:
        """The canonical text of the row's key."""
        return _joined(row, self._key_forms)

    def values(self, row: Sequence[Any], names: Iterable[str]) -> tuple[Any, ...]:
        """The values of some columns."""
        return tuple([row[place] for place, _ in self._chosen(names)])

    def _chosen(self, names: Iterable[str]) -> list[tuple[int, Callable[[Any], str]]]:
        return [self._all[self._numbers[name]] for name in names]

    def bucket(self, row: Sequence[Any]) -> int:
        """The row's bucket for comparing."""
        return int(_md5(self.key_text(row))[:4], 16) % COMPARED

    def differing(self, one: Sequence[Any], another: Sequence[Any]) -> list[str]:
        """The columns in which two rows differ."""
        return [
            name
            for name, form, left, right in zip(self.columns, self._forms, one, another, strict=True)
            if (left is None) != (right is None) or (left is not None and form(left) != form(right))
        ]

    def digests(self, rows: Iterable[Sequence[Any]]) -> dict[int, Digest]:
        """By bucket, how many rows there are and the sum of their hashes."""
        found: dict[int, list[int]] = {}
        for row in rows:
            counted = found.setdefault(self.bucket(row), [0, 0])
            counted[0] += 1
            counted[1] += int(_md5(self.text(row))[:15], 16)
        return {bucket: Digest(*counted) for bucket, counted in found.items()}

    @property
    def bucket_sql(self) -> str:
        """The expression of a row's bucket."""
        return f"mod(('x' || substr(md5({self._sql(self.key)}), 1, 4))::bit(16)::int, {COMPARED})"

    @property
    def hash_sql(self) -> str:
        """The expression of a row's hash."""
        return f"('x' || substr(md5({self._sql(self.columns)}), 1, 15))::bit(60)::bigint"

    def _sql(self, names: Iterable[str]) -> str:
        texts = [f"coalesce({_form(name, self.columns[name]).sql.format(name)}, '{_NULL}')" for name in names]
        return f" || '{_SEPARATOR}' || ".join(texts)


class Digest(NamedTuple):
    """How many rows a bucket has, and the sum of their hashes."""

    rows: int
    hashes: int

    def plus(self, other: Digest) -> Digest:
        """The digest of both buckets' rows together."""
        return Digest(self.rows + other.rows, self.hashes + other.hashes)


NOTHING = Digest(0, 0)


def added(left: Mapping[int, Digest], right: Mapping[int, Digest]) -> dict[int, Digest]:
    """The digests of two parts of a table together."""
    return {bucket: left.get(bucket, NOTHING).plus(right.get(bucket, NOTHING)) for bucket in left.keys() | right.keys()}


def _joined(row: Sequence[Any], forms: Iterable[tuple[int, Callable[[Any], str]]]) -> str:
    return _SEPARATOR.join([_NULL if row[place] is None else form(row[place]) for place, form in forms])


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
