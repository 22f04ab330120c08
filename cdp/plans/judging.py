"""A source's plan in force, made ready for ingest: what it declares, and its verdict on every item."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from cdp.ingest.catalogue import DECLARED, NOTHING, Declared, Kind, Lines
from cdp.plans.document import (
    BLOCK,
    LINE_PREFIX,
    OFF,
    TRAIT_PREFIX,
    WARN,
    EventPlan,
    PlanDocument,
    stored_document,
)
from cdp.plans.schema import compile_schema
from cdp.plans.violation import describe
from cdp.sources.connector import Call
from cdp.sources.rejection import Reason, Rejected, Stage

INVALID = "plan:invalid"
UNPLANNED = "plan:unplanned"
UNNAMED = frozenset({"identify", "page", "screen", "group", "alias"})
"""Calls whose event the source does not name. A plan judges them where it plans them, and else lets them be."""

_SHOWN = 20

Check = tuple[str, Callable[[Any], bool]]


class Compiled:
    """A document with its declarations laid over the catalogue's, each schema compiled when it is first needed."""

    def __init__(self, document: PlanDocument) -> None:
        self.events = document.events
        self.declared: Mapping[str, Declared] = {name: declared(name, each) for name, each in self.events.items()}
        self.checks: dict[str, tuple[Check, ...]] = {}

    def compile(self, name: str) -> tuple[Check, ...] | None:
        """The checks of an event; None of one that is not planned."""
        event = self.events.get(name)
        if event is None:
            return None
        checks = tuple((target, compile_schema(schema).is_valid) for target, schema in event.schemas.items())
        self.checks[name] = checks
        return checks


@lru_cache(maxsize=256)
def compiled(content: str) -> Compiled:
    """The stored content of a plan's version, made ready once."""
    return Compiled(stored_document(WARN, content))


class Plan:
    """A version of a tracking plan that is in force in a mode. Its declarations hold in every mode."""

    def __init__(self, number: int, mode: str, ready: Compiled) -> None:
        self.number = number
        self.mode = mode
        self.declared = ready.declared
        self._ready = ready
        self._checks = ready.checks

    def judge(self, call: Call, flags: list[str]) -> int | None:
        """The version that judged the call, None in mode off. A violation is flagged in mode warn.

        Raises `Rejected` in mode block.
        """
        if self.mode == OFF:
            return None
        checks = self._checks.get(call.name)
        if checks is None:
            checks = self._ready.compile(call.name)
            if checks is None:
                if call.type not in UNNAMED:
                    self._unplanned(flags)
                return self.number
        for target, is_valid in checks:
            if not is_valid(call.tree.get(target) or {}):
                self._violated(call, target, flags)
                break
        return self.number

    def _unplanned(self, flags: list[str]) -> None:
        if self.mode != BLOCK:
            flags.append(UNPLANNED)
            return
        names = sorted(self._ready.events)
        more = f" and {len(names) - _SHOWN} others" if len(names) > _SHOWN else ""
        detail = (
            f"the event's name is not in the source's tracking plan (version {self.number}); expected one of "
            f"{', '.join(names[:_SHOWN]) or 'none'}{more}: send a planned name, or add it to the plan"
        )
        raise Rejected(Reason.UNPLANNED_EVENT, detail, Stage.PLAN, plan=self.number)

    def _violated(self, call: Call, target: str, flags: list[str]) -> None:
        if self.mode != BLOCK:
            flags.append(INVALID)
            return
        schema = self._ready.events[call.name].schemas[target]
        found = describe(schema, target, call.tree.get(target) or {})
        detail = (
            f"{found}; so says the tracking plan (version {self.number}) of the event {call.name!r}: "
            f"mend what is sent, or the plan"
        )
        raise Rejected(Reason.PLAN_VIOLATION, detail, Stage.PLAN, plan=self.number)


def declared(name: str, event: EventPlan) -> Declared:
    """What holds of an event: the catalogue's declarations, extended and narrowed by the plan's."""
    common = DECLARED.get(name, NOTHING)
    properties: dict[str, Kind | str] = dict(common.properties)
    lines: dict[str, Kind] = dict(common.lines.business) if common.lines else {}
    line_classes: dict[str, str] = {}
    traits: dict[str, str] = {}
    for path, kind in event.business.items():
        if path.startswith(LINE_PREFIX):
            lines[path.removeprefix(LINE_PREFIX)] = kind
        else:
            properties[path] = kind
    for path, field_class in event.classes.items():
        if path.startswith(LINE_PREFIX):
            line_classes[path.removeprefix(LINE_PREFIX)] = field_class
            lines.pop(path.removeprefix(LINE_PREFIX), None)
        elif path.startswith(TRAIT_PREFIX):
            traits[path.removeprefix(TRAIT_PREFIX)] = field_class
        else:
            properties[path] = field_class
    special = Lines.of(lines, line_classes) if lines or line_classes else None
    return Declared(properties, special, event.field_class, traits)


def in_force(number: int, mode: str, content: str) -> Plan:
    """The plan of a source whose active version has this stored content."""
    return Plan(number, mode, compiled(content))
