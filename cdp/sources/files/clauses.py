"""Clauses of a mapping that stand for themselves: how a file is read, groups, filters, conditions, number marks."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import Any

import msgspec

from cdp.sources.files.mapping import Condition, FileForm, Group, Marks, Skip
from cdp.sources.files.table import InvalidMapping, Table, shown

FORMATS = ("csv", "jsonl", "parquet", "xlsx")
TESTS = ("equals", "in", "starts_with", "matches", "empty")
_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_marks(table: Table, default: Marks) -> Marks:
    """Number marks; what is not said is as in `default`."""
    marks = Marks(
        table.choice("decimal", (".", ","), default.decimal),
        table.choice("thousands", ("", ".", ",", " ", "'", "\u00a0", "\u202f"), default.thousands),
        table.texts("without", default.without),
    )
    if marks.decimal == marks.thousands:
        raise InvalidMapping(table.key("thousands"), f"another sign than the decimal mark {shown(marks.decimal)}")
    return marks


def read_file(table: Table | None) -> FileForm:
    """How the file is to be read."""
    if table is None:
        return FileForm()
    encoding = table.text("encoding", None)
    if encoding is not None and not _is_encoding(encoding):
        raise InvalidMapping(table.key("encoding"), f"an encoding such as utf-8 or windows-1254, found {encoding!r}")
    form = FileForm(
        format=table.choice("format", FORMATS, None),
        encoding=encoding,
        separator=_character(table, "separator"),
        quote=_character(table, "quote") or '"',
        columns=table.texts("columns", None),
        sheet=table.text("sheet", None),
        header_row=table.number("header_row", 1, 1, 1_000_000),
        empty=table.texts("empty", ("",)),
    )
    table.finish()
    return form


def _character(table: Table, key: str) -> str | None:
    found: str | None = table.text(key, None)
    if found is not None and (len(found) != 1 or not found.isascii()):
        raise InvalidMapping(table.key(key), f"one character, found {shown(found)}")
    return found


def read_group(table: Table | None) -> Group | None:
    """Which rows belong together."""
    if table is None:
        return None
    by = table.texts("by")
    if not by:
        raise InvalidMapping(table.key("by"), "at least one column")
    group = Group(by, table.number("within", 1, 1, 10_000), table.number("most", 10_000, 1, 1_000_000))
    table.finish()
    return group


def read_skip(table: Table) -> Skip:
    """A filter."""
    because = table.text("because")
    conditions = (
        [read_condition(each, True) for each in table.tables("all")] if "all" in table else [read_condition(table)]
    )
    table.finish()
    return Skip(tuple(conditions), because)


def read_condition(table: Table, finish: bool = False) -> Condition:
    """A condition; with `finish` nothing else may stand in its table."""
    column = named(table, "column", table.text("column"))
    which = [each for each in TESTS if each in table]
    if len(which) != 1:
        raise InvalidMapping(table.path, f"exactly one of {', '.join(TESTS)}")
    test = which[0]
    operand = _OPERANDS[test](table, test)
    if finish:
        table.finish()
    return Condition(column, test, operand)


def _pattern(table: Table, key: str) -> tuple[str, ...]:
    found = table.text(key)
    try:
        re.compile(found)
    except re.error as error:
        raise InvalidMapping(table.key(key), f"a regular expression ({error})") from error
    return (found,)


_OPERANDS: dict[str, Callable[[Table, str], tuple[str, ...]]] = {
    "equals": lambda table, key: (table.text(key),),
    "starts_with": lambda table, key: (table.text(key),),
    "matches": _pattern,
    "in": lambda table, key: tuple(table.texts(key)),
    "empty": lambda table, key: ("true",) if table.switch(key) else ("",),
}


def one_or_more(table: Table) -> tuple[str, ...]:
    """The names under `column` or `columns`."""
    if "column" in table:
        return (named(table, "column", table.text("column")),)
    found: tuple[str, ...] = table.texts("columns")
    if not found:
        raise InvalidMapping(table.key("columns"), "at least one column")
    return found


def named(table: Table, key: str, name: str) -> str:
    """A name, which may not be empty."""
    if not name:
        raise InvalidMapping(table.key(key), "the name of a column")
    return name


def json_text(value: Any, key: str = "event") -> str:
    """A fixed value as JSON."""
    try:
        return _encode(value).decode()
    except TypeError as error:
        raise InvalidMapping(key, f"a text, a number or true and false, found {shown(value)}") from error


def _is_encoding(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True
