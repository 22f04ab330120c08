"""Proposing a plan from what a source sent. A proposal is for people to review: it puts into the clear only what the
catalogue declares and numbers whose names say that they are amounts or counts."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, NamedTuple

from cdp.ingest.catalogue import EVENTS, Kind
from cdp.ingest.partition import fits
from cdp.plans.document import SCHEMAS, WARN, EventPlan, PlanDocument, plannable
from cdp.plans.person import name_words, names_a_person
from cdp.plans.seen import Seen

ALWAYS = 10
"""A property is proposed as required where it was in every one of at least so many touchpoints."""
FEW = 10
OFTEN = 20
"""The values of a label are proposed as a list where there are at most `FEW`, each seen `OFTEN` times on average."""
DEEPEST = 4
MOST_PROPERTIES = 200

_AMOUNTS = frozenset(
    {
        *(
            "amount",
            "price",
            "total",
            "subtotal",
            "revenue",
            "cost",
            "fee",
            "tax",
            "vat",
            "discount",
            "refund",
            "value",
        ),
        *("spend", "budget", "premium", "deposit", "balance", "tutar", "fiyat", "kdv", "indirim", "ucret", "toplam"),
    }
)
_COUNTS = frozenset(
    {
        *("quantity", "qty", "count", "points", "duration", "seconds", "minutes", "hours", "days", "clicks", "items"),
        *("score", "rating", "position", "step", "impressions", "miktar", "adet", "puan", "sure"),
    }
)
_USABLE_KEY = re.compile(r"[\w][\w .:/-]{0,59}")


class Proposal(NamedTuple):
    """A plan, and for each event a remark on what it rests on."""

    document: PlanDocument
    notes: dict[str, str]


def infer(touchpoints: Iterable[Seen]) -> Proposal:
    """The plan by which all these touchpoints would pass."""
    events: dict[str, _Event] = {}
    for each in touchpoints:
        if each.complete and plannable(each.name):
            events.setdefault(each.name, _Event()).take(each)
    planned = {name: event.plan(name) for name, event in sorted(events.items())}
    return Proposal(PlanDocument(WARN, planned), {name: _note(name, event) for name, event in events.items()})


def _note(name: str, event: _Event) -> str:
    known = "" if name in EVENTS else "; a name of its own, stored in the clear once this plan is active"
    return f"seen {event.count:,} times{known}"


class _Event:
    """What was seen of one event."""

    def __init__(self) -> None:
        self.count = 0
        self.fields = {"properties": _Shape(), "traits": _Shape()}

    def take(self, each: Seen) -> None:
        self.count += 1
        for field, shape in self.fields.items():
            shape.take(each.tree.get(field, {}))

    def plan(self, name: str) -> EventPlan:
        labels = {key for key, kind in EVENTS.get(name, {}).items() if kind in (Kind.LABEL, Kind.CODE)}
        schemas = {
            field: shape.object_schema(labels if field == "properties" else frozenset())
            for field in SCHEMAS.values()
            if (shape := self.fields.get(field)) is not None and shape.properties
        }
        declared = EVENTS.get(name, {})
        found = self.fields["properties"].properties.items()
        business = {
            key: kind for key, shape in found if key not in declared and (kind := _kind(key, shape)) is not None
        }
        return EventPlan(business=business, schemas=schemas)


class _Shape:
    """The values seen in one place: their types, the texts where they are few, what is in objects and lists."""

    def __init__(self, depth: int = 0) -> None:
        self.depth = depth
        self.count = 0
        self.types: set[str] = set()
        self.texts: dict[str, int] | None = {}
        self.properties: dict[str, _Shape] = {}
        self.objects = 0
        self.elements: _Shape | None = None
        self.amounts = True

    def take(self, value: Any) -> None:
        self.count += 1
        type_ = _type(value)
        self.types.add(type_)
        self.amounts = self.amounts and not isinstance(value, bool) and fits(Kind.AMOUNT, value)
        if type_ == "string":
            self._take_text(value)
        elif type_ == "object" and self.depth < DEEPEST:
            self.objects += 1
            for key, each in value.items():
                if key in self.properties or (len(self.properties) < MOST_PROPERTIES and _proposable(key)):
                    self.properties.setdefault(key, _Shape(self.depth + 1)).take(each)
        elif type_ == "array" and self.depth < DEEPEST:
            self.elements = self.elements or _Shape(self.depth + 1)
            for each in value:
                self.elements.take(each)

    def _take_text(self, value: str) -> None:
        if self.texts is not None:
            self.texts[value] = self.texts.get(value, 0) + 1
            if len(self.texts) > FEW:
                self.texts = None

    def schema(self, label: bool = False) -> dict[str, Any]:
        """A JSON Schema that all the values satisfy."""
        found: dict[str, Any] = {"type": _types(self.types)}
        if label and self.types == {"string"} and self.texts and self.count >= OFTEN * len(self.texts):
            return {"enum": sorted(self.texts)} if all(fits(Kind.LABEL, each) for each in self.texts) else found
        if self.properties:
            found |= self.object_schema(frozenset())
            found["type"] = _types(self.types)
        if self.elements is not None and self.elements.count:
            found["items"] = self.elements.schema()
        return found

    def object_schema(self, labels: Iterable[str]) -> dict[str, Any]:
        """The schema of the objects among the values. Other properties than those seen stay allowed."""
        chosen = set(labels)
        properties = {key: shape.schema(key in chosen) for key, shape in sorted(self.properties.items())}
        always = [key for key, shape in sorted(self.properties.items()) if shape.count == self.objects]
        required = {"required": always} if always and self.objects >= ALWAYS else {}
        return {"type": "object", **required, "properties": properties}


def _kind(key: str, shape: _Shape) -> Kind | None:
    """Whether a property is an amount or a count by its name and all its values."""
    if not shape.amounts or not shape.count or names_a_person(key) is not None:
        return None
    words = set(name_words(key))
    if words & _COUNTS:
        return Kind.COUNT
    return Kind.AMOUNT if words & _AMOUNTS else None


def _proposable(key: str) -> bool:
    """Whether a property's name looks like one. Keys that are data themselves, such as addresses, are left out."""
    return _USABLE_KEY.fullmatch(key) is not None and not key.isdigit()


def _types(types: set[str]) -> str | list[str]:
    found = sorted(types - {"integer"} if "number" in types else types)
    return found[0] if len(found) == 1 else found


_TYPES: tuple[tuple[type | tuple[type, ...], str], ...] = (
    (bool, "boolean"),
    (str, "string"),
    (int, "integer"),
    ((Decimal, float), "number"),
    (dict, "object"),
    (list, "array"),
)


def _type(value: Any) -> str:
    return next((name for types, name in _TYPES if isinstance(value, types)), "null")
