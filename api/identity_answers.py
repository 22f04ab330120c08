"""What people decided about identity as the API answers it and the command line shows it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from cdp.identity.comparison import Difference
from cdp.identity.identifier import Identifier
from cdp.log.versioned import Said
from cdp.platform import Platform
from cdp.policy.form import FORMS
from cdp.policy.history import Decided
from cdp.policy.naming import Found
from cdp.policy.rule_book import RuleBook
from cdp.policy.rule_books import UnknownVersion
from cdp.policy.stewards import Taken

Known = Mapping[int, Identifier | None]


def described_identifier(identifier: Identifier | None) -> dict[str, Any]:
    """An identifier; all but that it was there is gone once it was erased."""
    if identifier is None:
        return {"type": None, "namespace": None, "value": None}
    return identifier._asdict()


def decide(platform: Platform, kind: str, named: Collection[str], actor: str, reason: str) -> dict[str, Any]:
    """Takes a decision (`link`, `unlink`, `block`, `release`) about identifiers as people name them."""
    found = [platform.naming.find(text) for text in named]
    act = getattr(platform.stewards, kind)
    return described_taken(act(*(each.number for each in found), actor=actor, reason=reason), found)


def described_taken(taken: Taken, found: Collection[Found]) -> dict[str, Any]:
    """A decision that holds now."""
    identifiers = [described_identifier(each.identifier) for each in found]
    return {"kind": taken.kind, "identifiers": identifiers, "new": taken.new}


def decisions(
    platform: Platform, limit: int, before: int | None = None, identifier: str | None = None
) -> dict[str, Any]:
    """A page of everything that was decided, the latest first."""
    number = platform.naming.find(identifier).number if identifier else None
    page = platform.decisions.page(limit, before, number)
    values = platform.vault.values({number for each in page.decisions for number in each.numbers})
    return {"decisions": [_described(each, values) for each in page.decisions], "next": page.next}


def _described(decided: Decided, values: Known) -> dict[str, Any]:
    return {
        "position": decided.position,
        "at": decided.at.isoformat(),
        "kind": decided.kind,
        "identifiers": [described_identifier(values[number]) for number in decided.numbers],
        "rules": decided.rules,
        "version": decided.version,
        "actor": decided.actor,
        "reason": decided.reason,
    }


def described_decision(platform: Platform, position: int) -> dict[str, Any]:
    """Who took the decision at this position, when and why."""
    decided = platform.decisions.one(position)
    return {"position": position, "at": decided.at.isoformat(), "actor": decided.actor, "reason": decided.reason}


def described_rules(platform: Platform, kind: str) -> dict[str, Any]:
    """The versions of a kind of rules, and who put which in force when and why."""
    book = platform.rule_books.get(kind)
    return {
        "kind": kind,
        "active": book.active if book else 0,
        "versions": _versions(book) if book else [],
        "activations": [{"version": number, **_said(said)} for number, said in book.activations] if book else [],
    }


def _versions(book: RuleBook) -> list[dict[str, Any]]:
    return [{"version": number, **_said(version.drafted)} for number, version in enumerate(book.versions, start=1)]


def _said(said: Said) -> dict[str, Any]:
    return {"at": said.at.isoformat(), "actor": said.actor, "reason": said.reason}


def rules_difference(platform: Platform, kind: str, rules: Any = None) -> list[Difference]:
    """What these rules, or else the last version, would change against those in force. Raises `UnknownVersion`."""
    if rules is None:
        rules = last_version(platform, kind)
    return FORMS[kind].differences(platform.rule_books.rules(kind), rules)


def last_version(platform: Platform, kind: str) -> Any:
    """The rules that were drafted last. Raises `UnknownVersion`."""
    book = platform.rule_books.get(kind)
    if book is None or not book.latest:
        raise UnknownVersion(kind, 1, 0)
    return platform.rule_books.rules(kind, book.latest)
