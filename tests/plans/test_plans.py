"""Plans at work: versions, modes, the header, canonical names, quarantine, and classes that end alone."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from cdp.ingest.outcomes import read_counts
from cdp.log.touchpoint import UNKNOWN_NAME, Touchpoint
from cdp.plans.document import InvalidPlan, PlanDocument
from cdp.plans.plan import TrackingPlan
from cdp.plans.plans import NotActive, PlanChanged, Plans, UnknownVersion
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from cdp.setup import NotSetUp
from cdp.vault.periods import PeriodOf
from tests.ingest.door import Door, track

TOTAL = {"type": "object", "required": ["total"], "properties": {"total": {"type": "number"}}}
NOVEMBER = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.fixture
def door(settings: Settings, databases: Databases) -> Door:
    found = Door(Platform.over(settings, databases))
    found.source("shop")
    return found


@pytest.fixture
def plans(door: Door) -> Plans:
    return door.platform.plans


def document(mode: str = "warn", **events: Any) -> PlanDocument:
    return PlanDocument.of({"mode": mode, "events": {name.replace("_", " "): each for name, each in events.items()}})


def activate(door: Door, plan: PlanDocument) -> int:
    door.platform.plans.draft("shop", plan, actor="ayse")
    return door.platform.plans.activate("shop", actor="ayse").number


def last(door: Door) -> Touchpoint:
    return door.touchpoints()[-1]


def reasons(door: Door) -> list[tuple[str, str]]:
    with door.platform.databases.log.connection() as connection:
        rows = connection.execute("select stage, reason from quarantine order by received_at, item").fetchall()
    return [(stage, reason) for stage, reason in rows]


def test_without_a_plan_nothing_is_judged(door: Door) -> None:
    door.send(track("m-1", "Own Event"))
    header = last(door).header
    assert (header.plan, header.name) == (None, UNKNOWN_NAME)
    assert header.flags == ("time_missing",)


def test_a_draft_judges_nothing_before_it_is_activated(door: Door, plans: Plans) -> None:
    plans.draft("shop", document("block", Own_Event={}), actor="ayse")
    door.send(track("m-1"))
    assert last(door).header.plan is None
    plans.activate("shop", actor="ayse")
    (result,) = door.send(track("m-2"))
    assert result.outcome == "quarantined"


def test_warn_accepts_and_flags_by_the_version_that_judged(door: Door) -> None:
    activate(door, document(Order_Completed={"schema": TOTAL}))
    sent = [track("m-1", properties={"total": 5}), track("m-2", properties={"total": "5"}), track("m-3", "Own Event")]
    assert [each.outcome for each in door.send(*sent)] == ["accepted"] * 3
    headers = [each.header for each in door.touchpoints()]
    assert [header.plan for header in headers] == [1, 1, 1]
    assert [[flag for flag in header.flags if flag.startswith("plan:")] for header in headers] == [
        [],
        ["plan:invalid"],
        ["plan:unplanned"],
    ]


def test_block_holds_back_with_the_reason_and_keeps_the_books(door: Door) -> None:
    activate(door, document("block", Order_Completed={"schema": TOTAL}))
    results = door.send(track("m-1", properties={}), track("m-2", "Own Event"), track("m-3", properties={"total": 1}))
    assert [each.outcome for each in results] == ["quarantined", "quarantined", "accepted"]
    assert reasons(door) == [("plan", "plan_violation"), ("plan", "unplanned_event")]
    assert results[0].rejected is not None
    assert results[0].rejected.plan == 1
    assert "properties.total is missing" in results[0].rejected.detail
    (counts,) = read_counts(door.platform.databases.log)
    assert (counts.received, counts.accepted, counts.quarantined, counts.balanced) == (3, 1, 2, True)


def test_off_judges_nothing_but_its_declarations_hold(door: Door, plans: Plans) -> None:
    activate(door, document("block", Own_Event={"business": {"fee": "amount"}, "schema": TOTAL}))
    plans.set_mode("shop", "off", actor="ayse")
    door.send(track("m-1", "Own Event", properties={"fee": 5, "note": "x"}))
    found = last(door)
    assert (found.header.plan, found.header.name) == (None, "Own Event")
    assert found.header.flags == ("time_missing",)
    assert found.business == {"properties": {"fee": 5}}


def test_the_name_that_a_plan_declares_is_canonical_for_its_source_alone(door: Door) -> None:
    activate(door, document(Own_Event={}))
    door.send(track("m-1", "Own Event"))
    door.send(track("m-1", "Own Event"), source="other")
    assert [each.header.name for each in door.touchpoints()] == ["Own Event", UNKNOWN_NAME]


def test_what_a_plan_declares_business_is_stored_in_the_clear_and_the_rest_is_not(door: Door) -> None:
    activate(door, document(Own_Event={"business": {"fee": "amount", "ticket": "reference"}}))
    door.send(track("m-1", "Own Event", properties={"fee": "12.50", "ticket": "T-77", "note": "gizli"}))
    (event,) = [each for each in door.platform.reader.read(0, 100) if each.topic == "touchpoint.v1"]
    assert event.business is not None
    assert b'"12.50"' in event.business
    assert b"gizli" not in event.business + event.header
    assert b"T-77" not in event.business + event.header
    assert last(door).business["references"].keys() == {"ticket"}


def test_a_class_of_its_own_has_period_keys_of_its_own_and_ends_alone(door: Door) -> None:
    vault = door.platform.vault
    activate(door, document(Lab_Result={"classes": {"diagnosis": "health"}}))
    item = track("m-1", "Lab Result", properties={"diagnosis": "J45", "note": "x"}, timestamp=NOVEMBER.isoformat())
    door.send(item, received_at=NOVEMBER)
    keys = last(door).header.keys.period
    assert keys.keys() == {"contact", "content", "health"}
    assert len(set(keys.values())) == 3
    assert last(door).section("properties") == {"diagnosis": "J45", "note": "x"}

    vault.destroy_period_key(keys["health"])
    found = last(door)
    assert found.withheld == {"health"}
    assert found.section("properties") == {"note": "x"}
    source = door.platform.sources.get("shop").id
    assert vault.periods([PeriodOf(source, "health", date(2026, 11, 1))]) == {
        PeriodOf(source, "health", date(2026, 11, 1)): None
    }

    door.send({**item, "messageId": "m-2"}, received_at=NOVEMBER)
    assert last(door).header.flags == ("withheld:health",)
    assert last(door).section("properties") == {"note": "x"}


def test_an_older_version_comes_back(door: Door, plans: Plans) -> None:
    activate(door, document(Order_Completed={"schema": TOTAL}))
    activate(door, document("block", Own_Event={}))
    assert door.send(track("m-1"))[0].outcome == "quarantined"
    assert plans.activate("shop", 1, actor="ayse") == (1, "warn")
    assert door.send(track("m-2", properties={"total": 5}))[0].outcome == "accepted"
    assert last(door).header.plan == 1
    assert plans.activate("shop", 2, actor="ayse", mode="warn") == (2, "warn")
    assert plans.document("shop", 1).content() == document(Order_Completed={"schema": TOTAL}).content()


def test_another_process_judges_by_it_at_its_next_look(door: Door, settings: Settings, databases: Databases) -> None:
    other = Platform.over(settings, databases)
    activate(door, document(Own_Event={}))
    source = door.platform.sources.get("shop").id
    assert other.registry.plan(source) is None
    other.registry.refresh()
    found = other.registry.plan(source)
    assert found is not None
    assert (found.number, found.mode) == (1, "warn")
    other.plans.set_mode("shop", "block", actor="ayse")
    changed = other.registry.plan(source)
    assert changed is not None
    assert (changed.number, changed.mode) == (1, "block")


def test_a_plan_is_made_ready_once_whatever_else_changes(door: Door) -> None:
    activate(door, document(Own_Event={}))
    source = door.platform.sources.get("shop").id
    before = door.platform.registry.plan(source)
    door.platform.sources.add("other", channel="web", actor="ayse")
    assert door.platform.registry.plan(source) is before


def test_the_log_tells_who_decided_what_and_no_name_in_the_clear(door: Door, plans: Plans) -> None:
    activate(door, document(Own_Event={}))
    plans.set_mode("shop", "block", actor="mehmet")
    events: list[Any] = list(door.platform.log.events.get(TrackingPlan.create_id("shop")))
    assert [(event.TOPIC, event.actor) for event in events] == [
        ("tracking_plan.created.v1", "ayse"),
        ("tracking_plan.drafted.v1", "ayse"),
        ("tracking_plan.activated.v1", "ayse"),
        ("tracking_plan.mode_set.v1", "mehmet"),
    ]
    stored = b"".join(event.header + (event.personal or b"") for event in door.platform.reader.read(0, 100))
    assert b"mehmet" not in stored


def test_repeating_a_decision_records_nothing(door: Door, plans: Plans) -> None:
    activate(door, document(Own_Event={}))
    before = door.platform.reader.head().position
    assert plans.draft("shop", document(Own_Event={}), actor="ayse") == (1, False)
    plans.activate("shop", actor="ayse")
    plans.set_mode("shop", "warn", actor="ayse")
    assert door.platform.reader.head().position == before


def test_who_decides_at_the_same_moment_is_told(door: Door, settings: Settings, databases: Databases) -> None:
    activate(door, document(Own_Event={}))
    mine = door.platform.plans.get("shop")
    door.platform.plans.set_mode("shop", "block", actor="mehmet")
    mine.set_mode("off", "ayse")
    with pytest.raises(PlanChanged, match="look at it and try again"):
        door.platform.plans._save(mine)


def test_what_is_not_there_is_named(door: Door, plans: Plans) -> None:
    with pytest.raises(NotSetUp, match="no source named 'nobody'"):
        plans.draft("nobody", document(), actor="ayse")
    with pytest.raises(NotSetUp, match=r"no plan named 'shop'.*cdp plan list"):
        plans.activate("shop", actor="ayse")
    plans.draft("shop", document(), actor="ayse")
    with pytest.raises(NotActive, match="cdp plan activate shop"):
        plans.set_mode("shop", "warn", actor="ayse")
    with pytest.raises(UnknownVersion, match="no version 7; expected 1"):
        plans.activate("shop", 7, actor="ayse")
    with pytest.raises(InvalidPlan, match="'loud'"):
        plans.activate("shop", actor="ayse", mode="loud")
