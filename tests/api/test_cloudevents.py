"""CloudEvents at the collection door, sent by hand and by the official SDK."""

from __future__ import annotations

import base64
import gzip
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings.http import to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent

from cdp.ingest.cloudevents import BATCHED, STRUCTURED
from cdp.log.touchpoint import UNKNOWN_NAME, Touchpoint
from tests.api.collecting import Sender

PATH = "/v1/events"
SUCCESS = (200, {"success": True})
IN_JSON = {"Content-Type": STRUCTURED}
IN_BATCH = {"Content-Type": BATCHED}


def event(number: int = 1, **more: Any) -> dict[str, Any]:
    """An order as a CloudEvent."""
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "https://shop.example/orders",
        "type": "Order Completed",
        "time": "2026-01-31T12:00:00Z",
        "data": {"userId": "42", "total": "12.50", "currency": "TRY", "order_id": "o-1", "note": "şeker"},
    } | more


def said(answer: Any) -> tuple[int, Any]:
    return answer.status_code, answer.json()


def meaning(touchpoint: Touchpoint) -> tuple[Any, ...]:
    """What of a touchpoint does not depend on when and how often it came."""
    header = touchpoint.header
    return (header.type, header.name, header.identifiers, header.occurred_at, touchpoint.section())


def test_an_event_is_stored_with_its_clear_facts_and_everything_else(sender: Sender) -> None:
    assert said(sender.post(PATH, event(subject="cart/7"), IN_JSON)) == SUCCESS
    (stored,) = sender.stored
    assert (stored.header.connector, stored.header.name) == ("cloudevents", "Order Completed")
    assert stored.header.occurred_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert stored.business["properties"] == {"total": "12.50", "currency": "TRY"}
    assert stored.section("properties")["note"] == "şeker"
    assert stored.section("cloudevent") == {
        "specversion": "1.0",
        "source": "https://shop.example/orders",
        "subject": "cart/7",
    }
    assert sender.counts == {"received": 1, "accepted": 1}


def sdk_event(number: int, **more: Any) -> CloudEvent:
    """The same order as the official SDK makes it."""
    own = event(number)
    attributes = {**own, "time": datetime(2026, 1, 31, 12, tzinfo=UTC), "datacontenttype": "application/json"} | more
    return CloudEvent(attributes=attributes, data=attributes.pop("data"))


@pytest.mark.parametrize("write", [to_binary, to_structured])
def test_the_official_sdk_delivers(sender: Sender, write: Any) -> None:
    message = write(sdk_event(1, subject='şeker "100%"', userid="43"), JSONFormat())
    assert said(sender.post(PATH, bytes(message.body), message.headers)) == SUCCESS
    (stored,) = sender.stored
    assert stored.header.occurred_at == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert stored.section("cloudevent")["subject"] == 'şeker "100%"'
    assert stored.section("properties") == {name: v for name, v in event()["data"].items() if name != "userId"}


def test_an_event_that_comes_again_in_another_mode_is_a_duplicate(sender: Sender) -> None:
    messages = [write(sdk_event(1, count=5), JSONFormat()) for write in (to_structured, to_binary)]
    for message in messages:
        assert said(sender.post(PATH, bytes(message.body), message.headers)) == SUCCESS
    assert said(sender.post(PATH, [event(1, count="5", datacontenttype="application/json")], IN_BATCH)) == (SUCCESS)
    assert sender.counts == {"received": 3, "accepted": 1, "duplicate": 2}


def test_both_modes_make_the_same_touchpoint(sender: Sender) -> None:
    for number, write in enumerate((to_structured, to_binary)):
        message = write(sdk_event(number, data=b"\x00\xff", datacontenttype="a/b", userid="42"), JSONFormat())
        assert said(sender.post(PATH, bytes(message.body), message.headers)) == SUCCESS
    first, second = sender.stored
    assert first.section("cloudevent")["data_base64"] == base64.b64encode(b"\x00\xff").decode()
    assert meaning(first)[:4] == meaning(second)[:4]
    assert first.section() | {"messageId": "1"} == second.section()


def test_source_and_id_together_tell_events_apart(sender: Sender) -> None:
    batch = [event(1), event(1, source="/other"), event(1), event(1, data={"userId": "43"})]
    assert said(sender.post(PATH, batch, IN_BATCH)) == SUCCESS
    assert sender.counts == {"received": 4, "accepted": 2, "duplicate": 1, "quarantined": 1}
    assert [held.reason for held in sender.held] == ["conflict"]


def test_an_unknown_type_keeps_its_text_where_it_is_encrypted(sender: Sender) -> None:
    assert said(sender.post(PATH, event(type="com.example.order.paid.v2"), IN_JSON)) == SUCCESS
    (stored,) = sender.stored
    assert stored.header.name == UNKNOWN_NAME
    assert stored.section()["event"] == "com.example.order.paid.v2"
    assert stored.business == {}


def test_a_bad_event_of_a_batch_does_not_spoil_the_others(sender: Sender) -> None:
    batch = [event(1), event(2, specversion="0.3"), event(3, source=None), event(4)]
    assert said(sender.post(PATH, batch, IN_BATCH)) == SUCCESS
    assert sender.counts == {"received": 4, "accepted": 2, "quarantined": 2}
    assert [(held.item, held.reason) for held in sender.held] == [(1, "unknown_format"), (2, "invalid_envelope")]
    strict = sender.post(PATH, [event(5), event(6, id="")], {**IN_BATCH, "X-Strict-Mode": "1"})
    assert (strict.status_code, [error["item"] for error in strict.json()["errors"]]) == (400, [1])


def test_an_empty_batch_is_no_mistake(sender: Sender) -> None:
    assert said(sender.post(PATH, [], IN_BATCH)) == SUCCESS
    assert sender.counts == {}


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (IN_JSON, b"{", 400, "malformed_json"),
        (IN_JSON, b"[]", 400, "not_an_object"),
        ({"Content-Type": "application/json"}, b'{"specversion": "1.0"}', 400, "invalid_envelope"),
        ({"Content-Type": "application/cloudevents+protobuf"}, b"\x0a", 415, "unknown_format"),
        (IN_BATCH, b"{}", 400, "not_an_object"),
        (IN_JSON, json.dumps(event(data={"total": 1})).encode(), 400, "missing_identifier"),
    ],
)
def test_what_is_refused_is_kept(sender: Sender, headers: Any, body: bytes, status: int, code: str) -> None:
    answer = sender.post(PATH, body, headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert sender.counts == {"received": 1, "quarantined": 1}
    [held] = sender.held
    if "application/json" in headers.values():
        assert json.loads(held.raw) == {"datacontenttype": "application/json", "data": json.loads(body)}
    else:
        assert held.raw == body


def test_compressed_data_is_data_unless_the_request_says_that_it_is_compressed(sender: Sender) -> None:
    headers = {
        "ce-specversion": "1.0",
        "ce-source": "/a",
        "ce-type": "t",
        "ce-userid": "42",
        "Content-Type": "application/gzip",
    }
    packed = gzip.compress(b"data", mtime=0)
    assert said(sender.post(PATH, packed, {**headers, "ce-id": "1"})) == SUCCESS
    body = gzip.compress(json.dumps(event(2)).encode())
    assert said(sender.post(PATH, body, {**IN_JSON, "Content-Encoding": "gzip"})) == SUCCESS
    first, second = sender.stored
    assert base64.b64decode(first.section("cloudevent")["data_base64"]) == packed
    assert second.section("properties")["total"] == "12.50"


def test_the_write_key_stands_in_the_header_or_in_the_query(sender: Sender) -> None:
    assert said(sender.post(f"{PATH}?writeKey={sender.key}", event(), IN_JSON, key="")) == SUCCESS
    for key in ("", "wk_unknown"):
        assert sender.post(PATH, event(2), IN_JSON, key=key).status_code == 401
    assert sender.counts == {"received": 1, "accepted": 1}


def test_too_much_at_once_is_kept_as_far_as_it_was_read(sender: Sender) -> None:
    answer = sender.post(PATH, b"x" * 70_000, IN_JSON)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert sender.counts == {"received": 1, "quarantined": 1}


def test_a_web_hook_s_handshake_is_granted_to_whoever_has_the_key(sender: Sender) -> None:
    origin = {"WebHook-Request-Origin": "broker.example"}
    granted = sender.client.options(f"{PATH}?writeKey={sender.key}", headers=origin)
    refused = sender.client.options(f"{PATH}?writeKey=wk_unknown", headers=origin)
    assert granted.headers["webhook-allowed-origin"] == "broker.example"
    assert granted.headers["allow"] == "POST"
    assert "webhook-allowed-origin" not in refused.headers


def test_a_browser_may_send_the_binary_mode_s_headers(sender: Sender) -> None:
    asked = "authorization,ce-id,ce-type,x-other"
    headers = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = sender.client.options(PATH, headers={**headers, "Access-Control-Request-Headers": asked})
    allowed = answer.headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type", "ce-id", "ce-type"} <= set(allowed)
    assert "x-other" not in allowed
