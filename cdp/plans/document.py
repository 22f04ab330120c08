"""A tracking plan as a document: what a source may send, event by event. Its forms are JSON and TOML."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from cdp.ingest.catalogue import Kind
from cdp.ingest.item import DEEPEST, exact
from cdp.plans.person import names_a_person, would_expose
from cdp.plans.schema import InvalidSchema, compile_schema

OFF, WARN, BLOCK = "off", "warn", "block"
MODES = (OFF, WARN, BLOCK)
LINE_PREFIX = "products[]."
TRAIT_PREFIX = "traits."
SCHEMAS = {"schema": "properties", "traits": "traits", "context": "context"}
"""The schemas that an event may have, and the field of the item that each is for."""

LARGEST_BYTES = 1_000_000
LONGEST_NAME = 100
_KINDS = {kind.name.lower(): kind for kind in Kind}
_CLASS = re.compile(r"[a-z][a-z0-9_]{0,31}")
_RESERVED = frozenset({"raw", "business", "quarantine"})
_EVENT_KEYS = ("description", "class", "business", "classes", *SCHEMAS)

Tree = dict[str, Any]


class InvalidPlan(ValueError):
    """The plan cannot be used; the message says where, what was expected and what to do."""


@dataclass(frozen=True)
class EventPlan:
    """What is planned of one event.

    `business` names the properties that stay in the clear, `classes` the field classes of others, `field_class` that of
    all properties named nowhere. `schemas` has the JSON Schemas of the item's fields `properties`, `traits`, `context`.
    """

    description: str | None = None
    field_class: str | None = None
    business: Mapping[str, Kind] = field(default_factory=dict)
    classes: Mapping[str, str] = field(default_factory=dict)
    schemas: Mapping[str, Tree] = field(default_factory=dict)

    def tree(self) -> Tree:
        """The event as plain values, without what is empty."""
        tree: Tree = {"description": self.description, "class": self.field_class}
        tree["business"] = {name: kind.name.lower() for name, kind in sorted(self.business.items())}
        tree["classes"] = dict(sorted(self.classes.items()))
        tree |= {key: self.schemas.get(target) for key, target in SCHEMAS.items()}
        return {key: value for key, value in tree.items() if value is not None and (value or key in SCHEMAS)}


@dataclass(frozen=True)
class PlanDocument:
    """What a source may send, and what becomes of the rest. Immutable once drafted."""

    mode: str
    events: Mapping[str, EventPlan]

    @classmethod
    def of(cls, tree: Any) -> PlanDocument:
        """The document that plain values describe. Raises `InvalidPlan`."""
        _expect(isinstance(tree, dict), f"the plan is {_what(tree)}; expected a table with mode and events")
        _known("the plan", tree, ("mode", "events"))
        mode = tree.get("mode", WARN)
        _expect(mode in MODES, f"mode {mode!r} is unknown; expected one of {', '.join(MODES)}")
        events = tree.get("events", {})
        _expect(isinstance(events, dict), f"events is {_what(events)}; expected a table of events by their names")
        document = cls(mode, {name: _event(name, each) for name, each in sorted(events.items())})
        size = len(document.content())
        _expect(size <= LARGEST_BYTES, f"the plan has {size} bytes; expected at most {LARGEST_BYTES}: plan less in it")
        return document

    def tree(self) -> Tree:
        """The document as plain values."""
        return {"mode": self.mode, "events": {name: event.tree() for name, event in self.events.items()}}

    def content(self) -> str:
        """The events as JSON in one form: two plans that say the same have the same. The mode is no part of it."""
        return _encode(self.tree()["events"]).decode()


_encode = msgspec.json.Encoder(decimal_format="number", order="sorted").encode
_decode: Any = msgspec.json.Decoder(float_hook=exact).decode


def read_json(data: bytes | str) -> Any:
    """Plain values of JSON, their numbers exact. Raises `InvalidPlan`."""
    try:
        return _decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidPlan(f"not JSON: {error}") from None
    except ArithmeticError:
        raise InvalidPlan("a number is out of range; expected at most 400 digits") from None


@lru_cache(maxsize=256)
def stored_document(mode: str, content: str) -> PlanDocument:
    """The document of a stored version: it was checked when it was drafted, and is not refused later."""
    return PlanDocument(mode, {name: _parsed(each) for name, each in _decode(content).items()})


def plannable(name: str) -> bool:
    """Whether an event of this name may be planned, and its name so stand in the clear."""
    return 0 < len(name) <= LONGEST_NAME and name == name.strip() and name.isprintable() and "@" not in name


def _event(name: str, tree: Any) -> EventPlan:
    """An event of a document, checked."""
    where = f"event {name!r}"
    usable = 0 < len(name) <= LONGEST_NAME and name == name.strip() and name.isprintable() and "@" not in name
    _expect(
        usable, f"{where} cannot be planned; expected a name of at most {LONGEST_NAME} characters that names nobody"
    )
    _expect(isinstance(tree, dict), f"{where} is {_what(tree)}; expected a table")
    _known(where, tree, _EVENT_KEYS)
    _expect(isinstance(tree.get("description", ""), str), f"{where}: description is no text")
    for key in ("business", "classes"):
        _check_table(f"{where}: {key}", tree.get(key, {}))
    for path, kind in tree.get("business", {}).items():
        _check_business(where, name, path, kind)
    for path, chosen in tree.get("classes", {}).items():
        _check_path(f"{where}: classes", path)
        _check_class(f"{where}: {path}", chosen)
    if "class" in tree:
        _check_class(f"{where}: class", tree["class"])
    both = sorted(tree.get("business", {}).keys() & tree.get("classes", {}).keys())
    _expect(not both, f"{where}: {', '.join(both)} is under business and under classes; keep it in one of them")
    for key in SCHEMAS:
        if key in tree:
            _check_schema(f"{where}: {key}", tree[key])
    return _parsed(tree)


def _parsed(tree: Tree) -> EventPlan:
    return EventPlan(
        tree.get("description"),
        tree.get("class"),
        {path: _KINDS[kind] for path, kind in tree.get("business", {}).items()},
        dict(tree.get("classes", {})),
        {target: tree[key] for key, target in SCHEMAS.items() if key in tree},
    )


def _check_table(where: str, table: Any) -> None:
    texts = isinstance(table, dict) and all(isinstance(value, str) for value in table.values())
    _expect(texts, f"{where} is no table of texts; expected such as total = ...")


def _check_business(where: str, event: str, path: str, kind: str) -> None:
    _check_path(f"{where}: business", path)
    _expect(kind in _KINDS, f"{where}: {path} = {kind!r} is no kind of fact; expected one of {', '.join(_KINDS)}")
    name = path.removeprefix(LINE_PREFIX)
    _expect(
        not path.startswith(TRAIT_PREFIX),
        f"{where}: {path} cannot be business: traits say something of a person; give it a class instead",
    )
    line = path.startswith(LINE_PREFIX)
    _expect(
        not would_expose(event, name, line),
        f"{where}: {path} cannot be business: {names_a_person(name)}, and business facts are stored in the clear; "
        f"leave it out or give it a class",
    )
    nested = not (line and _KINDS[kind] is Kind.REFERENCE)
    _expect(nested, f"{where}: {path} cannot be a reference: only the event itself refers to things; make it a label")


def _check_path(where: str, path: str) -> None:
    name = path.removeprefix(LINE_PREFIX).removeprefix(TRAIT_PREFIX)
    usable = 0 < len(name) <= LONGEST_NAME and name.isprintable()
    _expect(
        usable and not name.startswith("products["),
        f"{where} names {path!r}; expected a property such as total, {LINE_PREFIX}size or {TRAIT_PREFIX}shoe_size",
    )


def _check_class(where: str, name: Any) -> None:
    usable = isinstance(name, str) and _CLASS.fullmatch(name) and name not in _RESERVED
    _expect(
        bool(usable),
        f"{where} is {name!r}, which is no field class; expected contact, content, technical or a name of your own of "
        f"a-z, 0-9, '_', and none of {', '.join(sorted(_RESERVED))}",
    )


def _check_schema(where: str, schema: Any) -> None:
    _expect(isinstance(schema, dict), f"{where} is {_what(schema)}; expected a JSON Schema, a table")
    _check_values(where, schema)
    try:
        compile_schema(schema)
    except InvalidSchema as error:
        raise InvalidPlan(f"{where} is {error}") from None


def _check_values(where: str, tree: Any, depth: int = 0) -> None:
    """Only what JSON has: TOML also knows dates and infinity."""
    _expect(depth <= DEEPEST, f"{where} is nested too deep; expected at most {DEEPEST} levels: use $defs")
    if isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            _check_values(where, value, depth + 1)
    else:
        finite = not isinstance(tree, Decimal) or tree.is_finite()
        known = tree is None or isinstance(tree, str | int | float | Decimal)
        _expect(known and finite, f"{where} holds {tree!s}, which JSON has not; expected a text or a number")


def _known(where: str, tree: Tree, keys: Collection[str]) -> None:
    unknown = sorted(set(tree) - set(keys))
    _expect(not unknown, f"{where} has {', '.join(map(repr, unknown))}; expected only {', '.join(keys)}")


def _what(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return "a text" if isinstance(value, str) else type(value).__name__


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidPlan(otherwise)
