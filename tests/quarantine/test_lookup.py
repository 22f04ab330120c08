"""Whatever was received can be looked up: in lists, by delivery and place, by message id."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest

from cdp.quarantine.change import Patch
from cdp.quarantine.listing import Listed
from cdp.quarantine.lookup import NoDelivery
from cdp.quarantine.masking import masked
from cdp.quarantine.opening import Unopened
from cdp.quarantine.selection import InvalidSelection, Selection, place
from tests.ingest.door import track
from tests.quarantine.counter import Counter


def outcomes(found: list[Any]) -> list[tuple[str, int | None]]:
    return [(each.outcome, each.position) for each in found]


def test_counts_are_by_source_reason_and_state(counter: Counter) -> None:
    counter.send({"type": "track"}, {"type": "track"}, track("m-1", timestamp="x"))
    counter.send({"type": "odd"}, source="till")
    found = counter.desk.counts(Selection())
    assert sorted((each.reason, each.items) for each in found) == [
        ("invalid_time", 1),
        ("missing_event", 2),
        ("unknown_type", 1),
    ]


def test_pages_lead_through_all_items_in_the_order_of_their_receipt(counter: Counter) -> None:
    for _ in range(3):
        counter.send({"type": "track"}, track(uuid4().hex), {"type": "odd"})
    seen: list[Listed] = []
    page = counter.desk.page(Selection(), 4)
    while True:
        seen += page.items
        if page.after is None:
            break
        page = counter.desk.page(Selection(), 4, place(page.after.cursor()))
    assert [each.place for each in seen] == sorted(each.place for each in seen)
    assert len({each.place for each in seen}) == 6


def test_what_no_cursor_or_filter_can_be_is_refused() -> None:
    with pytest.raises(InvalidSelection, match="unchanged"):
        place("x")
    with pytest.raises(InvalidSelection, match="missing_event"):
        Selection(reason="bad")


def test_an_outcome_is_known_by_delivery_and_place(counter: Counter) -> None:
    counter.send(track("m-1"))
    counter.send(track("m-1"), {"type": "track"}, track("m-2"))
    delivery = counter.one().place.delivery_id
    first, last = (each.position for each in counter.touchpoints)
    found = counter.desk.delivery(delivery)
    assert outcomes(found.items) == [("duplicate", first), ("quarantined", None), ("accepted", last)]
    assert found.items[1].quarantine_id == counter.one().place.quarantine_id
    for delivery_id, item in ((uuid4(), 0), (delivery, 3)):
        with pytest.raises(NoDelivery):
            counter.desk.item(delivery_id, item)
    with pytest.raises(Unopened):
        counter.desk.show(uuid4())


def test_an_outcome_is_known_by_message_id(counter: Counter) -> None:
    shop = counter.platform.sources
    counter.send(track("m-1"), track("m-1", userId="7"), {"type": "track", "messageId": "m-2", "userId": "42"})
    source = shop.get("shop").id
    stored = counter.touchpoints[0].position
    assert outcomes(counter.desk.message(source, "m-1")) == [("accepted", stored), ("quarantined", None)]
    assert outcomes(counter.desk.message(source, "m-2")) == [("quarantined", None)]
    assert counter.desk.message(source, "m-3") == []
    counter.desk.fix(Selection(reason="missing_event"), Patch({"event": "Order Completed"}), actor="ada")
    counter.replay()
    assert outcomes(counter.desk.message(source, "m-2")) == [("accepted", counter.touchpoints[-1].position)]


def test_masked_content_has_the_shape_and_no_values() -> None:
    item = track("m-1", properties={"total": 12.5, "paid": True, "ayşe@example.com": None}, timestamp="yesterday")
    shown = json.dumps(masked(json.dumps(item).encode()))
    assert "Order Completed" in shown and "properties" in shown and "true" in shown
    for value in ("m-1", "12.5", "42", "example", "yesterday"):
        assert value not in shown
    assert masked(b"{") == "‹1 bytes that are not JSON›"
