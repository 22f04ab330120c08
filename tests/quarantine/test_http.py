"""Quarantine over HTTP: scopes, masks, filters, and refusals that say what to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from cdp.plans.document import PlanDocument
from cdp.platform import Platform
from cdp.settings import Settings

BAD = {"type": "track", "userId": "secret-7", "messageId": "m-1", "properties": {"total": 12.5}}


class Desk:
    """The application with a source and three tokens."""

    def __init__(self, client: TestClient, platform: Platform) -> None:
        self.client = client
        self.platform = platform
        self.key = platform.sources.add("shop", channel="web", actor="test")
        self.tokens = {
            name: platform.tokens.create(name, scopes=scopes, actor="test")
            for name, scopes in {
                "reader": ["quarantine:read"],
                "writer": ["quarantine:read", "quarantine:write"],
                "other": ["sales:read"],
            }.items()
        }

    def send(self, *items: Any) -> None:
        assert self.client.post("/v1/batch", json={"batch": items}, auth=(self.key, "")).status_code == 200

    def get(self, path: str, who: str = "reader", **parameters: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return self.client.get(f"/api{path}", params=parameters, headers=headers)

    def post(self, path: str, who: str = "writer", **content: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.tokens[who]}"}
        return self.client.post(f"/api{path}", json=content, headers=headers)

    def one(self, **parameters: Any) -> Any:
        (found,) = self.get("/quarantine", **parameters).json()["items"]
        return found


@pytest.fixture
def desk(settings: Settings) -> Iterator[Desk]:
    with TestClient(create_app(settings)) as client:
        yield Desk(client, client.app.state.platform)  # type: ignore[attr-defined]


def test_scopes_open_reading_and_writing(desk: Desk) -> None:
    desk.send(BAD)
    held = desk.one()["id"]
    assert desk.get("/quarantine", "other").status_code == 403
    assert desk.get(f"/quarantine/{held}", raw=True).status_code == 403
    for path in ("replay", "discard", "expire", "fix", f"{held}/fix"):
        assert desk.post(f"/quarantine/{path}", "reader").status_code == 403
    assert desk.client.get("/api/quarantine").status_code == 401


def test_values_are_masked_unless_asked_for(desk: Desk) -> None:
    desk.send(BAD)
    held = desk.one()["id"]
    shown = desk.get(f"/quarantine/{held}")
    assert "secret-7" not in shown.text and shown.json()["content"]["masked"]["type"] == "track"
    assert "secret-7" in desk.get(f"/quarantine/{held}", "writer", raw=True).json()["content"]["text"]
    assert "secret-7" not in desk.get("/quarantine").text


def test_an_item_is_mended_and_replayed(desk: Desk) -> None:
    desk.send(BAD)
    held = desk.one(source="shop", reason="missing_event", since="2026-01-01T00:00:00Z")["id"]
    checked = desk.post(f"/quarantine/{held}/fix", set={"event": ""}, check=True).json()
    assert (checked["verdict"]["readable"], checked["verdict"]["items"][0]["reason"]) == (False, "missing_event")
    fixed = desk.post(f"/quarantine/{held}/fix", set={"event": "Order Completed", "properties.tax": 1.5}).json()
    assert (fixed["verdict"]["readable"], fixed["fixed"]) == (True, 1)
    assert desk.one()["mended"] is True
    done = desk.post("/quarantine/replay", ids=[held]).json()
    assert (done["outcomes"], done["next"]) == ({"accepted": 1}, None)
    shown = desk.get(f"/quarantine/{held}").json()
    assert [(line["what"], line["actor"]) for line in shown["history"]] == [
        ("held", None),
        ("fixed", "writer"),
        ("accepted", "writer"),
    ]
    outcome = desk.get(f"/deliveries/{shown['delivery']}", item=0).json()
    assert (outcome["outcome"], outcome["position"]) == ("accepted", shown["position"])
    assert desk.get("/deliveries", source="shop", message_id="m-1").json() == [outcome]
    assert desk.get(f"/deliveries/{shown['delivery']}").json()["items"] == [outcome]


def test_many_are_counted_mended_and_discarded(desk: Desk) -> None:
    desk.send(*({**BAD, "messageId": f"m-{n}"} for n in range(5)), {"type": "odd"})
    counts = desk.get("/quarantine/counts").json()
    assert [(each["reason"], each["items"]) for each in counts] == [("missing_event", 5), ("unknown_type", 1)]
    fixed = desk.post("/quarantine/fix", reason="missing_event", set={"event": "Order Completed"}).json()
    assert (fixed["verdicts"], fixed["fixed"]) == ({"tried": 5, "readable": 5, "reasons": {}}, 5)
    first = desk.post("/quarantine/replay", limit=3).json()
    second = desk.post("/quarantine/replay", limit=3, cursor=first["next"]).json()
    assert (first["outcomes"], second["outcomes"]) == ({"accepted": 3}, {"accepted": 2, "held": 1})
    assert desk.post("/quarantine/discard", why="no use").status_code == 422
    assert desk.post("/quarantine/discard", why="no use", everything=True).json()["held"] == 1
    assert desk.post("/quarantine/expire", older_than_days=1).json()["settled"] == 0
    books = desk.platform.sources.get("shop")
    assert desk.get("/quarantine", state="discarded").json()["items"][0]["source"] == books.name


def test_pages_follow_each_other(desk: Desk) -> None:
    desk.send(*({"type": "odd", "n": n} for n in range(5)))
    first = desk.get("/quarantine", limit=3).json()
    second = desk.get("/quarantine", limit=3, cursor=first["next"]).json()
    assert [each["item"] for each in first["items"] + second["items"]] == [0, 1, 2, 3, 4]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("method", "path", "content", "status", "says"),
    [
        ("get", "/quarantine", {"reason": "odd"}, 422, "missing_event"),
        ("get", "/quarantine", {"cursor": "odd"}, 422, "next"),
        ("get", "/quarantine", {"source": "odd"}, 404, "source"),
        ("get", f"/quarantine/{UUID(int=7)}", {}, 404, "cdp quarantine list"),
        ("get", f"/deliveries/{UUID(int=7)}", {}, 404, "delivery"),
        ("post", f"/quarantine/{UUID(int=7)}/fix", {"set": {"a": 1}}, 404, "cdp quarantine list"),
        ("post", "/quarantine/fix", {"set": {"a": 1}}, 422, "which items"),
        ("post", "/quarantine/fix", {"reason": "conflict"}, 422, "exactly one"),
        ("post", "/quarantine/fix", {"reason": "conflict", "text": "x"}, 422, "one item"),
        ("post", "/quarantine/fix", {"odd": 1}, 422, "odd"),
        ("post", "/quarantine/expire", {"older_than_days": 0}, 422, "older_than_days"),
    ],
)
def test_refusals_say_what_was_expected(
    desk: Desk, method: str, path: str, content: dict[str, Any], status: int, says: str
) -> None:
    answer = desk.get(path, "writer", **content) if method == "get" else desk.post(path, **content)
    assert (answer.status_code, says in answer.json()["message"]) == (status, True), answer.text


def test_what_is_settled_cannot_be_mended(desk: Desk) -> None:
    desk.send(BAD)
    held = desk.one()["id"]
    desk.post("/quarantine/discard", ids=[held], why="no use", erase=True)
    answer = desk.post(f"/quarantine/{held}/fix", set={"event": "Order Completed"})
    assert (answer.status_code, answer.json()["code"]) == (409, "not_held")
    assert desk.get(f"/quarantine/{held}").json()["kept"] is False


def test_a_batch_of_cloudevents_that_cannot_be_split_is_mended(desk: Desk) -> None:
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/shop",
        "type": "Order Completed",
        "userid": "42",
        "data": {"total": "12.50"},
    }
    headers = {"content-type": "application/cloudevents-batch+json"}
    body = json.dumps([event, {**event, "id": "e-2"}])
    sent = desk.client.post("/v1/events", content=body[:-5], headers=headers, auth=(desk.key, ""))
    assert sent.status_code == 400
    held = desk.one()
    assert held["whole"]
    assert len(desk.post(f"/quarantine/{held['id']}/fix", text=body).json()["verdict"]["items"]) == 2
    assert desk.post("/quarantine/replay").json()["outcomes"] == {"split": 1, "accepted": 2}
    books = desk.platform.reader.read(0, 100)
    assert [each.header.connector for each in desk.platform.opener.open(books)] == ["cloudevents"] * 2


def test_what_a_plan_refused_is_replayed_under_another(desk: Desk) -> None:
    plan = {"mode": "block", "events": {"Order Paid": {}}}
    desk.platform.plans.draft("shop", PlanDocument.of(plan), actor="test")
    desk.platform.plans.activate("shop", actor="test")
    desk.send({**BAD, "event": "Order Completed"})
    held = desk.one(plan=1, stage="plan")
    assert held["reason"] == "unplanned_event"
    assert desk.get("/quarantine", plan=2).json()["items"] == []
    assert desk.get("/deliveries", source="shop", message_id="m-1").json()[0]["quarantine_id"] == held["id"]
    desk.platform.plans.draft("shop", PlanDocument.of({**plan, "events": {"Order Completed": {}}}), actor="test")
    desk.platform.plans.activate("shop", actor="test")
    assert desk.post("/quarantine/replay", plan=1).json()["outcomes"] == {"accepted": 1}
