"""Dry runs: what other rules, or one more decision, would make of profiles. Nothing is changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import replace
from itertools import islice
from typing import Any, cast

from api.explanation_answers import followed
from api.identity_answers import described_identifier
from cdp.identity.decision import Decision, Kind
from cdp.identity.rules import RuleSet
from cdp.platform import Platform
from cdp.policy.decision import RELEASE
from cdp.policy.policy import Policy
from cdp.policy.stewards import SameIdentifier
from projections.contract import Connected
from projections.identity.trial import Change, try_policy

SHOWN = 1_000
"""How many changes are named unless said otherwise; all are counted."""


def tried_rules(platform: Platform, connection: Connected, rules: RuleSet, limit: int = SHOWN) -> dict[str, Any]:
    """What would become of profiles if these rules were in force."""
    position = followed(connection)
    candidate = platform.policies.under(rules, position)
    return _tried(platform, connection, platform.policies.at(position), candidate, limit)


def tried_decision(
    platform: Platform, connection: Connected, kind: str, named: Collection[str], limit: int = SHOWN
) -> dict[str, Any]:
    """What would become of profiles if this were decided about identifiers as people name them."""
    found = [platform.naming.find(text) for text in named]
    numbers = tuple(sorted(each.number for each in found))
    if len(set(numbers)) < len(numbers):
        raise SameIdentifier
    position = followed(connection)
    now = platform.policies.at(position)
    others = tuple(each for each in now.decisions if each.numbers != numbers)
    taken = () if kind == RELEASE else (Decision(cast(Kind, kind), numbers, position + 1),)
    answer = _tried(platform, connection, now, replace(now, decisions=others + taken), limit)
    return {"kind": kind, "identifiers": [described_identifier(each.identifier) for each in found], **answer}


def _tried(platform: Platform, connection: Connected, now: Policy, candidate: Policy, limit: int) -> dict[str, Any]:
    """All changes are counted, of which `limit` are named."""
    changes = try_policy(connection, now, candidate, platform.vault.values)
    shown = list(islice(changes, limit))
    counts, more = Counter[str](), 0
    for each in shown:
        counts.update(_counted(each))
    for each in changes:
        counts.update(_counted(each))
        more += 1
    return {
        "changes": [_described(each) for each in shown],
        "not_shown": more,
        "merges": counts["merge"],
        "splits": counts["split"],
        "moves": counts["move"],
        "profiles": counts["profiles"],
        "touchpoints": counts["touchpoints"],
    }


def _counted(change: Change) -> dict[str, int]:
    return {change.kind: 1, "profiles": len(change.before), "touchpoints": change.touchpoints}


def _described(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "before": list(change.before),
        "after": list(change.after),
        "touchpoints": change.touchpoints,
    }
