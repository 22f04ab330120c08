"""Whatever comes in, the answer is clear, nothing else changes, and the bytes of what was authenticated are kept."""

from __future__ import annotations

import gzip
import json
import random
from collections import Counter
from typing import Any, NamedTuple

import pytest

from tests.api.collecting import HeldItem, Sender, track

LIMIT = 64 * 1024
"""A body as sent and inflated, in the settings of the `door` fixture."""


class Bad(NamedTuple):
    """An item that cannot be accepted, the code that says so, and a word that its message must have."""

    what: str
    raw: bytes
    code: str
    mentions: str


def nested(depth: int) -> bytes:
    return b'{"type":"track","event":"A","userId":"u","properties":{"a":' + b"[" * depth + b"]" * depth + b"}}"


def bad(what: str, code: str, mentions: str, **fields: Any) -> Bad:
    item = {name: value for name, value in track(**fields).items() if value is not ...}
    return Bad(what, json.dumps(item).encode(), code, mentions)


UNDECODABLE = [
    Bad("a lone surrogate", rb'{"type":"track","event":"A","userId":"u\ud800"}', "invalid_text", "surrogate"),
    Bad(
        "a lone surrogate in a key", rb'{"type":"track","event":"A","userId":"u","\udfff":1}', "invalid_text", "surrog"
    ),
    Bad("NUL", rb'{"type":"track","event":"A","userId":"u","properties":{"a":"\u0000"}}', "invalid_text", "NUL"),
    Bad("NUL in a key", rb'{"type":"track","event":"A","userId":"u","properties":{"\u0000":1}}', "invalid_text", "NUL"),
    Bad("40 levels", nested(40), "too_deep", "32 levels"),
    Bad("900 levels", nested(900), "too_deep", "32 levels"),
    Bad("a text", b'"track"', "not_an_object", "object"),
    Bad("a list", b"[1, 2]", "not_an_object", "object"),
    Bad("null", b"null", "not_an_object", "object"),
    Bad("an item too large", json.dumps(track(note="x" * 20_000)).encode(), "too_large", "16384"),
]
UNREADABLE = [
    bad("properties a list", "wrong_type", "properties", properties=["total"]),
    bad("traits a text", "wrong_type", "traits", traits="tall"),
    bad("context a number", "wrong_type", "context", context=7),
    bad("userId an object", "wrong_type", "userId", userId={"id": 1}),
    bad("anonymousId a truth value", "wrong_type", "anonymousId", userId=..., anonymousId=True),
    bad("event a number", "missing_event", "event", event=7),
    bad("event blank", "missing_event", "event", event="  "),
    bad("no event", "missing_event", "event", event=...),
    bad("no identifier", "missing_identifier", "userId", userId=...),
    bad("identifiers null", "missing_identifier", "userId", userId=None, anonymousId=None),
    bad("identifiers empty", "missing_identifier", "userId", userId="", anonymousId=""),
    bad("messageId a number", "invalid_message_id", "messageId", messageId=7),
    bad("messageId too long", "invalid_message_id", "255", messageId="m" * 300),
    bad("the year 9999", "time_out_of_range", "2199", timestamp="9999-12-31T23:59:59Z"),
    bad("the year 1", "time_out_of_range", "1970", timestamp="0001-01-01T00:00:00+14:00"),
    bad("a time with no zone", "time_without_zone", "zone", timestamp="2026-01-31T12:00:00"),
    bad("a day", "time_without_zone", "zone", timestamp="2026-01-31"),
    bad("a time in numbers", "invalid_time", "ISO 8601", timestamp=1_769_860_800),
    bad("no time", "invalid_time", "ISO 8601", timestamp="yesterday"),
]
NO_TYPE = [
    bad("an unknown type", "unknown_type", "track", type="purchase"),
    bad("no type", "unknown_type", "", type=...),
]
ITEMS = [*UNDECODABLE, *UNREADABLE]


def named(cases: list[Bad]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=[case.what for case in cases])


@named(ITEMS)
def test_alone_it_is_refused_and_kept(sender: Sender, case: Bad) -> None:
    before = sender.state
    answer = sender.post("/v1/track", case.raw)
    assert answer.status_code == 400
    assert answer.json()["code"] == case.code
    assert case.mentions in answer.json()["message"]
    assert sender.state == before
    assert sender.counts == {"received": 1, "quarantined": 1}
    (held,) = sender.held
    assert (held.reason, held.raw) == (case.code, case.raw)
    assert case.mentions in held.detail


@named([*ITEMS, *NO_TYPE])
def test_its_99_neighbours_land(sender: Sender, case: Bad) -> None:
    good = [track() for _ in range(99)]
    before = sender.state
    answer = sender.batch([*good[:40], case.raw, *good[40:]])
    assert (answer.status_code, answer.json()) == (200, {"success": True})
    assert sender.counts == {"received": 100, "accepted": 99, "quarantined": 1}
    assert [each.section()["messageId"] for each in sender.stored] == [each["messageId"] for each in good]
    assert sender.state == before._replace(position=before.position + 99, identifiers=before.identifiers + 1)
    (held,) = sender.held
    assert (held.item, held.reason, held.raw) == (40, case.code, case.raw)


@named([*ITEMS, *NO_TYPE])
def test_in_strict_mode_it_is_named(sender: Sender, case: Bad) -> None:
    answer = sender.batch([track(), case.raw], {"X-Strict-Mode": "1"})
    assert answer.status_code == 400
    assert answer.json()["code"] == case.code
    (error,) = answer.json()["errors"]
    assert (error["item"], error["code"]) == (1, case.code)
    assert case.mentions in error["message"]
    assert sender.counts == {"received": 2, "accepted": 1, "quarantined": 1}


BODIES = [
    Bad("half a batch", b'{"batch": [{"type": "track"', "malformed_json", "JSON"),
    Bad("text between spaces", b" \r\n hello\n ", "malformed_json", "JSON"),
    Bad("nothing", b"", "malformed_json", "JSON"),
    Bad("two bodies", b'{"batch": []} {"batch": []}', "malformed_json", "JSON"),
    Bad("not UTF-8", b'{"batch": [{"type": "\xff"}', "malformed_json", "JSON"),
    Bad("an item that is no JSON", b'{"batch": [{"total": NaN}, nul]}', "malformed_json", "JSON"),
    Bad("a list", b"[]", "malformed_json", "JSON"),
    Bad("no batch", b'{"items": []}', "not_an_object", "batch"),
    Bad("a batch of another type", b'{"batch": {"type": "track"}}', "not_an_object", "batch"),
    Bad("nested for ever", b'{"batch": [' + b"[" * 30_000, "malformed_json", "JSON"),
    Bad("too many items", b'{"batch": [' + b"1," * 300 + b"1]}", "too_many_items", "more than 300"),
]


@named(BODIES)
def test_a_body_that_is_no_batch_is_refused_and_kept(sender: Sender, case: Bad) -> None:
    before = sender.state
    answer = sender.post("/v1/batch", case.raw)
    assert answer.status_code == 400
    assert answer.json()["code"] == case.code
    assert case.mentions in answer.json()["message"]
    assert sender.state == before
    assert sender.counts == {"received": 1, "quarantined": 1}
    (held,) = sender.held
    assert (held.stage, held.reason, held.raw) == ("split", case.code, case.raw)


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/track"])
@pytest.mark.parametrize(
    ("what", "body", "status", "code", "kept"),
    [
        ("too large", b"x" * (LIMIT + 1), 413, "too_large", b"x" * LIMIT),
        ("a gzip bomb", gzip.compress(b"[" * 50_000_000), 413, "too_large", ...),
        ("gzip cut off", gzip.compress(b'{"batch": []}' * 99)[:-9], 400, "malformed_json", ...),
        ("gzip broken", gzip.compress(b"{}")[:10] + b"garbage", 400, "malformed_json", ...),
        ("no gzip", b'{"batch": []}', 400, "malformed_json", ...),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_an_encoding_that_cannot_be_undone_is_refused_and_kept(
    sender: Sender, path: str, what: str, body: bytes, status: int, code: str, kept: Any
) -> None:
    before = sender.state
    answer = sender.post(path, body, {} if what == "too large" else {"Content-Encoding": "gzip"})
    assert answer.status_code == status
    assert set(answer.json()) == {"code", "message"}
    assert answer.json()["code"] == code
    assert sender.state == before
    assert sender.counts == {"received": 1, "quarantined": 1}
    assert [each.raw for each in sender.held] == [body if kept is ... else kept]


@pytest.mark.parametrize("path", ["/v1/batch", "/v1/identify"])
@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic %%%"}, {"Authorization": "Bearer secret"}])
def test_without_a_valid_write_key_nothing_is_kept(sender: Sender, path: str, headers: dict[str, str]) -> None:
    before = sender.state
    for body in (b"{}", b"garbage", json.dumps({"batch": [track()], "writeKey": "wk_unknown"}).encode()):
        answer = sender.post(path, body, headers, key="")
        assert answer.status_code == 401
        assert answer.json()["code"] == "invalid_write_key"
        assert "write key" in answer.json()["message"]
    assert sender.state == before
    assert sender.counts == {}
    assert sender.held == []


def test_an_unknown_write_key_is_refused(sender: Sender) -> None:
    for key in ("wk_unknown", sender.key[:-1], sender.key.upper(), f"{sender.key} "):
        assert sender.post("/v1/track", track(), key=key).status_code == 401
    assert sender.counts == {}


def test_the_write_key_of_a_disabled_source_is_refused(sender: Sender) -> None:
    assert sender.post("/v1/track", track()).status_code == 200
    sender.platform.sources.disable(sender.name, actor="test")
    answer = sender.post("/v1/track", track())
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_write_key")
    assert sender.counts == {"received": 1, "accepted": 1}
    assert sender.held == []


def test_a_duplicate_inside_a_batch_is_stored_once(sender: Sender) -> None:
    once, again = track(), track()
    reordered = dict(reversed(again.items())) | {"sentAt": "2026-01-31T12:00:01Z"}
    assert sender.batch([once, again, reordered, again], {"X-Strict-Mode": "1"}).status_code == 200
    assert sender.counts == {"received": 4, "accepted": 2, "duplicate": 2}
    assert sender.batch([again]).status_code == 200
    assert sender.counts == {"received": 5, "accepted": 2, "duplicate": 3}
    assert [each.section()["messageId"] for each in sender.stored] == [once["messageId"], again["messageId"]]


def test_the_same_id_with_other_content_is_a_conflict(sender: Sender) -> None:
    first = track()
    other = json.dumps(first | {"properties": {"total": "99.00"}}).encode()
    assert sender.batch([first, other]).status_code == 200
    answer = sender.post("/v1/track", other)
    assert (answer.status_code, answer.json()["code"]) == (400, "conflict")
    assert "new messageId" in answer.json()["message"]
    assert sender.counts == {"received": 3, "accepted": 1, "quarantined": 2}
    assert [(each.stage, each.reason, each.raw) for each in sender.held] == [("append", "conflict", other)] * 2
    assert [each.business["properties"]["total"] for each in sender.stored] == ["12.50"]


def test_an_unusable_sending_time_costs_only_the_correction(sender: Sender) -> None:
    assert sender.post("/v1/track", track(sentAt="now")).status_code == 200
    (stored,) = sender.stored
    assert stored.header.occurred_at.isoformat() == "2026-01-31T12:00:00+00:00"
    assert "sent_at_unusable" in stored.header.flags


ODD = [
    b'{"type":"track","event":"A","userId":' + b"9" * 5_000 + b"}",
    b'{"type":"track","event":"Order Completed","userId":"u","properties":{"total":' + b"9" * 5_000 + b"}}",
    b'{"type":"track","event":"Order Completed","userId":"u","properties":{"total":1e999999999}}',
    b'{"type":"track","event":"Order Completed","userId":"u","properties":{"total":-1e-999999999}}',
    b'{"type":"track","event":"A","userId":"u","properties":{"a":1,"a":2}}',
    b'{"type":"track","event":"A","userId":"u","timestamp":"2026-01-31T12:00:00+99:99"}',
    b'{"type":"track","event":"A","userId":"u","sentAt":"0001-01-01T00:00:00+14:00"}',
    b'{"type":"track","event":"A","userId":"u","context":{"externalIds":{"type":"x","id":"y"},"traits":[],"device":1}}',
    b'{"type":"track","event":"A","userId":"u","context":{"externalIds":[{"type":"\xc3\xa9","id":"y"}]}}',
    b'{"type":"identify","userId":"u","traits":{"email":"@","phone":"+","address":null}}',
    b'{"type":"alias","userId":"u","previousId":"u"}',
    b'{"type":"track","event":"Order Completed","userId":"u","properties":{"products":[[],{},null,1,{"sku":[]}]}}',
]


@pytest.mark.parametrize("raw", ODD)
def test_odd_items_are_stored_or_refused_but_break_nothing(sender: Sender, raw: bytes) -> None:
    assert sender.batch([track(), raw, track()]).status_code == 200
    counts = sender.counts
    assert counts["received"] == 3
    assert counts["accepted"] >= 2
    assert [each.reason for each in sender.held if each.reason == "internal_error"] == []
    assert len(sender.stored) == counts["accepted"]


def test_no_garbled_body_breaks_anything(sender: Sender) -> None:
    chance = random.Random(7)
    statuses: Counter[int] = Counter()
    whole = json.dumps(
        {"batch": [track(context={"ip": "203.0.113.1"}), track(traits={"a": [1.5, None, "ş"]})]}
    ).encode()
    for _ in range(150):
        answer = sender.post("/v1/batch", garbled(whole, chance))
        statuses[answer.status_code] += 1
        assert answer.status_code == 200 or answer.json()["code"] in {"malformed_json", "not_an_object"}
    assert set(statuses) == {200, 400}
    assert not [each for each in sender.held if each.reason == "internal_error"]
    assert len(sender.stored) == sender.counts["accepted"]


def garbled(body: bytes, chance: random.Random) -> bytes:
    """The body with up to three of its bytes changed, left out, or put in twice."""
    found = bytearray(body)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(found))
        new = chance.choice([b"", found[at : at + 1] * 2, bytes([chance.randrange(256)]), b'"', b"{", b"]", b"\\ud83d"])
        found[at : at + 1] = new
    return bytes(found)


def test_what_is_kept_says_what_was_wrong_and_shows_no_value(sender: Sender) -> None:
    sender.batch([track(userId={"secret": "value"}), track(timestamp="secret")])
    held: list[HeldItem] = sender.held
    assert [each.reason for each in held] == ["wrong_type", "invalid_time"]
    assert all("expected" in each.detail and "secret" not in each.detail for each in held)
