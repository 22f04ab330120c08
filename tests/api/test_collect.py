"""The collection door as SDKs, browsers, pixels and operators meet it."""

from __future__ import annotations

import gzip
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest

from cdp.ingest.outcomes import read_counts
from tests.acceptance.served import eventually
from tests.api.collecting import Sender, track

SUCCESS = (200, {"success": True})
CALLS = {
    "identify": ("i", "User Identified"),
    "track": ("t", "Order Completed"),
    "page": ("p", "Page Viewed"),
    "screen": ("s", "Screen Viewed"),
    "group": ("g", "Account Joined"),
    "alias": ("a", "Identity Aliased"),
}


def said(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("short", [False, True])
def test_every_call_has_its_endpoints(sender: Sender, call: str, short: bool) -> None:
    item = {name: value for name, value in track().items() if name != "type"}
    path = CALLS[call][0] if short else call
    assert said(sender.post(f"/v1/{path}", item)) == SUCCESS
    (stored,) = sender.stored
    assert (stored.header.type, stored.header.name) == (call, CALLS[call][1])
    assert sender.counts == {"received": 1, "accepted": 1}


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "application/x-www-form-urlencoded", ""])
def test_the_body_is_json_whatever_its_content_type_says(sender: Sender, content_type: str) -> None:
    assert said(sender.post("/v1/batch", {"batch": [track()]}, {"Content-Type": content_type})) == SUCCESS
    assert sender.counts == {"received": 1, "accepted": 1}


@pytest.mark.parametrize("headers", [{"Content-Encoding": "gzip"}, {}])
def test_gzip_is_taken_with_its_header_and_without(sender: Sender, headers: dict[str, str]) -> None:
    body = gzip.compress(json.dumps({"batch": [track(), track()]}).encode())
    assert said(sender.post("/v1/batch", body, headers)) == SUCCESS
    assert sender.counts == {"received": 2, "accepted": 2}


def test_an_empty_batch_is_no_mistake(sender: Sender) -> None:
    assert said(sender.batch([])) == SUCCESS
    assert sender.counts == {}


@pytest.mark.parametrize("compressed", [False, True])
def test_the_write_key_may_stand_in_the_body(sender: Sender, compressed: bool) -> None:
    body = json.dumps({"batch": [track()], "writeKey": sender.key, "sentAt": "2026-01-31T12:00:00Z"}).encode()
    headers = {"Content-Encoding": "gzip"} if compressed else {}
    assert said(sender.post("/v1/batch", gzip.compress(body) if compressed else body, headers, key="")) == SUCCESS
    assert said(sender.post("/v1/track", track(writeKey=sender.key), key="")) == SUCCESS
    assert sender.counts == {"received": 2, "accepted": 2}


def test_the_batch_s_context_holds_for_its_items_which_go_first(sender: Sender) -> None:
    own = {"ip": "203.0.113.2"}
    items = [track(), track(context=own)]
    assert sender.batch(items, context={"ip": "203.0.113.1", "locale": "tr-TR"}).status_code == 200
    contexts = [each.section("context") for each in sender.stored]
    assert contexts == [{"ip": "203.0.113.1", "locale": "tr-TR"}, {"ip": "203.0.113.2", "locale": "tr-TR"}]


def test_a_time_is_corrected_by_the_sender_s_clock(sender: Sender) -> None:
    slow = datetime.now(UTC) - timedelta(hours=3)
    happened = slow - timedelta(minutes=10)
    assert sender.batch([track(timestamp=happened.isoformat())], sentAt=slow.isoformat()).status_code == 200
    (stored,) = sender.stored
    header = stored.header
    assert header.sent_at == slow
    assert header.received_at - header.occurred_at == timedelta(minutes=10)
    assert "clock_corrected" in header.flags
    assert stored.recorded_at >= header.received_at
    assert stored.section()["timestamp"] == happened.isoformat()


def test_null_means_absent(sender: Sender) -> None:
    assert said(sender.post("/v1/track", track(anonymousId=None, context=None, traits=None))) == SUCCESS
    (stored,) = sender.stored
    assert [each.type for each in stored.header.identifiers] == ["user_id"]


def test_a_browser_s_preflight_is_answered(sender: Sender) -> None:
    for path in ("/v1/batch", "/v1/t", "/v1/m", "/beacon/v1/batch", f"/v1/projects/{sender.key}/settings"):
        answer = sender.client.options(
            path,
            headers={
                "Origin": "https://shop.example",
                "Access-Control-Request-Method": "POST",
                "Access-Control-Request-Headers": "authorization,content-type,x-retry-count",
            },
        )
        assert answer.status_code in (200, 204)
        assert answer.headers["access-control-allow-origin"] in ("*", "https://shop.example")
        allowed = answer.headers["access-control-allow-headers"].lower()
        assert all(name in allowed for name in ("authorization", "content-type", "x-retry-count"))
        assert "POST" in answer.headers["access-control-allow-methods"]


def test_a_browser_may_read_every_answer(sender: Sender) -> None:
    origin = {"Origin": "https://shop.example", "Content-Type": "text/plain"}
    good = sender.post("/v1/t", track(), origin)
    bad = sender.post("/v1/t", b"{}", origin)
    unknown = sender.post("/v1/t", track(), origin, key="wk_unknown")
    assert [each.status_code for each in (good, bad, unknown)] == [200, 400, 401]
    assert {each.headers["access-control-allow-origin"] for each in (good, bad, unknown)} == {"*"}


def test_a_beacon_names_its_key_in_the_query(sender: Sender) -> None:
    path = f"/beacon/v1/batch?writeKey={sender.key}"
    assert said(sender.post(path, {"batch": [track()]}, {"Content-Type": "text/plain"}, key="")) == SUCCESS
    assert sender.counts == {"received": 1, "accepted": 1}


@pytest.mark.parametrize("call", ["track", "page"])
def test_a_pixel_brings_a_call_in_its_query(sender: Sender, call: str) -> None:
    query = {
        "writeKey": sender.key,
        "anonymousId": "browser-1",
        "event": "Email Opened",
        "messageId": f"pixel-{call}",
        "properties.campaign": "spring",
        "properties.note": "ş & co",
        "context.page.url": "https://shop.example/",
    }
    answer = sender.client.get(f"/pixel/v1/{call}?{urlencode(query)}")
    assert answer.status_code == 200
    (stored,) = sender.stored
    assert stored.header.type == call
    assert stored.section("properties") == {"campaign": "spring", "note": "ş & co"}
    assert stored.section("context", "page") == {"url": "https://shop.example/"}
    assert "writeKey" not in stored.section()


def test_a_pixel_without_a_valid_key_is_refused(sender: Sender) -> None:
    assert sender.client.get("/pixel/v1/track?writeKey=wk_unknown&event=A&userId=u").status_code == 401
    assert sender.client.get("/pixel/v1/track?event=A&userId=u").status_code == 401
    assert sender.client.get(f"/pixel/v1/track?writeKey={sender.key}&event=A").status_code == 400
    assert sender.counts == {"received": 1, "quarantined": 1}


def test_a_browser_sdk_s_report_on_itself_is_answered_and_dropped(sender: Sender) -> None:
    assert said(sender.post("/v1/m", {"series": []}, key="")) == SUCCESS
    assert sender.counts == {}


def test_a_browser_sdk_finds_its_settings(sender: Sender) -> None:
    status, settings = said(sender.client.get(f"/v1/projects/{sender.key}/settings"))
    assert status == 200
    assert settings["integrations"]["Segment.io"] == {"apiKey": sender.key, "apiHost": "testserver/v1"}
    assert sender.client.get("/v1/projects/wk_unknown/settings").status_code == 401


def test_a_rotated_key_is_valid_for_the_grace_and_then_is_not(sender: Sender) -> None:
    sources, first = sender.platform.sources, sender.key
    second = sources.rotate_key(sender.name, actor="test", grace=timedelta(hours=1))
    assert [sender.post("/v1/track", track(), key=key).status_code for key in (first, second)] == [200, 200]
    third = sources.rotate_key(sender.name, actor="test", grace=timedelta(0))
    statuses = [sender.post("/v1/track", track(), key=key).status_code for key in (first, second, third)]
    assert statuses == [401, 401, 200]
    assert len({each.header.credential for each in sender.stored}) == 3


def test_a_grace_ends_by_itself(sender: Sender) -> None:
    sender.platform.sources.rotate_key(sender.name, actor="test", grace=timedelta(milliseconds=300))
    eventually(lambda: sender.post("/v1/track", track()).status_code == 401, "the old key refused", 10)


def test_health_is_told_apart(sender: Sender) -> None:
    assert said(sender.client.get("/healthz")) == (200, {"status": "ok"})
    assert said(sender.client.get("/readyz")) == (200, {"status": "ready"})


def test_metrics_show_the_books(sender: Sender) -> None:
    sender.batch([track(), track(userId=None)])
    text = sender.client.get("/metrics").text
    for outcome, amount in {"received": 2, "accepted": 1, "quarantined": 1, "duplicate": 0}.items():
        assert f'cdp_items{{outcome="{outcome}",source="{sender.name}"}} {amount}.0' in text
    head = sender.platform.reader.head().position
    assert f"cdp_log_position {float(head)}" in text
    assert "cdp_queue_items 0.0" in text
    assert "cdp_collect_seconds_count" in text


def test_the_counts_equation_holds_at_every_moment_of_a_load(sender: Sender) -> None:
    clients, rounds = 6, 12
    done = threading.Event()

    def watch() -> int:
        seen = 0
        while not done.is_set():
            for counts in read_counts(sender.platform.databases.log):
                assert counts.balanced
                seen += counts.source_id == sender.id and 0 < counts.received < clients * rounds * 7
        return seen

    def send(client: int) -> None:
        for number in range(rounds):
            first = track(messageId=f"{client}-{number}")
            conflicting = first | {"userId": "somebody else"}
            answer = sender.batch([first, track(), first, conflicting, track(userId=None), b"1", track()])
            assert answer.status_code == 200

    with ThreadPoolExecutor(clients + 1) as pool:
        watching = pool.submit(watch)
        try:
            for each in [pool.submit(send, client) for client in range(clients)]:
                each.result(60)
        finally:
            done.set()
        assert watching.result(10) > 0
    batches = clients * rounds
    expected = {"received": 7 * batches, "accepted": 3 * batches, "duplicate": batches, "quarantined": 3 * batches}
    assert sender.counts == expected
    assert len(sender.stored) == 3 * batches
    assert len(sender.held) == 3 * batches
