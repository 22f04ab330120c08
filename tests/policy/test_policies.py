"""The policy at any position equals a fold of the events up to it."""

from __future__ import annotations

import pytest

from cdp.identity.decision import Decision
from cdp.identity.document import content_of, rules_of
from cdp.identity.rules import DEFAULT_RULES
from cdp.platform import Platform
from cdp.policy.decision import StewardDecision
from cdp.policy.policies import Policies
from cdp.policy.policy import Policy
from cdp.policy.rule_book import IDENTITY, RuleBook
from cdp.postgres.databases import Databases
from cdp.settings import Settings


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Platform:
    return Platform.over(settings, databases)


def test_a_log_without_decisions_has_the_built_in_rules(platform: Platform) -> None:
    assert platform.policies.at(0) == Policy()
    assert platform.policies.latest() == Policy()


def test_the_past_keeps_what_was_decided_by_then(platform: Platform) -> None:
    stricter = content_of(rules_of({"types": {"email": {"limit": 2}}}))
    book = RuleBook(kind=IDENTITY, actor="ayse")
    book.draft(IDENTITY, 1, stricter, "ayse", "too many addresses")
    platform.log.save(book)
    drafted = platform.reader.head().position
    book.activate(IDENTITY, 1, "ayse", "reviewed")
    platform.log.save(book)
    activated = platform.reader.head().position
    decision = StewardDecision(kind="link", numbers=[3, 7], actor="ayse", reason="same person")
    platform.log.save(decision)
    linked = platform.reader.head().position
    decision.change("unlink", [3, 7], "can", "they are sisters")
    platform.log.save(decision)
    unlinked = platform.reader.head().position
    decision.change("release", [3, 7], "can", "never mind")
    platform.log.save(decision)
    for policies in (platform.policies, Policies(platform.reader, platform.log.mapper)):
        assert policies.at(drafted).rules == DEFAULT_RULES
        assert policies.at(activated).rules.of("email").limit == 2
        assert policies.at(activated).rules_version == 1
        assert policies.at(linked).decisions == (Decision("link", (3, 7), linked),)
        assert policies.at(unlinked).decisions == (Decision("unlink", (3, 7), unlinked),)
        assert policies.latest().decisions == ()
        assert policies.at(activated - 1) == policies.at(0)
        assert policies.at(linked) is policies.at(unlinked - 1)


def test_sources_are_public_as_they_were_set_up_unless_the_rules_say_otherwise(platform: Platform) -> None:
    platform.sources.add("till", channel="store", actor="ayse")
    platform.sources.add("site", channel="web", trust="public", actor="ayse")
    till, site = platform.sources.get("till").id, platform.sources.get("site").id
    assert platform.policies.latest().public == {site}
    book = RuleBook(kind=IDENTITY, actor="ayse")
    book.draft(IDENTITY, 1, content_of(rules_of({"trust": {"till": "public", "site": "server"}})), "ayse", "")
    book.activate(IDENTITY, 1, "ayse", "")
    platform.log.save(book)
    assert platform.policies.latest().public == {till}
