"""What a change of a plan changes: in the plan, and in the verdicts on what was sent lately."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from cdp.plans.document import SCHEMAS, WARN, EventPlan, PlanDocument
from cdp.plans.judging import in_force
from cdp.plans.seen import Seen

_encode = msgspec.json.Encoder(decimal_format="number", order="sorted").encode


class Change(NamedTuple):
    """One thing that differs: of an event (or of the plan as a whole), before and after; None is absent."""

    event: str | None
    path: str
    before: str | None
    after: str | None


class Effect(NamedTuple):
    """Of touchpoints seen lately, how many each verdict meets, by event; `unknown` are no longer readable in full."""

    looked_at: int
    flagged: dict[str, dict[str, int]]
    unknown: int

    @property
    def total(self) -> int:
        """How many would be flagged, or in mode block held back."""
        return sum(count for verdicts in self.flagged.values() for count in verdicts.values())


def compare(before: PlanDocument | None, after: PlanDocument) -> list[Change]:
    """What differs between two documents, in order of the events."""
    old = before or PlanDocument("", {})
    changes = [] if old.mode == after.mode else [Change(None, "mode", old.mode or None, after.mode)]
    for name in sorted({*old.events, *after.events}):
        changes += _event_changes(name, old.events.get(name), after.events.get(name))
    return changes


def effect(document: PlanDocument, touchpoints: Iterable[Seen]) -> Effect:
    """What the document would have said of these touchpoints."""
    plan = in_force(0, WARN, document.content())
    flagged: dict[str, Counter[str]] = {}
    looked_at = unknown = 0
    for each in touchpoints:
        looked_at += 1
        flags: list[str] = []
        if not each.complete:
            unknown += 1
            continue
        plan.judge(each.call(), flags)
        for flag in flags:
            flagged.setdefault(each.name, Counter())[flag] += 1
    return Effect(looked_at, {name: dict(found) for name, found in sorted(flagged.items())}, unknown)


def _event_changes(name: str, before: EventPlan | None, after: EventPlan | None) -> Iterator[Change]:
    if before is None or after is None:
        yield Change(name, "event", None if before is None else "planned", None if after is None else "planned")
    old = {} if before is None else dict(_facts(before))
    new = {} if after is None else dict(_facts(after))
    for path in sorted(old.keys() | new.keys()):
        if old.get(path) != new.get(path):
            yield Change(name, path, old.get(path), new.get(path))


def _facts(event: EventPlan) -> Iterator[tuple[str, str]]:
    """An event flattened to one entry for each thing that a reviewer decides about."""
    tree = event.tree()
    for key in ("description", "class"):
        if key in tree:
            yield key, tree[key]
    for key in ("business", "classes"):
        for path, value in tree.get(key, {}).items():
            yield f"{key}.{path}", value
    for key in SCHEMAS:
        for keyword, value in tree.get(key, {}).items():
            if keyword == "properties" and isinstance(value, dict):
                yield from ((f"{key}.properties.{name}", _encode(each).decode()) for name, each in value.items())
            else:
                yield f"{key}.{keyword}", _encode(value).decode()
