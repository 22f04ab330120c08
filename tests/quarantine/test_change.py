"""Changes to the bytes of held items."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp.quarantine.change import Patch, Replacement, Unfit
from cdp.quarantine.fixing import NotHeld
from cdp.quarantine.moment import InvalidMoment, age, moment
from cdp.quarantine.selection import Selection
from tests.ingest.door import track
from tests.quarantine.counter import Counter

ITEM: Any = {"event": "x", "properties": {"total": 1, "products": [{"sku": "a"}, {"sku": "b"}], "a.b": 1}}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (Patch({"event": "y"}), {**ITEM, "event": "y"}),
        (Patch({"context.traits.email": "a@b.example"}), {**ITEM, "context": {"traits": {"email": "a@b.example"}}}),
        (Patch({"properties": {}}, ["properties.total"]), {**ITEM, "properties": {}}),
        (Patch({"properties.products": [1]}), {**ITEM, "properties": {**ITEM["properties"], "products": [1]}}),
        (Patch(remove=["event", "nothing.there"]), {"properties": ITEM["properties"]}),
        (Patch({"n": None}), {**ITEM, "n": None}),
        (Replacement(b'{"event": "z"}'), {"event": "z"}),
    ],
)
def test_a_change_reaches_what_its_paths_name(change: Any, expected: Any) -> None:
    assert json.loads(change.apply(json.dumps(ITEM).encode())) == expected


def test_paths_lead_into_lists_and_through_names_with_dots() -> None:
    patch = Patch({"properties.products.1.sku": "c", "properties.a\\.b": 2, "properties.products.2": 3}, ["event"])
    changed = json.loads(patch.apply(json.dumps(ITEM).encode()))
    assert changed == {"properties": {"total": 1, "products": [{"sku": "a"}, {"sku": "c"}, 3], "a.b": 2}}
    removed = Patch(remove=["properties.products.0"]).apply(json.dumps(ITEM).encode())
    assert json.loads(removed)["properties"]["products"] == [{"sku": "b"}]


def test_numbers_stay_digit_for_digit() -> None:
    raw = b'{"total":12.50,"tax":123456789012345678901234567890.10}'
    assert Patch({"event": "x"}).apply(raw) == raw[:-1] + b',"event":"x"}'


@pytest.mark.parametrize(
    ("raw", "path", "says"),
    [
        (b"{", "a", "not JSON"),
        (b"[]", "a", "no object"),
        (b'{"a": 1}', "a.b", "neither object nor list"),
        (b'{"a": []}', "a.b", "a place"),
        (b'{"a": []}', "a.1", "past the end"),
        (b"{}", "a..b", "no path"),
    ],
)
def test_a_change_that_does_not_fit_says_why(raw: bytes, path: str, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        Patch({path: 1}).apply(raw)


def test_the_reader_is_asked_and_nothing_stored(counter: Counter) -> None:
    counter.send({"type": "track", "userId": "42", "timestamp": "x"})
    held = counter.one().place.quarantine_id
    position = counter.platform.reader.head().position
    verdict = counter.desk.verdict(held, Patch({"event": "Order Completed"}))
    assert [each.reason.value for each in verdict.rejections] == ["invalid_time"]
    both = Patch({"event": "Order Completed", "timestamp": "2026-03-01T00:00:00Z"})
    assert counter.desk.verdict(held, both).rejections == []
    assert counter.platform.reader.head().position == position
    assert not counter.one().mended


def test_the_first_bytes_stay_beside_the_mended(counter: Counter) -> None:
    counter.send({"type": "track", "userId": "42"})
    held = counter.one().place.quarantine_id
    for name in ("Order Completed", "Order Paid"):
        counter.desk.fix(Selection(ids=(held,)), Patch({"event": name}), actor="ada")
    opened = counter.desk.show(held).opened
    assert opened is not None
    assert json.loads(opened.kept.raw) == {"type": "track", "userId": "42"}
    assert json.loads(opened.mended or b"") == {"type": "track", "userId": "42", "event": "Order Paid"}
    assert opened.raw == opened.mended


def test_many_are_mended_alike_and_what_the_change_does_not_fit_stays(counter: Counter) -> None:
    counter.send({"type": "track", "userId": "1"}, {"type": "track", "userId": "2"}, [])
    patch = Patch({"event": "Order Completed"})
    tried = counter.desk.verdicts(Selection(), patch)
    assert [isinstance(each, Unfit) for each in tried] == [False, False, True]
    assert counter.desk.fix(Selection(), patch, actor="ada").outcomes == {"fixed": 2, "unfit": 1}
    assert counter.replay().outcomes == {"accepted": 2, "held": 1}


def test_the_change_is_kept_in_the_decision_and_not_in_the_clear(counter: Counter) -> None:
    counter.send({"type": "track"})
    done = counter.desk.fix(Selection(), Patch({"userId": "secret-7"}), actor="ada")
    assert done.decision is not None
    (event,) = counter.platform.log.recorder.select_events(done.decision)
    assert event.topic == "quarantine.fixed.v1"
    assert b"secret-7" not in event.state
    counter.platform.registry.refresh()


def test_what_is_settled_cannot_be_mended(counter: Counter) -> None:
    counter.send(track("m-1", userId=None))
    held = counter.one().place.quarantine_id
    counter.desk.discard(Selection(), why="w", actor="ada")
    with pytest.raises(NotHeld, match="discarded"):
        counter.desk.verdict(held, Patch({"userId": "1"}))
    assert counter.desk.fix(Selection(ids=(held,)), Patch({"userId": "1"}), actor="ada").outcomes == {}


def test_moments_are_days_times_and_ages() -> None:
    now = datetime(2026, 3, 10, 12, tzinfo=UTC)
    zone = "Europe/Istanbul"
    assert moment("36h", now, zone) == now - timedelta(hours=36)
    assert moment("2026-03-01", now, zone) == datetime(2026, 2, 28, 21, tzinfo=UTC)
    assert moment("2026-03-01T12:00:00Z", now, zone) == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert moment("2026-03-01T12:00", now, zone) == datetime(2026, 3, 1, 9, tzinfo=UTC)
    for text in ("yesterday", "90", "2026-13-01"):
        with pytest.raises(InvalidMoment):
            moment(text, now, zone)
    with pytest.raises(InvalidMoment):
        age("2026-03-01")
