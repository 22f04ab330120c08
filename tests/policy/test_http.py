"""Decisions and rules over HTTP: who may, what is answered, what is refused and why."""

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

SCOPES = ["identity:read", "identity:write"]
RULES = {"types": {"email": {"limit": 2}}}


class Client:
    """A client with a token of all scopes of identity, and a source that sent two customers."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.platform: Platform = client.app.state.platform  # type: ignore[attr-defined]
        self.token = self.platform.tokens.create("steward", scopes=SCOPES, actor="test")
        self.sender = Sender(client, self.platform)
        self.sender.batch([track(userId=user, context={"traits": {"email": f"{user}@b.co"}}) for user in "abcd"])

    def call(self, method: str, path: str, body: Any = None, token: str | None = None) -> tuple[int, Any]:
        """Asks; the path is below /api/identity unless it says otherwise."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        path = path if path.startswith("/") else f"/api/identity/{path}"
        answer = self.client.request(method, path, headers=headers, **({} if body is None else {"json": body}))
        return answer.status_code, answer.json()

    def decide(self, kind: str, *identifiers: str, reason: str = "she called") -> tuple[int, Any]:
        return self.call("POST", kind, {"identifiers": identifiers, "reason": reason})


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


def test_a_decision_is_answered_with_the_identifiers_as_they_are_compared(client: Client) -> None:
    a = {"type": "email", "namespace": "global", "value": "a@b.co"}
    b = {"type": "user_id", "namespace": client.sender.name, "value": "b"}
    assert client.decide("link", "email:A@B.co", "user_id:b") == (
        200,
        {"kind": "link", "identifiers": [a, b], "new": True},
    )
    assert client.decide("link", f"user_id@{client.sender.name}:b", "email:a@b.co")[1]["new"] is False
    assert client.decide("unlink", "email:a@b.co", "user_id:b", reason="her sister")[1]["new"] is True
    assert client.decide("release", "user_id:b", "email:a@b.co", reason="who knows")[1]["kind"] == "release"
    status, page = client.call("GET", "decisions?identifier=email:a@b.co&limit=2")
    assert (status, [(each["kind"], each["actor"], each["reason"]) for each in page["decisions"]]) == (
        200,
        [("release", "steward", "who knows"), ("unlink", "steward", "her sister")],
    )
    assert page["decisions"][0]["identifiers"] == [a, b] or page["decisions"][0]["identifiers"] == [b, a]
    rest = client.call("GET", f"decisions?identifier=email:a@b.co&cursor={page['next']}")[1]
    assert [each["kind"] for each in rest["decisions"]] == ["link"]
    assert rest["next"] is None


def test_one_identifier_is_blocked_and_released(client: Client) -> None:
    assert client.decide("block", "email:c@b.co")[1]["kind"] == "block"
    assert [each.kind for each in client.platform.policies.latest().decisions] == ["block"]
    assert client.decide("release", "email:c@b.co")[0] == 200
    assert client.platform.policies.latest().decisions == ()


def test_rules_are_drafted_compared_and_activated(client: Client) -> None:
    assert client.call("POST", "rules/diff", RULES) == (
        200,
        [{"part": "types.email", "path": "limit", "before": "5", "after": "2"}],
    )
    drafted = {"kind": "identity", "version": 1, "new": True}
    assert client.call("POST", "rules/versions", {"rules": RULES, "reason": "strict"}) == (201, drafted)
    assert client.call("POST", "rules/versions", {"rules": RULES}) == (201, {**drafted, "new": False})
    assert client.call("POST", "rules/diff")[1] != []
    assert client.call("POST", "rules/activate", {"reason": "reviewed"})[1]["active"] == 1
    assert client.call("POST", "rules/diff") == (200, [])
    status, listed = client.call("GET", "rules")
    assert (status, listed["active"], listed["rules"]["types"]["email"]["limit"]) == (200, 1, 2)
    assert [(each["version"], each["actor"], each["reason"]) for each in listed["activations"]] == [
        (1, "steward", "reviewed")
    ]
    assert client.call("GET", "rules/versions/0")[1]["rules"]["types"]["email"]["limit"] == 5
    assert client.call("POST", "rules/activate", {"version": 0})[1]["active"] == 0
    shown = client.call("GET", "decisions?limit=3")[1]["decisions"]
    assert [(each["kind"], each["rules"], each["version"]) for each in shown] == [
        ("activate", "identity", 0),
        ("activate", "identity", 1),
        ("draft", "identity", 1),
    ]


def test_survivorship_rules_have_the_same_routes(client: Client) -> None:
    path = "/api/survivorship/rules"
    rules = {"attributes": {"city": {"kind": "first"}}}
    assert client.call("POST", f"{path}/versions", {"rules": rules})[0] == 201
    assert client.call("POST", f"{path}/activate", {})[1]["active"] == 1
    assert client.call("GET", path)[1]["rules"]["attributes"] == {"city": {"kind": "first"}}
    assert client.call("GET", f"{path}/versions/1")[0] == 200
    assert client.call("POST", f"{path}/diff", {})[1][0]["part"] == "attributes.city"


def test_an_erased_identifier_leaves_the_decision_without_its_value(client: Client) -> None:
    client.sender.batch([track(userId="e")])
    client.decide("block", "user_id:e", reason="asked to be forgotten")
    client.platform.vault.destroy_number(client.platform.naming.find("user_id:e").number)
    [decided] = client.call("GET", "decisions?limit=1")[1]["decisions"]
    assert decided["reason"] == "asked to be forgotten"
    assert decided["identifiers"] == [{"type": None, "namespace": None, "value": None}]
    assert client.decide("release", "user_id:e")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", "link", {"identifiers": ["email:a@b.co"], "reason": "x"}, 422, "invalid"),
        ("POST", "link", {"identifiers": ["email:a@b.co", "email:A@b.co"], "reason": "x"}, 422, "invalid"),
        ("POST", "link", {"identifiers": ["email:a@b.co", "email:z@b.co"], "reason": "x"}, 404, "identifier_unknown"),
        ("POST", "link", {"identifiers": ["email:a@b.co", "email:b@b.co"], "reason": " "}, 422, "invalid"),
        ("POST", "link", {"identifiers": ["email:a@b.co", "email:b@b.co"]}, 422, "invalid"),
        ("POST", "block", {"identifiers": ["a@b.co"], "reason": "x"}, 422, "invalid"),
        ("POST", "block", {"identifiers": ["email:a"], "reason": "x"}, 422, "invalid_identifier"),
        ("POST", "release", {"identifiers": ["email:d@b.co"], "reason": "x"}, 404, "not_found"),
        ("GET", "decisions?identifier=email:z@b.co", None, 404, "identifier_unknown"),
        ("GET", "decisions?limit=0", None, 422, "invalid"),
        ("GET", "rules/versions/99", None, 404, "not_found"),
        ("POST", "rules/versions", {"rules": {"size_cap": 1}}, 422, "invalid"),
        ("POST", "rules/versions", {"rules": {"blocked": ["(a+)+"]}}, 422, "invalid"),
        ("POST", "rules/versions", {"rules": {"trust": {"nobody": "public"}}}, 422, "invalid"),
        ("POST", "rules/versions", {"rules": 5}, 422, "invalid"),
        ("POST", "rules/activate", {"version": 99}, 404, "not_found"),
        ("POST", "rules/diff", {"sizecap": 1}, 422, "invalid"),
        ("POST", "/api/survivorship/rules/versions", {"rules": {"default": {"kind": "best"}}}, 422, "invalid"),
    ],
)
def test_a_refusal_says_why(client: Client, method: str, path: str, body: Any, status: int, code: str) -> None:
    found, answer = client.call(method, path, body)
    assert (found, answer["code"]) == (status, code)
    assert answer["message"]


@pytest.mark.parametrize(
    ("method", "path", "needed"),
    [
        ("POST", "link", "identity:write"),
        ("POST", "unlink", "identity:write"),
        ("POST", "block", "identity:write"),
        ("POST", "release", "identity:write"),
        ("GET", "decisions", "identity:read"),
        ("GET", "rules", "identity:read"),
        ("GET", "rules/versions/0", "identity:read"),
        ("POST", "rules/diff", "identity:read"),
        ("POST", "rules/versions", "identity:write"),
        ("POST", "rules/activate", "identity:write"),
    ],
)
def test_each_route_needs_its_scope(client: Client, method: str, path: str, needed: str) -> None:
    scopes = [scope for scope in SCOPES if scope != needed]
    token = client.platform.tokens.create(f"t-{uuid4().hex}", scopes=scopes, actor="test")
    status, answer = client.call(method, path, {"identifiers": ["a:b", "c:d"], "reason": "x", "rules": {}}, token)
    assert (status, answer["code"]) == (403, "forbidden")


def test_the_configuration_holds_the_rules_and_needs_their_scope(client: Client) -> None:
    scopes = ["plans:read", "plans:write", "sources:read", "sources:write"]
    narrow = client.platform.tokens.create("narrow", scopes=scopes, actor="test")
    wide = client.platform.tokens.create("wide", scopes=[*scopes, *SCOPES], actor="test")
    status, found = client.call("GET", "/api/config", token=wide)
    assert (status, found["identity"]["size_cap"]) == (200, 500)
    assert client.call("POST", "/api/config", {"identity": {}}, narrow)[0] == 403
    assert client.call("POST", "/api/config", {"sources": {}}, narrow)[0] == 200
    told = client.call("POST", "/api/config?dry_run=true", {**found, "identity": {"size_cap": 90}}, wide)[1]
    assert told["steps"] == [
        {
            "action": "draft and activate rules of",
            "name": "identity",
            "changes": [{"event": None, "path": "size_cap", "before": "500", "after": "90"}],
        }
    ]
