"""Giving held items up: the books move, the bytes go when they must and not before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp.quarantine.change import Patch
from cdp.quarantine.selection import Selection
from tests.ingest.door import track
from tests.quarantine.counter import Counter

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
BAD: dict[str, Any] = {"type": "track", "userId": "42"}


@pytest.fixture(autouse=True)
def balanced(counter: Counter) -> Iterator[None]:
    yield
    counter.check()


def kept(counter: Counter) -> int:
    """How many items have their bytes."""
    with counter.platform.databases.log.connection() as connection:
        (found,) = connection.execute("select count(*) from quarantine where sealed is not null").fetchone() or (0,)
    return int(found)


def test_discarded_items_leave_quarantine_and_keep_their_bytes(counter: Counter) -> None:
    counter.send(track("m-1"), BAD, BAD)
    done = counter.desk.discard(Selection(reason="missing_event"), why="a test of Ada's", actor="ada")
    assert (done.held, counter.books) == (2, {"received": 3, "accepted": 1, "discarded": 2})
    assert kept(counter) == 2
    assert counter.replay().outcomes == {}
    assert done.decision is not None
    (event,) = counter.platform.log.recorder.select_events(done.decision)
    assert event.topic == "quarantine.discarded.v1"
    assert b"Ada" not in event.state
    counter.platform.registry.refresh()


def test_the_decision_to_discard_commits_with_its_effect_or_not_at_all(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    counter.send(BAD)
    position = counter.platform.reader.head().position

    def broken(*_: Any) -> None:
        raise OSError

    monkeypatch.setattr("cdp.quarantine.removal.shift_counts", broken)
    with pytest.raises(OSError):
        counter.desk.discard(Selection(), why="w", actor="ada")
    assert counter.platform.reader.head().position == position
    assert counter.books == {"received": 1, "quarantined": 1}


def test_bytes_can_be_erased_with_the_discard(counter: Counter) -> None:
    counter.send_body(b'{"batch": [{"type": "track"}], "context": {"ip": "10.0.0.1"}}')
    counter.desk.discard(Selection(), why="asked by the person", actor="ada", erase=True)
    assert kept(counter) == 0
    with counter.platform.databases.log.connection() as connection:
        assert connection.execute("select count(*) from quarantine_common").fetchone() == (0,)
    shown = counter.desk.show(counter.one(state="discarded").place.quarantine_id)
    assert (shown.opened, [line.what for line in shown.lines]) == (None, ["held", "discarded"])


def test_expiry_destroys_what_was_received_before_and_nothing_else(counter: Counter) -> None:
    counter.send(BAD, {**BAD, "messageId": "m-1"}, received_at=LONG_AGO)
    counter.desk.fix(Selection(), Patch({"event": "Order Completed"}), actor="ada")
    counter.replay(ids=(counter.held()[0].place.quarantine_id,))
    counter.send(BAD)
    done = counter.desk.expire(LONG_AGO + timedelta(days=30), actor="ada")
    assert (done.held, done.settled) == (1, 1)
    assert counter.books == {"received": 3, "accepted": 1, "quarantined": 1, "discarded": 1}
    assert kept(counter) == 1
    assert counter.one(state="expired").place.received_at == LONG_AGO
    assert counter.one(state="accepted").kept is False
    assert done.decision is not None
    (event,) = counter.platform.log.recorder.select_events(done.decision)
    assert event.topic == "quarantine.expired.v1"
    assert counter.desk.expire(LONG_AGO + timedelta(days=30), actor="ada").decision is None


def test_what_expired_or_was_discarded_is_known_by_its_delivery(counter: Counter) -> None:
    counter.send(BAD, received_at=LONG_AGO)
    delivery = counter.one().place.delivery_id
    counter.desk.expire(LONG_AGO + timedelta(days=1), actor="ada")
    assert counter.desk.item(delivery, 0)[2:6:3] == ("discarded", "expired")
