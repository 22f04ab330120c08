"""A plan as a TOML file: read by people, kept in git, the same text for the same plan."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from cdp.ingest.item import exact
from cdp.plans.document import SCHEMAS, InvalidPlan, PlanDocument, read_json

WIDTH = 110
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_FIRST = ("description", "class", "type", "required", "business", "classes", "schema")
"""The keys that open a table; the others follow in alphabetical order."""

_encode = msgspec.json.Encoder(decimal_format="number", order="sorted").encode
Tree = dict[str, Any]


def read_plan(text: str) -> PlanDocument:
    """The plan of a TOML file. Raises `InvalidPlan`."""
    try:
        tree = tomllib.loads(text, parse_float=exact)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidPlan(f"the plan is not TOML: {error}") from None
    except ArithmeticError:
        raise InvalidPlan("the plan has a number out of range; expected at most 400 digits") from None
    events = tree.get("events")
    for name, event in events.items() if isinstance(events, dict) else ():
        for key in SCHEMAS:
            if isinstance(event, dict) and isinstance(event.get(key), str):
                event[key] = _json(f"event {name!r}: {key}", event[key])
    return PlanDocument.of(tree)


def write_plan(document: PlanDocument, heading: str = "", notes: Mapping[str, str] | None = None) -> str:
    """The TOML file of a plan. `heading` and, for each event, `notes` become comments."""
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    lines += [f"mode = {_value(document.mode)}"]
    for name, event in document.events.items():
        lines += ["", *(f"# {line}" for line in (notes or {}).get(name, "").splitlines())]
        tree = {key: _without_null(value) if key in SCHEMAS else value for key, value in event.tree().items()}
        lines += toml_lines(tree, ["events", name])
    return "\n".join(lines) + "\n"


def _json(where: str, text: str) -> Any:
    """A schema may be JSON in a text: TOML has no null."""
    try:
        return read_json(text)
    except InvalidPlan as error:
        raise InvalidPlan(f"{where} is a text and {error}; expected a table, or JSON in a text") from None


def _without_null(schema: Tree) -> Tree | str:
    text = _encode(schema).decode()
    return text if "null" in text and _has_null(schema) else schema


def _has_null(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_null(each) for each in value.values())
    if isinstance(value, list):
        return any(_has_null(each) for each in value)
    return value is None


def toml_lines(table: Tree, path: Sequence[str] = ()) -> Iterator[str]:
    """A table: short values on lines of their own, then the tables that need more room, under their headings."""
    if path:
        yield f"[{'.'.join(map(_key, path))}]"
    large: list[tuple[str, Tree]] = []
    for key, value in sorted(table.items(), key=_order):
        line = f"{_key(key)} = {_value(value)}"
        if isinstance(value, dict) and value and (len(line) > WIDTH or _spreads(path, key)):
            large.append((key, value))
        else:
            yield line
    for key, value in large:
        yield ""
        yield from toml_lines(value, [*path, key])


def _spreads(path: Sequence[str], key: str) -> bool:
    """Whether a table has a heading of its own however short: the parts of an event, and a schema's properties."""
    return len(path) in (0, 2) or (len(path) == 3 and key == "properties")


def _order(entry: tuple[str, Any]) -> tuple[int, str]:
    key = entry[0]
    return (_FIRST.index(key) if key in _FIRST else len(_FIRST), key)


def _key(key: str) -> str:
    return key if _BARE.fullmatch(key) else _text(key)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        entries = ", ".join(f"{_key(key)} = {_value(each)}" for key, each in sorted(value.items(), key=_order))
        return f"{{ {entries} }}" if entries else "{}"
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return str(value)


def _text(value: str) -> str:
    """JSON's texts are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
