"""Plans and the configuration over HTTP, by their scopes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from cdp.platform import Platform
from cdp.settings import Settings
from tests.api.collecting import Sender, track

PLAN = {"mode": "warn", "events": {"Own Event": {"business": {"fee": "amount"}, "schema": {"required": ["fee"]}}}}
ALL = ["plans:read", "plans:write", "sources:read", "sources:write", "identity:read", "identity:write"]


class Client:
    """A client with a token of all scopes, or of those given."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.platform: Platform = client.app.state.platform  # type: ignore[attr-defined]
        self.sender = Sender(client, self.platform)
        self.source = self.sender.name
        self.token = self.platform.tokens.create("all", scopes=ALL, actor="test")

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Asks, with the source's name for SOURCE in the path."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        content = {"content": body} if isinstance(body, bytes) else {"json": body} if body is not None else {}
        answer = self.client.request(method, path.replace("SOURCE", self.source), headers=headers, **content)
        return answer.status_code, answer.json()


@pytest.fixture(scope="module")
def client(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with cluster.cloned() as urls:
        settings = Settings(
            home=tmp_path_factory.mktemp("home"),
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
        )
        with TestClient(create_app(settings)) as client:
            yield Client(client)


def test_a_plan_is_proposed_drafted_compared_activated_and_shown(client: Client) -> None:
    client.sender.batch([track(event="Own Event", properties={"fee": "1.50", "note": "x"}), track()])
    status, proposed = client.call("GET", "/api/plans/SOURCE/proposal?last=10")
    assert status == 200
    assert proposed["document"]["events"]["Own Event"]["business"] == {"fee": "amount"}

    assert client.call("POST", "/api/plans/SOURCE/diff", PLAN) == (
        200,
        {
            "changes": [
                {"event": None, "path": "mode", "before": None, "after": "warn"},
                {"event": "Own Event", "path": "event", "before": None, "after": "planned"},
                {"event": "Own Event", "path": "business.fee", "before": None, "after": "amount"},
                {"event": "Own Event", "path": "schema.required", "before": None, "after": '["fee"]'},
            ],
            "effect": {
                "looked_at": 2,
                "flagged": 1,
                "unreadable": 0,
                "by_event": {"Order Completed": {"plan:unplanned": 1}},
            },
        },
    )
    drafted = {"source": client.source, "version": 1, "new": True}
    assert client.call("POST", "/api/plans/SOURCE/versions", PLAN) == (201, drafted)
    assert client.call("POST", "/api/plans/SOURCE/versions", PLAN) == (201, {**drafted, "new": False})
    active = {"source": client.source, "active": 1, "mode": "warn"}
    assert client.call("POST", "/api/plans/SOURCE/activate", {}) == (200, active)
    assert client.call("POST", "/api/plans/SOURCE/diff")[1]["changes"] == []
    client.sender.batch([track(event="Own Event", properties={})])
    assert client.sender.stored[-1].header.flags == ("plan:invalid",)
    assert client.call("POST", "/api/plans/SOURCE/mode", {"mode": "block"}) == (200, {**active, "mode": "block"})
    assert client.sender.post("/v1/track", track(event="Other")).json()["code"] == "unplanned_event"

    status, shown = client.call("GET", "/api/plans/SOURCE")
    assert (status, shown["active"], shown["mode"]) == (200, 1, "block")
    assert shown["document"] == {**PLAN, "mode": "block"}
    assert client.call("GET", "/api/plans/SOURCE/versions/1") == (200, PLAN)
    assert [each["source"] for each in client.call("GET", "/api/plans")[1]] == [client.source]


def test_numbers_stay_exact_on_the_way_in_and_out(client: Client) -> None:
    body = b'{"events": {"X": {"schema": {"multipleOf": 0.10, "maximum": 12345678901234567890.25}}}}'
    version = client.call("POST", "/api/plans/SOURCE/versions", body)[1]["version"]
    content = client.platform.plans.get(client.source).drafts[version][1]
    assert "0.10" in content
    assert "12345678901234567890.25" in content


def test_the_configuration_comes_back_and_new_sources_have_their_keys(client: Client) -> None:
    status, found = client.call("GET", "/api/config")
    assert (status, found["sources"][client.source]) == (200, {"channel": "web", "trust": "server"})
    assert client.call("POST", "/api/config", found) == (200, {"steps": [], "applied": True, "write_keys": {}})
    wanted = {"sources": {"till": {"channel": "store"}}, "plans": {"till": PLAN}}
    status, told = client.call("POST", "/api/config?dry_run=true", wanted)
    assert (status, told["applied"], told["write_keys"]) == (200, False, {})
    assert [step["action"] for step in told["steps"]] == ["add source", "draft and activate plan"]
    assert client.platform.registry.plan(client.platform.sources.get(client.source).id) is not None
    key = client.call("POST", "/api/config", wanted)[1]["write_keys"]["till"]
    assert client.platform.registry.credential(key) is not None
    assert client.call("POST", "/api/config", wanted)[1]["steps"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/api/plans/nobody", None, 404, "not_found"),
        ("GET", "/api/plans/SOURCE/versions/99", None, 404, "not_found"),
        ("GET", "/api/plans/nobody/proposal", None, 404, "not_found"),
        ("POST", "/api/plans/nobody/versions", PLAN, 404, "not_found"),
        ("POST", "/api/plans/SOURCE/versions", {"mode": "loud"}, 422, "invalid"),
        ("POST", "/api/plans/SOURCE/versions", b"{", 422, "invalid"),
        ("POST", "/api/plans/SOURCE/versions", b"", 422, "invalid"),
        ("POST", "/api/plans/SOURCE/mode", {"mode": "loud"}, 422, "invalid"),
        ("POST", "/api/config", {"rules": {}}, 422, "invalid"),
        ("POST", "/api/config", {"sources": {"a": 1}}, 422, "invalid"),
        ("POST", "/api/config", {"sources": {"a": {"channel": "fax"}}}, 422, "invalid"),
        ("POST", "/api/config", {"plans": {"nobody": PLAN}}, 422, "invalid"),
    ],
)
def test_a_refusal_says_why(client: Client, method: str, path: str, body: Any, status: int, code: str) -> None:
    found, answer = client.call(method, path, body)
    assert (found, answer["code"]) == (status, code)
    assert answer["message"]


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("GET", "/api/plans", ["plans:read"]),
        ("GET", "/api/plans/SOURCE", ["plans:read"]),
        ("GET", "/api/plans/SOURCE/versions/1", ["plans:read"]),
        ("GET", "/api/plans/SOURCE/proposal", ["plans:read"]),
        ("POST", "/api/plans/SOURCE/diff", ["plans:read"]),
        ("POST", "/api/plans/SOURCE/versions", ["plans:write"]),
        ("POST", "/api/plans/SOURCE/activate", ["plans:write"]),
        ("POST", "/api/plans/SOURCE/mode", ["plans:write"]),
        ("GET", "/api/config", ["plans:read", "sources:read", "identity:read"]),
        ("POST", "/api/config", ["plans:write", "sources:write"]),
    ],
)
def test_each_route_needs_its_scopes(client: Client, method: str, path: str, needed: list[str]) -> None:
    for missing in needed:
        scopes = [scope for scope in ALL if scope != missing]
        token = client.platform.tokens.create(f"t-{uuid4().hex}", scopes=scopes, actor="test")
        status, answer = client.call(method, path, {}, token)
        assert (status, answer["code"]) == (403, "forbidden")
