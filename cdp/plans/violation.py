"""What of an item does not satisfy its schema, in words that show the schema and never a value of the item."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import jsonschema_rs
import msgspec

from cdp.plans.schema import compile_schema

MOST = 3
LONGEST = 120
_NAMING = ("properties", "dependentRequired", "dependentSchemas")

_encode = msgspec.json.Encoder(decimal_format="number").encode

Tree = dict[str, Any]


def describe(schema: Tree, field: str, instance: Any) -> str:
    """The first violations: where in the item, and what the schema expects there."""
    known = set(_names(schema))
    errors = islice(compile_schema(schema).iter_errors(instance), MOST)
    return "; ".join(_one(schema, field, known, error) for error in errors)


def _one(schema: Tree, field: str, known: set[str], error: jsonschema_rs.ValidationError) -> str:
    path = field + "".join(_step(known, each) for each in error.instance_path)
    if error.kind.name == "required":
        missing = error.kind.as_dict().get("property")
        return f"{path}{_step(known, str(missing))} is missing"
    keyword = str(error.schema_path[-1]) if error.schema_path else "schema"
    if keyword == "additionalProperties":
        return f"{path} has a property that is not planned"
    expected = _keyword(schema, error.schema_path)
    return f"{path} is not as planned; expected {keyword} {expected}"


def _step(known: set[str], each: str | int) -> str:
    """A step of a path. A name that the schema does not have came with the item, and may itself be a value."""
    if isinstance(each, int):
        return f"[{each}]"
    return f".{each}" if each in known else ".*"


def _keyword(schema: Any, path: Sequence[str | int]) -> str:
    for each in path:
        try:
            schema = schema[each]
        except (KeyError, IndexError, TypeError):
            return "of the schema"
    text = _encode(schema).decode()
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _names(schema: Any) -> Iterator[str]:
    """Every property that a schema names anywhere."""
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key in _NAMING and isinstance(value, dict):
                yield from value
            if key == "required" and isinstance(value, list):
                yield from (each for each in value if isinstance(each, str))
            yield from _names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _names(value)
