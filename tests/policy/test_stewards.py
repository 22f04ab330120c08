"""Stewards' decisions: idempotent, taken back, sealed, in conflict, and listed with who and why."""

from __future__ import annotations

import json

import pytest

from cdp.identity.identifier import Identifier
from cdp.identity.normalise import InvalidIdentifier
from cdp.platform import Platform
from cdp.policy.decision import StewardDecision
from cdp.policy.naming import IdentifierUnknown, NotNamed, SeveralMeant, written
from cdp.policy.reason import InvalidReason
from cdp.policy.stewards import DecisionChanged, NothingDecided, SameIdentifier
from cdp.postgres.databases import Databases
from cdp.settings import Settings

ADA = Identifier("email", "global", "ada@example.com")


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Platform:
    platform = Platform.over(settings, databases)
    platform.sources.add("shop", channel="web", actor="ayse")
    platform.sources.add("till", channel="store", actor="ayse", namespaces={"loyalty_card": "club"})
    return platform


def test_a_decision_is_the_same_in_whichever_order_the_pair_is_named(platform: Platform) -> None:
    assert platform.stewards.link(7, 3, actor="ayse", reason="one person") == ("link", (3, 7), True)
    before = platform.reader.head().position
    assert platform.stewards.link(3, 7, actor="can", reason="said again") == ("link", (3, 7), False)
    assert platform.reader.head().position == before


def test_the_last_word_holds_and_can_be_taken_back(platform: Platform) -> None:
    for kind in ("link", "unlink", "link"):
        assert getattr(platform.stewards, kind)(3, 7, actor="ayse", reason="so be it").new
    assert [each.kind for each in platform.policies.latest().decisions] == ["link"]
    assert platform.stewards.release(7, 3, actor="ayse", reason="undone") == ("release", (3, 7), True)
    assert platform.stewards.release(7, 3, actor="ayse", reason="undone") == ("release", (3, 7), False)
    assert platform.policies.latest().decisions == ()
    assert platform.stewards.block(3, actor="ayse", reason="a placeholder").new
    assert [each.numbers for each in platform.policies.latest().decisions] == [(3,)]


def test_what_cannot_be_decided_is_refused(platform: Platform) -> None:
    with pytest.raises(SameIdentifier):
        platform.stewards.link(3, 3, actor="ayse", reason="x")
    with pytest.raises(NothingDecided):
        platform.stewards.release(3, 7, actor="ayse", reason="x")
    with pytest.raises(InvalidReason, match="expected 1 to 1000"):
        platform.stewards.link(3, 7, actor="ayse", reason="  ")
    assert platform.policies.latest().decisions == ()


def test_of_two_who_decide_at_once_one_is_told_unless_they_agree(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = {kind: StewardDecision(kind=kind, numbers=[3, 7], actor="can", reason="x") for kind in ("link", "unlink")}
    platform.stewards.link(3, 7, actor="ayse", reason="one person")
    assert platform.stewards._saved(stale["link"]) is False
    with pytest.raises(DecisionChanged):
        platform.stewards._saved(stale["unlink"])


def test_who_and_why_are_sealed_and_end_with_their_key(platform: Platform) -> None:
    platform.stewards.link(3, 7, actor="ayse", reason="Mehmet called")
    (stored,) = [event for event in platform.reader.read_control(0) if event.topic == StewardDecision.Created.TOPIC]
    assert b"Mehmet" not in stored.header and b"ayse" not in stored.header
    (decided,) = platform.decisions.page(10).decisions
    assert (decided.kind, decided.numbers, decided.actor, decided.reason) == ("link", (3, 7), "ayse", "Mehmet called")
    platform.vault.destroy_subject_key(json.loads(stored.header)["keys"]["subject"])
    (decided,) = platform.decisions.page(10).decisions
    assert (decided.kind, decided.numbers, decided.actor, decided.reason) == ("link", (3, 7), None, None)
    assert [each.numbers for each in platform.policies.latest().decisions] == [(3, 7)]


def test_the_history_has_pages_and_can_be_asked_of_one_identifier(platform: Platform) -> None:
    for other in (1, 2, 4, 5):
        platform.stewards.link(3, other, actor="ayse", reason=f"because of {other}")
    platform.stewards.block(9, actor="ayse", reason="a placeholder")
    first = platform.decisions.page(3)
    assert [each.reason for each in first.decisions] == ["a placeholder", "because of 5", "because of 4"]
    second = platform.decisions.page(3, first.next)
    assert [each.reason for each in second.decisions] == ["because of 2", "because of 1"]
    assert second.next is None
    about = platform.decisions.page(1, number=4)
    assert ([each.numbers for each in about.decisions], about.next) == ([(3, 4)], None)
    assert [each.numbers for each in platform.decisions.page(2, number=3).decisions] == [(3, 5), (3, 4)]


def test_identifiers_are_named_as_ingest_normalises_them(platform: Platform) -> None:
    number = platform.vault.numbers([ADA])[ADA]
    assert platform.naming.find("email: Ada@Example.COM ") == (ADA, number)
    assert written(ADA) == "email:ada@example.com"
    card = Identifier("loyalty_card", "club", "77")
    platform.vault.numbers([card])
    assert platform.naming.find("loyalty_card:77").identifier == card
    assert platform.naming.find(written(card)).identifier == card


def test_a_value_known_in_two_places_needs_its_namespace(platform: Platform) -> None:
    twins = [Identifier("user_id", place, "42") for place in ("shop", "till")]
    platform.vault.numbers(twins)
    with pytest.raises(SeveralMeant, match="user_id@shop:42 or user_id@till:42"):
        platform.naming.find("user_id:42")
    assert platform.naming.find("user_id@till:42").identifier == twins[1]


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        ("ada@example.com", NotNamed, "expected TYPE:VALUE"),
        ("email:", NotNamed, "expected TYPE:VALUE"),
        ("email:ada", InvalidIdentifier, "an address such as"),
        ("email:bob@example.com", IdentifierUnknown, r"no touchpoint holds email:bob@example.com \(looked in global\)"),
        ("user_id:1", IdentifierUnknown, r"looked in shop, till"),
        ("user_id@mars:1", IdentifierUnknown, r"looked in mars"),
    ],
)
def test_what_names_nobody_is_refused(platform: Platform, text: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        platform.naming.find(text)
