"""The TOML form of a mapping, checked to the last key. `docs/importing.md` is its reference."""

from __future__ import annotations

import hashlib
import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cdp.sources.files.clauses import (
    json_text,
    named,
    one_or_more,
    read_condition,
    read_file,
    read_group,
    read_marks,
    read_skip,
)
from cdp.sources.files.mapping import (
    Cases,
    Column,
    Computed,
    Constant,
    Field,
    FileMapping,
    FoundIdentifier,
    Key,
    Kind,
    Marks,
    Node,
    Sum,
    Time,
)
from cdp.sources.files.problem import Disagreement
from cdp.sources.files.table import InvalidMapping, Table, shown

TYPES = ("track", "identify", "page", "screen", "group", "alias")
ROLES = ("self", "account", "agent", "friend")
TRUE = ("true", "True", "TRUE", "1", "yes", "Yes", "YES", "evet", "Evet", "EVET")
FALSE = ("false", "False", "FALSE", "0", "no", "No", "NO", "hayır", "Hayır", "HAYIR")

_OPERATORS = ("multiply", "add", "subtract")
_SPECIAL = ("column", "value", "sum", "cases", *_OPERATORS)
_TYPE_OF_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]{0,63}")
_OFFSET = re.compile(r"[+-]\d\d:\d\d")


def load_mapping(path: Path) -> FileMapping:
    """The mapping of a file. Raises `InvalidMapping`."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise InvalidMapping(str(path), f"a readable file ({error.strerror})", "Name the mapping's file.") from error
    except UnicodeDecodeError as error:
        raise InvalidMapping(str(path), "UTF-8 text", "Save it as UTF-8.") from error
    return read_mapping(text)


def read_mapping(text: str) -> FileMapping:
    """The mapping that a TOML text describes. Raises `InvalidMapping`."""
    try:
        root = Table("", tomllib.loads(text, parse_float=Decimal))
    except tomllib.TOMLDecodeError as error:
        raise InvalidMapping("the whole text", f"TOML ({error})", "Texts stand in quotes.") from error
    return _Notation(root).mapping(text)


class _Notation:
    """Reads one document; knows the number marks that hold unless a column says otherwise."""

    def __init__(self, root: Table) -> None:
        self._root = root
        self._marks = self._numbers(root.table("numbers"))

    def mapping(self, text: str) -> FileMapping:
        root = self._root
        event = root.table("event") or Table("event", {})
        mapping = FileMapping(
            text=text,
            digest=hashlib.sha256(text.encode()).digest(),
            file=read_file(root.table("file")),
            type=self._event_type(event),
            name=self._optional_field(event, "name"),
            anonymous=event.switch("anonymous"),
            time=self._time(root.table("time")),
            key=self._key(root.table("key")),
            group=read_group(root.table("group")),
            identifiers=tuple(self._identifier(each) for each in root.tables("identifiers")),
            properties=self._node(root.table("properties")),
            traits=self._node(root.table("traits")),
            context=self._node(root.table("context")),
            lines=self._node(root.table("lines"), in_lines=True),
            skips=tuple(read_skip(each) for each in root.tables("skip")),
            ignored=frozenset(root.texts("ignore", ())),
        )
        event.finish()
        root.finish()
        _check_whole(mapping)
        return mapping

    def _event_type(self, event: Table) -> Field:
        if isinstance(event.take("type", "track"), str):
            return Constant(json_text(event.choice("type", TYPES, "track")))
        found = self._field(event, "type")
        named = found.words.values() if isinstance(found, Column) and found.words else None
        if named is None or not set(named) <= set(TYPES):
            remedy = 'Write { column = "…", words = { "…" = "track" } } so that each text of the file is translated.'
            raise InvalidMapping(event.key("type"), f"one of {', '.join(TYPES)}, or words for them", remedy)
        return found

    def _optional_field(self, table: Table, key: str) -> Field | None:
        if key not in table:
            return None
        given = table.take(key)
        return Constant(json_text(given)) if isinstance(given, str) else self._field(table, key)

    def _time(self, table: Table | None) -> Time | None:
        if table is None:
            return None
        columns = one_or_more(table)
        form = table.text("format", None)
        zone = table.text("zone", None)
        if zone is not None and not _is_zone(zone):
            expected = f"a zone such as Europe/Istanbul or an offset such as +03:00, found {shown(zone)}"
            raise InvalidMapping(table.key("zone"), expected)
        if form is not None and "%" not in form:
            raise InvalidMapping(table.key("format"), f"a format such as %d.%m.%Y %H:%M, found {shown(form)}")
        rows = Disagreement(table.choice("rows", [each.value for each in Disagreement], "same"))
        table.finish()
        return Time(tuple(Column(name, rows=rows) for name in columns), form, zone)

    def _key(self, table: Table | None) -> Key | None:
        if table is None:
            return None
        columns, prefix = one_or_more(table), table.text("prefix")
        table.finish()
        return Key(tuple(Column(name, required=True) for name in columns), prefix)

    def _identifier(self, table: Table) -> FoundIdentifier:
        type_ = table.text("type")
        if not _TYPE_OF_IDENTIFIER.fullmatch(type_):
            expected = f"a type such as email, phone, user_id or loyalty_card, found {shown(type_)}"
            raise InvalidMapping(table.key("type"), expected)
        role = table.choice("role", ROLES, "self")
        return FoundIdentifier(self._column(table), type_, role)

    def _node(self, table: Table | None, in_lines: bool = False) -> Node:
        if table is None:
            return {}
        found = {key: self._member(table, key, in_lines) for key in table}
        table.finish()
        return found

    def _member(self, table: Table, key: str, in_lines: bool) -> Field | Node:
        given = table.take(key)
        if isinstance(given, dict) and not any(each in given for each in _SPECIAL):
            return self._node(Table(table.key(key), given), in_lines)
        if isinstance(given, str):
            return Column(named(table, key, given))
        found = self._field(table, key)
        if in_lines and isinstance(found, Sum):
            raise InvalidMapping(table.key(key), "no sum: a line is one row", "Put it under [properties].")
        return found

    def _field(self, table: Table, key: str) -> Field:
        """A value that is written as a table."""
        within = Table(table.key(key), table.take(key))
        which = [each for each in _SPECIAL if each in within]
        if len(which) != 1:
            raise InvalidMapping(within.path, f"exactly one of {', '.join(_SPECIAL)}")
        match which[0]:
            case "column":
                return self._column(within)
            case "value":
                found: Field = Constant(json_text(within.take("value"), within.key("value")))
            case "cases":
                found = self._cases(within)
            case "sum":
                found = Sum(self._summand(within))
            case operator:
                found = self._computed(within, operator)
        within.finish()
        return found

    def _summand(self, within: Table) -> Column | Computed:
        given = within.take("sum")
        if isinstance(given, str):
            return self._decimal(given, within.number("decimals", None, 0, 12))
        found = self._field(within, "sum")
        if isinstance(found, Column):
            return self._decimal(found.name, found.decimals, found.marks)
        if isinstance(found, Computed):
            return found
        raise InvalidMapping(within.key("sum"), "a column, or what two columns multiply or add up to")

    def _computed(self, within: Table, operator: str) -> Computed:
        given = within.take(operator)
        if not isinstance(given, list) or len(given) != 2:
            raise InvalidMapping(within.key(operator), f"a list of two columns, found {shown(given)}")
        left, right = (self._operand(within, operator, each) for each in given)
        return Computed(operator, left, right)

    def _operand(self, within: Table, operator: str, given: Any) -> Column:
        if isinstance(given, str):
            return self._decimal(named(within, operator, given))
        column = self._column(Table(within.key(operator), given))
        return self._decimal(column.name, column.decimals, column.marks)

    def _decimal(self, name: str, decimals: int | None = None, marks: Marks | None = None) -> Column:
        return Column(name, Kind.DECIMAL, marks or self._marks, decimals)

    def _cases(self, within: Table) -> Cases:
        cases = []
        for each in within.tables("cases"):
            value = Constant(json_text(each.take("value"), each.key("value")))
            cases.append((read_condition(each), value))
            each.finish()
        otherwise = within.take("otherwise", None)
        last = None if otherwise is None else Constant(json_text(otherwise, within.key("otherwise")))
        return Cases(tuple(cases), last)

    def _column(self, table: Table) -> Column:
        kind = Kind(table.choice("kind", [each.value for each in Kind], "text"))
        words = table.table("words")
        found = Column(
            name=named(table, "column", table.text("column")),
            kind=kind,
            marks=self._own_marks(table),
            decimals=table.number("decimals", None, 0, 12),
            words=None if words is None else {key: words.text(key) for key in words},
            true=table.texts("true", TRUE),
            false=table.texts("false", FALSE),
            empty=table.texts("empty", ()),
            required=table.switch("required"),
            rows=Disagreement(table.choice("rows", [each.value for each in Disagreement], "same")),
        )
        role_and_type = [key for key in ("role", "type") if key in table]
        for key in role_and_type:
            table.take(key)
        if found.words is not None and kind is not Kind.TEXT:
            raise InvalidMapping(table.key("words"), "no kind beside words")
        table.finish()
        return found

    def _numbers(self, table: Table | None) -> Marks:
        if table is None:
            return Marks()
        marks = read_marks(table, Marks())
        table.finish()
        return marks

    def _own_marks(self, table: Table) -> Marks:
        return read_marks(table, self._marks)


def _is_zone(zone: str) -> bool:
    if _OFFSET.fullmatch(zone):
        return True
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        return False
    return True


def _check_whole(mapping: FileMapping) -> None:
    """What only shows when all of it is there."""
    if mapping.key is None and mapping.time is None:
        remedy = (
            "Name the columns that tell touchpoints apart under [key], or a time under [time]: without either, a "
            "second import could not tell a repetition from another touchpoint."
        )
        raise InvalidMapping("key", "a natural key or a time column", remedy)
    if mapping.name is None and mapping.type == Constant('"track"'):
        raise InvalidMapping("event.name", "what happened", 'Write name = "Order Completed" under [event].')
    if not any(each.role == "self" for each in mapping.identifiers):
        remedy = "Add [[identifiers]] with column and type, else nothing says whom a row is about."
        raise InvalidMapping("identifiers", "at least one identifier of role self", remedy)
    _check_context(mapping)
    if any(each.rows is Disagreement.FIRST for each in mapping.head_columns) and not mapping.lines:
        remedy = "Lines keep what differs from the first row."
        raise InvalidMapping("lines", 'columns of the lines, since a column has rows = "first"', remedy)
    if mapping.ignored & set(mapping.columns):
        both = ", ".join(sorted(mapping.ignored & set(mapping.columns)))
        raise InvalidMapping("ignore", f"no column that the mapping uses, found {both}", "Remove it from the list.")


def _check_context(mapping: FileMapping) -> None:
    """Identifiers have their places in the context, which the mapping's own context leaves to them."""
    if "externalIds" in mapping.context:
        raise InvalidMapping("context.externalIds", "nothing", "Write [[identifiers]] instead.")
    for key in ("traits", "device"):
        if not isinstance(mapping.context.get(key, {}), dict):
            raise InvalidMapping(f"context.{key}", "a table of fields")
    taken = {("traits", each.type) for each in mapping.identifiers} | {("device", "id")}
    for key, node in mapping.context.items():
        for field in node if isinstance(node, dict) else ():
            if (key, field) in taken and field in ("email", "phone", "id"):
                raise InvalidMapping(f"context.{key}.{field}", "nothing", "[[identifiers]] puts it there.")
