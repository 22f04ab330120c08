"""Rule books: versions, what is in force, who decided it when and why."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.identity.document import InvalidRules, rules_of
from cdp.identity.rules import DEFAULT_RULES
from cdp.platform import Platform
from cdp.policy.reason import InvalidReason
from cdp.policy.rule_book import IDENTITY, KINDS, SURVIVORSHIP, RuleBook
from cdp.policy.rule_books import RulesChanged, UnknownVersion
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from cdp.survivorship.document import InvalidSurvivorship, survivorship_of
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Platform:
    return Platform.over(settings, databases)


STRICT = rules_of({"types": {"email": {"limit": 2}}})
OTHERS: dict[str, tuple[Any, Any]] = {
    IDENTITY: (STRICT, rules_of({"size_cap": 90})),
    SURVIVORSHIP: (survivorship_of({"default": {"kind": "first"}}), survivorship_of({"default": {"ttl": "9 days"}})),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_version_is_drafted_activated_and_brought_back(platform: Platform, kind: str) -> None:
    first, second = OTHERS[kind]
    books, built_in = platform.rule_books, platform.rule_books.rules(kind)
    assert books.draft(kind, first, actor="ayse") == (1, True)
    assert books.rules(kind) == built_in
    assert books.activate(kind, actor="ayse", reason="reviewed") == (1, True)
    assert books.rules(kind) == first
    books.draft(kind, second, actor="can", reason="next")
    books.activate(kind, actor="can")
    assert (books.active(kind), books.rules(kind)) == (2, second)
    books.activate(kind, 1, actor="can", reason="it was better")
    assert (books.active(kind), books.rules(kind, 2)) == (1, second)
    books.activate(kind, 0, actor="can", reason="back to the start")
    assert (books.active(kind), books.rules(kind)) == (0, built_in)
    book = books.get(kind)
    assert book is not None
    assert [(each.number, each.said.actor, each.said.reason) for each in book.activations] == [
        (1, "ayse", "reviewed"),
        (2, "can", ""),
        (1, "can", "it was better"),
        (0, "can", "back to the start"),
    ]


def test_deciding_the_same_again_is_no_new_event(platform: Platform) -> None:
    platform.rule_books.draft(IDENTITY, STRICT, actor="ayse")
    platform.rule_books.activate(IDENTITY, actor="ayse")
    before = platform.reader.head().position
    assert platform.rule_books.draft(IDENTITY, STRICT, actor="can", reason="again") == (1, False)
    assert platform.rule_books.activate(IDENTITY, actor="can", reason="again") == (1, False)
    assert platform.reader.head().position == before


def test_without_any_version_the_built_in_rules_hold(platform: Platform) -> None:
    assert platform.rule_books.rules(IDENTITY) is DEFAULT_RULES
    assert platform.rule_books.rules(SURVIVORSHIP) is DEFAULT_SURVIVORSHIP
    assert platform.rule_books.activate(IDENTITY, 0, actor="ayse") == (0, False)
    with pytest.raises(UnknownVersion, match="no version 1: none was drafted yet"):
        platform.rule_books.activate(IDENTITY, actor="ayse")


@pytest.mark.parametrize("number", [-1, 2, 99])
def test_a_version_that_does_not_exist_is_refused(platform: Platform, number: int) -> None:
    platform.rule_books.draft(IDENTITY, STRICT, actor="ayse")
    with pytest.raises(UnknownVersion, match=f"no version {number}: it has only 1"):
        platform.rule_books.activate(IDENTITY, number, actor="ayse")
    with pytest.raises(UnknownVersion):
        platform.rule_books.rules(IDENTITY, number)


def test_rules_name_sources_that_are_set_up(platform: Platform) -> None:
    platform.sources.add("site", channel="web", actor="ayse")
    trusting = rules_of({"trust": {"site": "public", "sight": "public"}})
    with pytest.raises(InvalidRules, match="name the source 'sight', which is not set up; expected site"):
        platform.rule_books.draft(IDENTITY, trusting, actor="ayse")
    verified = survivorship_of({"attributes": {"email": {"kind": "verified", "sources": ["crm"]}}})
    with pytest.raises(InvalidSurvivorship, match="'crm'"):
        platform.rule_books.draft(SURVIVORSHIP, verified, actor="ayse")


def test_of_two_who_draft_at_once_one_is_told(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    platform.rule_books.draft(IDENTITY, STRICT, actor="ayse")
    stale = platform.rule_books.get(IDENTITY)
    platform.rule_books.draft(IDENTITY, rules_of({"size_cap": 90}), actor="can")
    monkeypatch.setattr(platform.log.repository, "get", lambda _id: stale)
    with pytest.raises(RulesChanged, match="by somebody else just now"):
        platform.rule_books.draft(IDENTITY, rules_of({"size_cap": 80}), actor="ayse")


def test_who_and_why_are_sealed(platform: Platform) -> None:
    platform.rule_books.draft(IDENTITY, STRICT, actor="ayse", reason="Mehmet called")
    platform.rule_books.activate(IDENTITY, actor="ayse", reason="Mehmet called")
    stored = platform.reader.read_control(0)
    assert {event.topic for event in stored} == {
        RuleBook.Created.TOPIC,
        RuleBook.Drafted.TOPIC,
        RuleBook.Activated.TOPIC,
    }
    assert not any(word in event.header for event in stored for word in (b"Mehmet", b"ayse"))


def test_a_reason_has_an_end(platform: Platform) -> None:
    with pytest.raises(InvalidReason, match="has 1001 characters"):
        platform.rule_books.draft(IDENTITY, STRICT, actor="ayse", reason="x" * 1001)
