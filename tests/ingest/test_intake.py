"""Taking deliveries in: one outcome for each item, kept books, nothing lost."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from cdp.ingest import quarantine
from cdp.ingest.outcomes import read_counts
from cdp.log.touchpoint import merge
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from cdp.sources.connector import Call
from cdp.sources.connectors.segment import Segment
from tests.ingest.door import Door, track


@pytest.fixture
def door(settings: Settings, databases: Databases) -> Door:
    return Door(Platform.over(settings, databases))


def outcomes(results: Any) -> list[str]:
    return [result.outcome for result in results]


def held(door: Door) -> list[tuple[str, str, bytes]]:
    """Stage, reason and bytes of everything in quarantine."""
    with door.platform.databases.log.connection() as connection:
        rows = connection.execute("select quarantine_id, key_id, sealed, stage, reason from quarantine").fetchall()
    found = []
    for quarantine_id, key_id, sealed, stage, reason in rows:
        revealed = quarantine.reveal(door.platform.vault, quarantine_id, key_id, sealed)
        assert revealed is not None
        found.append((stage, reason, revealed[1]))
    return found


def test_a_touchpoint_comes_back_as_it_was_sent(door: Door) -> None:
    item = track(
        "m-1", properties={"total": 12.5, "note": "kapıya"}, context={"ip": "10.0.0.1"}, traits={"city": "İzmir"}
    )
    door.send(item)
    (found,) = door.touchpoints()
    merged: Any = {key: value for key, value in found.business.items() if key != "references"}
    for tree in found.personal.values():
        merged = merge(merged, tree)
    assert json.loads(json.dumps(merged, default=float)) == item


def test_the_header_says_what_came_from_where(door: Door) -> None:
    door.source("shop", brand="Kahveci", channel="mobile")
    item = track("m-1", timestamp="2026-01-31T12:00:00+03:00", context={"traits": {"email": "a@b.example"}})
    door.send(item)
    header = door.touchpoints()[0].header
    assert (header.name, header.type, header.channel, header.brand) == ("Order Completed", "track", "mobile", "Kahveci")
    assert header.occurred_at == datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
    assert [(each.role, each.type, each.namespace) for each in header.identifiers] == [
        ("self", "user_id", "shop"),
        ("self", "email", "global"),
    ]
    assert header.source == door.platform.sources.get("shop").id


def test_an_unknown_event_name_stays_out_of_the_clear(door: Door) -> None:
    door.send(track("m-1", event="Ayşe called her mother"))
    (event,) = door.platform.reader.read(1, 10)
    assert b"mother" not in event.header
    (found,) = door.touchpoints()
    assert found.header.name == "(unknown)"
    assert found.personal["content"]["event"] == "Ayşe called her mother"


def test_every_item_has_its_own_outcome(door: Door) -> None:
    first = door.send(track("m-1"), track("m-2"), track("m-1"), {"type": "track"}, track("m-2", userId="43"))
    assert outcomes(first) == ["accepted", "accepted", "duplicate", "quarantined", "quarantined"]
    assert outcomes(door.send(track("m-2"), track("m-3"))) == ["duplicate", "accepted"]
    (counts,) = read_counts(door.platform.databases.log)
    assert counts[1:] == (7, 3, 2, 2, 0, 0)
    assert counts.balanced


def test_what_is_not_accepted_is_kept_as_it_came(door: Door) -> None:
    conflict, bad = track("m-1", properties={"total": 2}), {"type": "track", "event": "x", "note": "çok gizli"}
    door.send(track("m-1"), conflict, bad)
    assert sorted(held(door)) == sorted(
        [
            ("append", "conflict", json.dumps(conflict).encode()),
            ("parse", "missing_identifier", json.dumps(bad).encode()),
        ]
    )


def test_a_repetition_is_known_though_transport_and_order_of_keys_differ(door: Door) -> None:
    door.send(track("m-1", sentAt="2026-01-01T00:00:00Z"))
    again = dict(reversed(track("m-1", sentAt="2026-01-02T00:00:00Z", writeKey="k").items()))
    assert outcomes(door.send(again)) == ["duplicate"]


def test_message_ids_of_two_sources_do_not_meet(door: Door) -> None:
    assert outcomes(door.send(track("m-1"), source="shop")) == ["accepted"]
    assert outcomes(door.send(track("m-1", userId="77"), source="till")) == ["accepted"]


def test_content_with_a_time_of_its_own_is_known_without_a_message_id(door: Door) -> None:
    timed = {"type": "track", "event": "x", "userId": "1", "timestamp": "2026-01-01T00:00:00Z"}
    untimed = {"type": "track", "event": "x", "userId": "1"}
    assert outcomes(door.send(timed, untimed)) == ["accepted", "accepted"]
    assert outcomes(door.send(timed, untimed)) == ["duplicate", "accepted"]


def test_orders_are_joined_by_a_reference_and_persons_are_not(door: Door) -> None:
    door.send(
        track("m-1", properties={"order_id": "A-1"}),
        track("m-2", event="Order Refunded", properties={"order_id": "A-1"}, userId="43"),
        track("m-3", properties={"order_id": "A-2"}),
    )
    first, refund, other = (touchpoint.business["references"]["order_id"] for touchpoint in door.touchpoints())
    assert first == refund != other
    assert "A-1" not in first


def test_a_subject_is_the_set_of_its_identifiers(door: Door) -> None:
    both = {"anonymousId": "a-1"}
    door.send(track("m-1", **both), track("m-2"), track("m-3", **both))
    first, second, third = (touchpoint.header for touchpoint in door.touchpoints())
    assert first.subject == third.subject != second.subject
    assert first.keys.subject == third.keys.subject


def test_a_shared_identifier_alone_gets_a_key_for_each_day(door: Door) -> None:
    visit = {"type": "page", "anonymousId": "a-1"}
    for day in (1, 1, 2):
        door.send({**visit, "timestamp": f"2026-03-0{day}T10:00:00Z", "messageId": None, "properties": {"n": day}})
    door.send({**visit, "timestamp": "2026-03-01T11:00:00Z"})
    headers = [touchpoint.header for touchpoint in door.touchpoints()]
    assert len({header.subject for header in headers}) == 1
    assert len({header.keys.subject for header in headers}) == 2


def test_items_of_several_deliveries_commit_together_or_not_at_all(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    deliveries = [door.delivery([track("m-1")]), door.delivery([{"type": "odd"}])]

    def broken(*args: Any) -> None:
        raise OSError

    monkeypatch.setattr("cdp.ingest.intake.book", broken)
    with pytest.raises(OSError):
        door.intake.take(deliveries)
    monkeypatch.undo()
    assert door.touchpoints() == []
    assert held(door) == []
    assert read_counts(door.platform.databases.log) == []
    assert [outcomes(receipt.items) for receipt in door.intake.take(deliveries)] == [["accepted"], ["quarantined"]]


class Faulty(Segment):
    """A connector with a mistake that one item brings out."""

    def read(self, item: dict[str, Any], call: str | None = None) -> Call:
        if item["messageId"] == "m-2":
            raise ZeroDivisionError("somebody@shop.example")
        return super().read(item, call)


def test_an_item_on_which_reading_fails_costs_its_neighbours_nothing(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    delivery = replace(door.delivery([track("m-1"), track("m-2"), track("m-3")]), connector=Faulty())
    (receipt,) = door.intake.take([delivery])
    assert outcomes(receipt.items) == ["accepted", "quarantined", "accepted"]
    ((stage, reason, raw),) = held(door)
    assert (stage, reason, json.loads(raw)["messageId"]) == ("parse", "internal_error", "m-2")
    assert "ZeroDivisionError at " in caplog.text
    assert "somebody" not in caplog.text


def test_a_batch_resolved_before_an_erasure_is_resolved_again(door: Door) -> None:
    door.send(track("m-1"))
    vault = door.platform.vault
    stale = vault.generation
    number = door.touchpoints()[0].header.numbers()[0]
    other = type(vault).open(door.platform.databases.vault, door.platform.settings.master_key)
    other.destroy_number(number)
    with door.platform.databases.log.connection() as connection:
        connection.execute("update log_head set vault_generation = %s", (other.generation,))
    assert vault.generation == stale
    assert outcomes(door.send(track("m-2"))) == ["accepted"]
    assert door.touchpoints()[1].header.numbers()[0] != number


def test_the_books_hold_while_many_deliver_at_once(door: Door) -> None:
    door.source("shop"), door.source("till", channel="store")

    def deliver(thread: int) -> None:
        intake = Door(door.platform)
        intake._keys = door._keys
        for at in range(15):
            source = ("shop", "till")[at % 2]
            intake.send(
                track(f"m-{at}"), track(f"own-{thread}-{at}"), {"type": "?"}, track("m-0", userId="9"), source=source
            )

    threads = [Thread(target=deliver, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = read_counts(door.platform.databases.log)
    assert sum(each.received for each in counts) == 4 * 15 * 4
    assert all(each.balanced for each in counts)
    assert sum(each.accepted for each in counts) == len(door.touchpoints())
    with door.platform.databases.log.connection() as connection:
        rows = connection.execute("select received, cardinality(items) from delivery").fetchall()
        (kept,) = connection.execute("select count(*) from quarantine").fetchone() or (0,)
    assert sum(received for received, _ in rows) == sum(items for _, items in rows) == 240
    assert kept == sum(each.quarantined for each in counts)


ITEMS = st.one_of(
    st.builds(track, st.sampled_from(["m-1", "m-2", "m-3"])),
    st.builds(
        lambda message, total: track(message, properties={"total": total}), st.sampled_from("ab"), st.integers(0, 2)
    ),
    st.sampled_from([{}, {"type": "track"}, 5, None, [], {"type": "page", "anonymousId": "a"}]),
)


@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(ITEMS, max_size=5), max_size=4))
def test_whatever_is_delivered_the_books_hold(door: Door, deliveries: list[list[Any]]) -> None:
    for items in deliveries:
        door.send(*items)
    counts = read_counts(door.platform.databases.log)
    assert all(each.balanced for each in counts)
    assert sum(each.accepted for each in counts) == len(door.touchpoints())
    assert sum(each.quarantined for each in counts) == len(held(door))


def _erase_subject(door: Door, at: int) -> Callable[[], None]:
    key = door.touchpoints()[at].header.keys.subject
    return lambda: door.platform.vault.destroy_subject_key(key)


def test_destroying_a_subject_key_makes_just_that_persons_parts_unreadable(door: Door) -> None:
    door.send(track("m-1"), track("m-2", userId="43"), track("m-3"))
    leaves = [event.leaf() for event in door.platform.reader.read(0, 10)]
    _erase_subject(door, 0)()
    mine, other, mine_too = door.touchpoints()
    assert mine.personal == mine_too.personal == {}
    assert mine.withheld == mine_too.withheld == {"contact", "content"}
    assert other.personal["contact"] == {"userId": "43"}
    assert mine.header.name == "Order Completed"
    assert [event.leaf() for event in door.platform.reader.read(0, 10)] == leaves


def test_destroying_a_period_key_makes_just_that_class_and_month_unreadable(door: Door) -> None:
    january, february = "2026-01-15T00:00:00Z", "2026-02-15T00:00:00Z"
    place: dict[str, Any] = {"context": {"ip": "10.0.0.1"}}
    door.send(track("m-1", timestamp=january, **place), track("m-2", timestamp=february, **place))
    leaves = [event.leaf() for event in door.platform.reader.read(0, 10)]
    door.platform.vault.destroy_period_key(door.touchpoints()[0].header.keys.period["technical"])
    first, second = door.touchpoints()
    assert first.withheld == {"technical"}
    assert set(first.personal) == {"contact", "content"}
    assert second.withheld == frozenset()
    assert [event.leaf() for event in door.platform.reader.read(0, 10)] == leaves


def test_late_data_under_a_destroyed_period_is_stored_without_that_class(door: Door) -> None:
    late: dict[str, Any] = {"timestamp": "2026-01-15T00:00:00Z", "context": {"ip": "10.0.0.1"}}
    door.send(track("m-1", **late))
    door.platform.vault.destroy_period_key(door.touchpoints()[0].header.keys.period["technical"])
    assert outcomes(door.send(track("m-2", **late))) == ["accepted"]
    found = door.touchpoints()[1]
    assert "withheld:technical" in found.header.flags
    assert found.withheld == {"technical"}
    assert "technical" not in found.header.keys.period


def test_a_part_replaced_by_its_digest_is_gone_and_the_rest_still_verifies(door: Door) -> None:
    door.send(track("m-1", properties={"total": 5}, context={"ip": "10.0.0.1"}))
    (_, event) = door.platform.reader.read(0, 10)
    with door.platform.databases.log.connection() as connection:
        connection.execute(
            "update event set business = sha256(business), redacted = '{business}' where position = %s",
            (event.position,),
        )
    (redacted,) = door.touchpoints()
    assert redacted.business == {}
    assert redacted.withheld == {"business"}
    assert redacted.personal["technical"] == {"context": {"ip": "10.0.0.1"}}
    assert door.platform.reader.read(0, 10)[1].leaf() == event.leaf()


def test_a_blob_of_another_event_does_not_open(door: Door) -> None:
    from cdp.vault.sealing import SealBroken

    door.send(track("m-1"), track("m-2"))
    with door.platform.databases.log.connection() as connection:
        connection.execute(
            "update event set personal = (select personal from event where position = 2) where position = 3"
        )
    with pytest.raises(SealBroken):
        door.touchpoints()


def test_a_touchpoint_from_the_far_future_counts_from_its_receipt(door: Door) -> None:
    received = datetime.now(UTC) - timedelta(days=1)
    door.send(track("m-1", timestamp="2099-01-01T00:00:00Z"), received_at=received)
    header = door.touchpoints()[0].header
    assert header.occurred_at.year == 2099
    assert header.effective_at == received
    assert "future" in header.flags


def test_a_fact_about_nobody_is_a_touchpoint_without_a_subject(door: Door) -> None:
    door.send({"type": "track", "event": "Page Measured", "messageId": "m-1", "properties": {"followers": 1200}})
    (found,) = door.touchpoints()
    assert (found.header.subject, found.header.identifiers) == (None, ())
    assert found.business == {"properties": {"followers": 1200}}


def test_an_order_is_referred_to_however_its_number_is_spaced(door: Door) -> None:
    door.send(track("m-1", properties={"order_id": " A-é "}), track("m-2", properties={"order_id": "A-e\u0301"}))
    one, other = (each.business["references"]["order_id"] for each in door.touchpoints())
    assert one == other
