"""Tracking plans and configurations as plain values: the API's answers and what the commands print."""

from __future__ import annotations

from typing import Any

from cdp.configuration.state import Step
from cdp.plans.comparison import Change, Effect, compare, effect
from cdp.plans.document import PlanDocument, stored_document
from cdp.plans.inference import Proposal, infer
from cdp.plans.plan import TrackingPlan
from cdp.plans.plans import NotActive
from cdp.plans.seen import seen
from cdp.platform import Platform
from cdp.setup import NotSetUp


def described_plan(plan: TrackingPlan) -> dict[str, Any]:
    """A plan with its versions, without what they say."""
    return {
        "source": plan.name,
        "active": plan.active,
        "mode": plan.mode if plan.active is not None else None,
        "versions": [
            {"number": number, "mode": mode, "events": len(stored_document(mode, content).events)}
            for number, (mode, content) in plan.drafts.items()
        ],
        "changed_at": plan.modified_on.isoformat(),
    }


def described_change(change: Change) -> dict[str, Any]:
    """One thing that differs."""
    return change._asdict()


def described_effect(effect: Effect) -> dict[str, Any]:
    """What a plan would have said of touchpoints seen lately."""
    return {
        "looked_at": effect.looked_at,
        "flagged": effect.total,
        "unreadable": effect.unknown,
        "by_event": effect.flagged,
    }


def described_step(step: Step) -> dict[str, Any]:
    """One step of a configuration."""
    return {"action": step.action, "name": step.name, "changes": [described_change(each) for each in step.changes]}


def proposal(platform: Platform, name: str, last: int) -> Proposal:
    """The plan that a source's last touchpoints suggest."""
    return infer(seen(platform.reader, platform.opener, platform.sources.get(name), last))


def difference(
    platform: Platform, name: str, document: PlanDocument | None, last: int
) -> tuple[list[Change], Effect, PlanDocument]:
    """What this document, or else the last version, changes against the one in force, and its effect."""
    source = platform.sources.get(name)
    if document is None:
        document = platform.plans.document(name, platform.plans.get(name).latest)
    try:
        before = platform.plans.document(name)
    except (NotSetUp, NotActive):
        before = None
    found = effect(document, seen(platform.reader, platform.opener, source, last))
    return compare(before, document), found, document
