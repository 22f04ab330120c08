"""The door answers in its own form whatever comes and whatever fails, and keeps what a known source sent."""

from __future__ import annotations

import gzip
import json
from typing import Any

import psycopg
import pytest
from prometheus_client import REGISTRY
from psycopg.errors import TransactionTimeout
from psycopg_pool import PoolTimeout

from api import collect
from api.bodies import BodyTooSlow
from cdp.registry import Registry
from tests.api.collecting import Sender, track


def refused(status: int) -> float:
    return REGISTRY.get_sample_value("cdp_collect_refused_total", {"status": str(status)}) or 0.0


@pytest.mark.parametrize("credentials", ["é", "é:", "4pyT", "/w==", "", "====", "Zm9v Zm9v"])
def test_credentials_that_cannot_be_read_are_no_key(sender: Sender, credentials: str) -> None:
    for path in ("/v1/batch", "/v1/events"):
        answer = sender.post(path, {"batch": []}, {"Authorization": f"Basic {credentials}".encode("latin-1")}, key="")  # type: ignore[dict-item]
        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_write_key")
        assert answer.headers["access-control-allow-origin"] == "*"


@pytest.mark.parametrize("host", ["[", "[::1", "a b", ""])
def test_an_odd_host_does_not_matter(sender: Sender, host: str) -> None:
    headers = {"Host": host}
    assert sender.client.get(f"/v1/projects/{sender.key}/settings", headers=headers).status_code == 200
    path = f"/beacon/v1/batch?writeKey={sender.key}"
    assert sender.post(path, {"batch": [track()]}, headers, key="").status_code == 200


QUERIES = [
    ("too many fields", "&".join(f"f{at}=1" for at in range(201)), "too_large", "200 fields"),
    ("5,000 levels", "a." * 5_000 + "a=1", "too_deep", "32"),
    ("a text and an object", "event=A&userId=u&a=1&a.b=2", "wrong_type", "expected one"),
    ("an object and a text", "event=A&userId=u&a.b=2&a=1", "wrong_type", "expected one"),
]


@pytest.mark.parametrize(
    ("query", "code", "mentions"), [each[1:] for each in QUERIES], ids=[each[0] for each in QUERIES]
)
def test_a_query_that_is_no_call_is_refused_and_kept(sender: Sender, query: str, code: str, mentions: str) -> None:
    whole = f"writeKey={sender.key}&{query}"
    answer = sender.client.get(f"/pixel/v1/track?{whole}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert mentions in answer.json()["message"]
    (held,) = sender.held
    assert (held.stage, held.reason, held.raw) == ("split", code, whole.encode())
    assert sender.counts == {"received": 1, "quarantined": 1}
    assert sender.client.get(f"/pixel/v1/track?writeKey=wk_unknown&{query}").status_code == 401


def test_a_write_key_with_fields_below_it_is_no_key(sender: Sender) -> None:
    assert sender.client.get("/pixel/v1/track?writeKey.a=1&event=A&userId=u").status_code == 401
    answer = sender.client.get(f"/pixel/v1/track?writeKey={sender.key}&writeKey.a=1&event=A&userId=u")
    assert answer.status_code == 200
    assert sender.counts == {"received": 1, "accepted": 1}


def broken(sender: Sender, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail(self: Registry, write_key: str) -> Any:
        raise error

    monkeypatch.setattr(Registry, "credential", fail)


@pytest.mark.parametrize(
    "error", [psycopg.OperationalError("somebody"), PoolTimeout("somebody"), TransactionTimeout("somebody")]
)
def test_a_database_that_is_away_is_a_503_for_browsers_too(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    broken(sender, monkeypatch, error)
    before = refused(503)
    answer = sender.post("/v1/batch", {"batch": [track()]})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["access-control-allow-origin"] == "*"
    assert refused(503) == before + 1


def test_whatever_fails_is_answered_in_our_form_and_logged_without_a_value(
    sender: Sender, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken(sender, monkeypatch, ZeroDivisionError("somebody@shop.example"))
    before = refused(500)
    for path in ("/v1/track", "/v1/events"):
        answer = sender.post(path, track())
        assert answer.status_code == 500
        assert set(answer.json()) == {"code", "message"}
        assert answer.json()["code"] == "internal_error"
        assert answer.headers["access-control-allow-origin"] == "*"
    assert refused(500) == before + 2
    assert "ZeroDivisionError at " in caplog.text
    assert "somebody" not in caplog.text + answer.text


def test_a_body_that_drips_is_answered_and_its_connection_closed(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: Any) -> bytes:
        raise BodyTooSlow(30)

    monkeypatch.setattr(collect, "read_body", slow)
    answer = sender.post("/v1/batch", {"batch": [track()]})
    assert (answer.status_code, answer.json()["code"]) == (408, "too_slow")
    assert answer.headers["connection"] == "close"
    assert answer.headers["access-control-allow-origin"] == "*"


def test_too_much_at_once_is_refused_for_now(sender: Sender) -> None:
    bodies = sender.client.app.state.collector._bodies  # type: ignore[attr-defined]
    with bodies.share() as other:
        other.take(bodies.limit)
        answer = sender.post("/v1/batch", {"batch": [track()]})
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    assert int(answer.headers["retry-after"]) >= 1
    assert sender.post("/v1/batch", {"batch": [track()]}).status_code == 200
    assert bodies.held == 0


def test_gzip_of_several_members_is_taken(sender: Sender) -> None:
    body = json.dumps({"batch": [track()]}).encode()
    members = gzip.compress(body[:40]) + gzip.compress(body[40:])
    assert sender.post("/v1/batch", members, {"Content-Encoding": "gzip"}).status_code == 200
    assert sender.counts == {"received": 1, "accepted": 1}
    answer = sender.post("/v1/batch", members + b"garbage", {"Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json")
    assert [each.raw for each in sender.held] == [members + b"garbage"]


ODD = [b'{"total": NaN}', rb'{"note": "\ud800"}', b'{"total": -Infinity}', b'{"note": "\xff"}']


@pytest.mark.parametrize("properties", ODD)
@pytest.mark.parametrize("key_first", [True, False])
def test_a_key_in_the_body_is_found_though_an_item_is_no_strict_json(
    sender: Sender, properties: bytes, key_first: bool
) -> None:
    key = b'"writeKey": ' + json.dumps(sender.key).encode()
    bad = b'{"type": "track", "event": "A", "userId": "u", "properties": ' + properties + b"}"
    batch = b'"batch": [' + json.dumps(track()).encode() + b", " + bad + b"]"
    body = b"{" + b", ".join([key, batch] if key_first else [batch, key]) + b"}"
    assert sender.post("/v1/batch", body, key="").status_code == 200
    assert sender.counts == {"received": 2, "accepted": 1, "quarantined": 1}
    assert [each.raw for each in sender.held] == [bad]


@pytest.mark.parametrize("key", [b'"wk_\\ud800"', b"NaN", b"[]", b'["wk"]', b"7", b"null", b'{"a": NaN}'])
def test_a_key_that_is_no_text_is_no_key(sender: Sender, key: bytes) -> None:
    body = b'{"batch": [{"total": NaN}], "writeKey": ' + key + b"}"
    assert sender.post("/v1/batch", body, key="").status_code == 401
