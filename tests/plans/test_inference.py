"""Proposing a plan from what was seen, and what a change of a plan would change."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as settings_of
from hypothesis import strategies as st

from cdp.ingest.catalogue import Kind
from cdp.plans.comparison import Change, compare, effect
from cdp.plans.document import PlanDocument
from cdp.plans.inference import infer
from cdp.plans.seen import Seen, seen
from cdp.plans.toml_form import read_plan, write_plan
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from tests.ingest.door import Door, track
from tests.ingest.test_partition import OBJECTS

NAMES = st.sampled_from(["Order Completed", "Own Event", "Page Viewed"])
SEEN = st.builds(
    lambda name, properties, traits: Seen("track", name, {"properties": properties, "traits": traits}, True),
    NAMES,
    OBJECTS,
    OBJECTS,
)


def order(number: int, **properties: Any) -> Seen:
    return Seen("track", "Own Event", {"properties": {"fee": Decimal("1.5"), "n": number, **properties}}, True)


@settings_of(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SEEN, max_size=12))
def test_by_the_proposed_plan_all_that_was_seen_passes(touchpoints: list[Seen]) -> None:
    document = read_plan(write_plan(infer(touchpoints).document))
    assert PlanDocument.of(document.tree()).content() == document.content()
    assert effect(document, touchpoints).flagged == {}


def test_types_are_proposed_and_what_is_always_there_is_required() -> None:
    touchpoints = [order(at, lines=[{"size": "M"}, {"size": None}], note="x" if at else None) for at in range(20)]
    touchpoints += [order(20)]
    (event,) = infer(touchpoints).document.events.values()
    assert event.schemas["properties"] == {
        "type": "object",
        "required": ["fee", "n"],
        "properties": {
            "fee": {"type": "number"},
            "n": {"type": "integer"},
            "note": {"type": ["null", "string"]},
            "lines": {
                "type": "array",
                "items": {"type": "object", "required": ["size"], "properties": {"size": {"type": ["null", "string"]}}},
            },
        },
    }


def test_only_numbers_named_as_such_are_proposed_as_business() -> None:
    properties = {"qty": 2, "tax_total": "1.20", "age": 40, "customer_points": 5, "code": 7, "price": "on demand"}
    (event,) = infer([order(1, **properties)]).document.events.values()
    assert event.business == {"fee": Kind.AMOUNT, "qty": Kind.COUNT, "tax_total": Kind.AMOUNT}


def test_few_values_are_listed_only_for_labels_of_the_catalogue() -> None:
    touchpoints = [
        Seen("track", "Order Completed", {"properties": {"currency": "TRY" if at % 2 else "EUR", "mood": "good"}}, True)
        for at in range(60)
    ]
    (event,) = infer(touchpoints).document.events.values()
    assert event.schemas["properties"]["properties"] == {
        "currency": {"enum": ["EUR", "TRY"]},
        "mood": {"type": "string"},
    }


def test_addresses_as_keys_and_names_are_not_proposed() -> None:
    touchpoints = [
        Seen("track", "Mail to ayse@kahve.example", {}, True),
        Seen("track", "Own Event", {"properties": {"ayse@kahve.example": 1, "5321234567": 1, "fee": 1}}, True),
    ]
    text = write_plan(infer(touchpoints).document)
    assert "ayse" not in text
    assert "532" not in text
    assert "fee" in text


def test_a_change_is_told_thing_by_thing() -> None:
    before = PlanDocument.of(
        {
            "events": {
                "X": {
                    "business": {"a": "count"},
                    "schema": {"required": ["a"], "properties": {"a": {"type": "string"}}},
                }
            }
        }
    )
    after = PlanDocument.of(
        {
            "mode": "block",
            "events": {
                "X": {
                    "business": {"a": "amount"},
                    "class": "health",
                    "schema": {"properties": {"a": {"type": "number"}}},
                },
                "Y": {},
            },
        }
    )
    assert compare(before, after) == [
        Change(None, "mode", "warn", "block"),
        Change("X", "business.a", "count", "amount"),
        Change("X", "class", None, "health"),
        Change("X", "schema.properties.a", '{"type":"string"}', '{"type":"number"}'),
        Change("X", "schema.required", '["a"]', None),
        Change("Y", "event", None, "planned"),
    ]
    assert compare(after, after) == []
    assert compare(None, before)[:2] == [Change(None, "mode", None, "warn"), Change("X", "event", None, "planned")]


def test_the_effect_counts_what_would_be_flagged() -> None:
    document = PlanDocument.of({"events": {"Own Event": {"schema": {"required": ["n"]}}}})
    other = Seen("track", "Other", {}, True)
    partly = Seen("track", "Own Event", {}, False)
    found = effect(document, [order(1), Seen("track", "Own Event", {}, True), other, other, partly])
    assert found.flagged == {"Other": {"plan:unplanned": 2}, "Own Event": {"plan:invalid": 1}}
    assert (found.looked_at, found.total, found.unknown) == (5, 3, 1)


@pytest.fixture
def door(settings: Settings, databases: Databases) -> Door:
    return Door(Platform.over(settings, databases))


def test_what_was_sent_passes_the_plan_inferred_from_it(door: Door) -> None:
    platform = door.platform
    sent = [
        track(f"m-{at}", "Own Event" if at % 3 else "Order Completed", properties={"fee": at / 4, "code": f"c{at}"})
        for at in range(50)
    ]
    sent += [{"type": "identify", "userId": "42", "messageId": "i-1", "traits": {"city": "Bursa", "tier": 3}}]
    sent += [{"type": "page", "userId": "42", "messageId": "p-1", "properties": {"title": "Kahve"}}]
    door.send(*sent)
    door.send(track("x", "Not Of The Shop"), source="other")
    proposed = infer(seen(platform.reader, platform.opener, platform.sources.get("shop")))
    assert list(proposed.document.events) == ["Order Completed", "Own Event", "Page Viewed", "User Identified"]
    assert proposed.notes["Own Event"].startswith("seen 33 times; a name of its own")

    document = read_plan(write_plan(proposed.document, "to review", proposed.notes))
    platform.plans.draft("shop", document, actor="ayse")
    platform.plans.activate("shop", actor="ayse", mode="block")
    again = [json.loads(json.dumps(item)) | {"messageId": f"again-{at}"} for at, item in enumerate(sent)]
    assert {each.outcome for each in door.send(*again)} == {"accepted"}
    shop = platform.sources.get("shop").id
    found = [each.header for each in door.touchpoints() if each.header.source == shop][len(sent) :]
    assert {header.name for header in found} == set(document.events)
    assert not [flag for header in found for flag in header.flags if flag.startswith("plan:")]


def test_the_last_touchpoints_are_read_newest_first_and_of_one_source(door: Door) -> None:
    platform = door.platform
    for at in range(5):
        door.send(track(f"m-{at}", properties={"at": at}))
        door.send(track(f"m-{at}"), source="other")
    source = platform.sources.get("shop")
    found = [each.tree["properties"]["at"] for each in seen(platform.reader, platform.opener, source, 3)]
    assert found == [4, 3, 2]
    assert len(list(seen(platform.reader, platform.opener, source))) == 5


def test_what_can_no_longer_be_read_in_full_is_counted_apart(door: Door) -> None:
    platform = door.platform
    door.send(track("m-1", properties={"note": "x"}))
    door.send(track("m-2", "Own Event"))
    for key in {key for each in door.touchpoints() for key in each.header.keys.period.values()}:
        platform.vault.destroy_period_key(key)
    document = PlanDocument.of({"events": {"Order Completed": {"schema": {"required": ["note"]}}}})
    found = effect(document, seen(platform.reader, platform.opener, platform.sources.get("shop")))
    assert (found.looked_at, found.total, found.unknown) == (1, 0, 1)
