"""Replay: what was held ends where it would have been, once and in its first place and time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import pytest

from cdp.ingest import reading
from cdp.quarantine.change import Patch, Replacement
from cdp.quarantine.desk import Desk
from cdp.quarantine.selection import Selection
from cdp.sources.rejection import Reason, Rejected
from tests.ingest.door import track
from tests.quarantine.counter import Counter

EARLIER = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


def nameless(message: str, **fields: Any) -> dict[str, Any]:
    """A track call that lacks its event."""
    return {"type": "track", "userId": "42", "messageId": message, **fields}


def event(name: str) -> Patch:
    return Patch({"event": name})


def test_a_mended_item_ends_in_its_first_place_and_time(counter: Counter) -> None:
    sent = {"timestamp": "2026-03-01T09:00:00Z", "sentAt": "2026-03-01T09:30:00Z"}
    counter.send(track("m-1"), nameless("m-2", **sent), received_at=EARLIER)
    held = counter.one()
    counter.desk.fix(Selection(reason="missing_event"), event("Order Completed"), actor="ada")
    assert counter.replay().outcomes == {"accepted": 1}
    header = counter.touchpoints[-1].header
    assert (header.delivery, header.item) == (held.place.delivery_id, 1)
    assert header.received_at == EARLIER
    assert header.occurred_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)
    assert {"mended", "replayed", "clock_corrected"} <= set(header.flags)
    assert counter.books == {"received": 2, "accepted": 2}
    settled = counter.one(state="accepted")
    assert settled.position == counter.touchpoints[-1].position
    assert counter.desk.delivery(held.place.delivery_id).items[1].position == settled.position


def test_what_the_batch_says_for_all_is_said_again(counter: Counter) -> None:
    common = {"context": {"traits": {"email": "ada@example.com"}}, "sentAt": "2026-03-01T09:30:00Z"}
    bad = {"type": "track", "messageId": "m-1", "timestamp": "2026-03-01T09:00:00Z", "context": {"ip": "10.0.0.1"}}
    counter.send_body(json.dumps({"batch": [bad], **common}).encode(), received_at=EARLIER)
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    counter.replay()
    (found,) = counter.touchpoints
    assert found.traits == {"email": "ada@example.com"}
    assert found.section("context")["ip"] == "10.0.0.1"
    assert found.header.occurred_at == datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def test_the_route_that_a_call_came_by_is_known_at_the_replay(counter: Counter) -> None:
    counter.send_body(b'{"userId": "42", "messageId": "m-1"}', call="track")
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    assert counter.replay().outcomes == {"accepted": 1}
    assert counter.touchpoints[0].header.type == "track"


def test_what_still_cannot_be_accepted_is_held_again_with_the_new_reason(counter: Counter) -> None:
    counter.send(nameless("m-1", timestamp="yesterday"))
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    assert counter.replay().outcomes == {"held": 1}
    held = counter.one()
    assert (held.stage, held.reason) == ("parse", "invalid_time")
    shown = counter.desk.show(held.place.quarantine_id)
    assert [(line.what, line.reason, line.actor) for line in shown.lines] == [
        ("held", "missing_event", None),
        ("fixed", None, "ada"),
        ("held", "invalid_time", "ada"),
    ]
    assert "timestamp" in (shown.lines[2].detail or "")
    counter.desk.fix(Selection(), Patch({"timestamp": "2026-03-01T09:00:00Z"}), actor="ada")
    assert counter.replay().outcomes == {"accepted": 1}
    assert counter.held() == []


def test_a_replay_after_a_mended_parser_needs_no_fix(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> Any:
        raise Rejected(Reason.WRONG_TYPE, "the parser has a bug")

    monkeypatch.setattr(reading, "partition", broken)
    counter.send(track("m-1"), track("m-2"))
    monkeypatch.undo()
    assert counter.replay(reason="wrong_type").outcomes == {"accepted": 2}
    assert [each.header.flags[-1] for each in counter.touchpoints] == ["replayed", "replayed"]
    assert all("mended" not in each.header.flags for each in counter.touchpoints)


def test_an_item_that_came_again_meanwhile_is_a_duplicate(counter: Counter) -> None:
    counter.send(nameless("m-1"))
    counter.send(track("m-1"))
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    assert counter.replay().outcomes == {"duplicate": 1}
    assert counter.one(state="duplicate").position == counter.touchpoints[0].position
    assert counter.books == {"received": 2, "accepted": 1, "duplicate": 1}


def test_a_conflict_is_replayed_with_a_message_id_of_its_own(counter: Counter) -> None:
    counter.send(track("m-1"), track("m-1", userId="43"))
    assert counter.replay().outcomes == {"held": 1}
    assert counter.one().reason == "conflict"
    counter.desk.fix(Selection(reason="conflict"), Patch({"messageId": "m-2"}), actor="ada")
    assert counter.replay().outcomes == {"accepted": 1}
    assert counter.books == {"received": 2, "accepted": 2}


def test_a_whole_that_is_mended_is_counted_by_its_items(counter: Counter) -> None:
    counter.send_body(b'{"batch": [{"type"', received_at=EARLIER)
    parent = counter.one()
    assert parent.whole
    body = json.dumps({"batch": [track("m-1"), nameless("m-2"), track("m-1")], "context": {"ip": "10.0.0.1"}}).encode()
    counter.desk.fix(Selection(ids=(parent.place.quarantine_id,)), Replacement(body), actor="ada")
    assert counter.replay().outcomes == {"split": 1, "accepted": 1, "held": 1, "duplicate": 1}
    assert counter.books == {"received": 3, "accepted": 1, "duplicate": 1, "quarantined": 1}
    child = counter.one()
    assert (child.parent, child.place.item, child.place.received_at) == (parent.place.quarantine_id, 1, EARLIER)
    assert counter.desk.show(parent.place.quarantine_id).children == [child.place.quarantine_id]
    found = counter.desk.delivery(parent.place.delivery_id)
    assert [each.outcome for each in found.items] == ["accepted", "quarantined", "duplicate"]
    assert found.split == parent.place.quarantine_id
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    assert counter.replay().outcomes == {"accepted": 1}
    assert counter.touchpoints[-1].section("context") == {"ip": "10.0.0.1"}
    assert counter.books == {"received": 3, "accepted": 2, "duplicate": 1}


@pytest.mark.parametrize(("body", "outcomes"), [(b'{"batch": []}', {"split": 1}), (b"[", {"held": 1})])
def test_a_whole_may_turn_out_empty_or_stay_what_it_is(counter: Counter, body: bytes, outcomes: dict[str, int]) -> None:
    counter.send(track("m-1"))
    counter.send_body(b"{")
    counter.desk.fix(Selection(), Replacement(body), actor="ada")
    assert counter.replay().outcomes == outcomes
    assert counter.books["received"] == (1 if "split" in outcomes else 2)


def test_only_what_is_meant_is_replayed(counter: Counter) -> None:
    counter.send(nameless("m-1"), track("m-2", timestamp="2026-03-01T09:00:00"), source="shop")
    counter.send(nameless("m-3"), source="till")
    counter.desk.fix(Selection(reason="missing_event"), event("Order Completed"), actor="ada")
    till = counter.platform.sources.get("till").id
    assert counter.replay(source=till).outcomes == {"accepted": 1}
    assert counter.replay(reason="time_without_zone").outcomes == {"held": 1}
    assert [each.reason for each in counter.held()] == ["missing_event", "time_without_zone"]


def test_the_decision_is_an_event_that_names_who_and_how_many(counter: Counter) -> None:
    counter.send(nameless("m-1"), nameless("m-2"))
    done = counter.replay(reason="missing_event")
    assert done.decision is not None
    started, finished = counter.platform.log.recorder.select_events(done.decision)
    assert b'"matching":2' in started.state and b"missing_event" in started.state and b"ada" not in started.state
    assert started.topic == "quarantine.replayed.v1"
    assert finished.topic == "quarantine.replay_finished.v1"
    assert counter.platform.log.repository.get(done.decision).actor == "ada"
    counter.platform.registry.refresh()


def test_nothing_to_replay_is_no_decision(counter: Counter) -> None:
    counter.send(track("m-1"))
    position = counter.platform.reader.head().position
    assert counter.replay() == (None, 0, {}, None)
    assert counter.platform.reader.head().position == position


def test_a_replay_can_go_on_where_a_limit_ended_it(counter: Counter) -> None:
    counter.send(*(nameless(f"m-{n}") for n in range(5)))
    first = counter.desk.replay(Selection(), actor="ada", limit=3)
    assert (first.outcomes, first.after is not None) == ({"held": 3}, True)
    rest = counter.desk.replay(Selection(), actor="ada", limit=3, after=first.after)
    assert (rest.outcomes, rest.after) == ({"held": 2}, None)


def test_two_replays_at_once_take_nothing_in_twice(counter: Counter) -> None:
    for start in range(0, 600, 200):
        counter.door.send(*(nameless(f"m-{n}") for n in range(start, start + 200)))
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    done: list[Any] = []
    threads = [
        Thread(target=lambda: done.append(Desk(counter.platform).replay(Selection(), actor="ada"))) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum((each.outcomes["accepted"] for each in done), 0) == 600
    counter.check()
    assert counter.books == {"received": 600, "accepted": 600}


def test_an_item_that_breaks_the_platform_is_held_and_the_others_go_on(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.send(nameless("m-1"), nameless("m-2"), nameless("m-3"))
    counter.desk.fix(Selection(), event("Order Completed"), actor="ada")
    real = counter.desk._replayer._intake._reader.read

    def poisoned(raw: bytes, *rest: Any) -> Any:
        if b"m-2" in raw:
            raise ZeroDivisionError
        return real(raw, *rest)

    monkeypatch.setattr(counter.desk._replayer._intake._reader, "read", poisoned)
    assert counter.replay().outcomes == {"accepted": 2, "held": 1}
    assert counter.one().reason == "internal_error"
    monkeypatch.undo()
    assert counter.replay().outcomes == {"accepted": 1}


def test_an_item_whose_key_is_destroyed_stays_held(counter: Counter) -> None:
    counter.send(nameless("m-1"))
    with counter.platform.databases.log.connection() as connection:
        (key,) = connection.execute("select key_id from quarantine").fetchone() or (0,)
    counter.platform.vault.destroy_subject_key(key)
    assert counter.replay().outcomes == {"unreadable": 1}
    assert counter.desk.show(counter.one().place.quarantine_id).opened is None


def test_rows_of_the_first_form_are_replayed_too(counter: Counter) -> None:
    import zlib

    from cdp.vault.sealing import seal

    counter.send(track("m-1", userId=None))
    raw = json.dumps(track("m-1")).encode()
    with counter.platform.databases.log.connection() as connection:
        quarantine_id, key_id = connection.execute("select quarantine_id, key_id from quarantine").fetchone() or (0, 0)
        key = counter.platform.vault.subject_keys([key_id])[key_id]
        assert key is not None
        content = zlib.compress(b'{"detail":"no usable identifier"}\n' + raw, 1)
        sealed = seal(key, (), "quarantine", content, f"quarantine|{quarantine_id}|{key_id}".encode())
        connection.execute("update quarantine set sealed = %s, size = null, message = null", (sealed,))
    assert counter.replay().outcomes == {"accepted": 1}


@pytest.fixture(autouse=True)
def balanced(counter: Counter) -> Iterator[None]:
    yield
    counter.check()
