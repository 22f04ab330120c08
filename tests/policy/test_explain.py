"""Explaining, over HTTP and on the command line: the chain that joins, or every reason why not, named and placed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import app as cli
from cdp.settings import Settings
from tests.api.serving import Served, served


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application with a shop, a till and a web site that anybody could write to."""
    with served(settings) as app:
        app.source("shop", "web")
        app.source("till", "store")
        app.source("site", "web", trust="public")
        app.token = app.platform.tokens.create("steward", scopes=["identity:read", "identity:write"], actor="test")
        app.send(
            "shop",
            identify("1", "2026-03-01", userId="u1", traits={"email": "ada@example.com"}),
            identify("2", "2026-03-02", userId="u2", traits={"email": "bob@example.com"}),
            identify("3", "2026-03-03", userId="u1", anonymousId="kiosk"),
            identify("4", "2026-03-04", userId="u2", anonymousId="kiosk"),
        )
        app.send("till", identify("5", "2026-03-05", "7001", traits={"email": "ada@example.com"}))
        app.project()
        yield app


def identify(message: str, day: str, card: str | None = None, **fields: Any) -> dict[str, Any]:
    context = {"externalIds": [{"type": "loyalty_card", "id": card, "collection": "users"}]} if card else {}
    times = {"timestamp": f"{day}T12:00:00Z", "messageId": message}
    return {"type": "identify", **times, **fields, "context": context}


def explain(app: Served, a: str, b: str, **more: Any) -> dict[str, Any]:
    answer = app.get("/api/identity/explain", a=a, b=b, **more)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def decide(app: Served, kind: str, *identifiers: str) -> None:
    body = {"identifiers": identifiers, "reason": "she said so"}
    headers = {"Authorization": f"Bearer {app.token}"}
    assert app.client.post(f"/api/identity/{kind}", json=body, headers=headers).status_code == 200
    app.project()


def messages(found: dict[str, Any]) -> list[str]:
    return [each["message"] for each in found["obstacles"]]


def test_the_chain_names_each_touchpoint(app: Served) -> None:
    found = explain(app, "user_id:u1", "loyalty_card:7001")
    assert (found["joined"], found["obstacles"], found["rules_version"]) == (True, [], 0)
    first, second = found["chain"]
    assert (first["a"]["value"], first["b"]["value"]) == ("u1", "ada@example.com")
    assert (second["a"]["value"], second["b"]["value"]) == ("ada@example.com", "7001")
    touchpoints = [link["touchpoint"] for link in found["chain"]]
    assert [(each["source"], each["channel"], each["name"]) for each in touchpoints] == [
        ("shop", "web", "User Identified"),
        ("till", "store", "User Identified"),
    ]
    assert [each["effective_at"] for each in touchpoints] == ["2026-03-01T12:00:00+00:00", "2026-03-05T12:00:00+00:00"]
    stored = {each.header.id: each.position for each in app.platform.opener.open(app.platform.reader.read(0, 100))}
    assert [stored[each["event_id"]] for each in touchpoints] == [each["position"] for each in touchpoints]


def test_a_steward_who_joins_or_keeps_apart_is_named(app: Served) -> None:
    decide(app, "link", "user_id:u1", "user_id:u2")
    joined = explain(app, "user_id:u1", "user_id:u2")
    assert [each["kind"] for each in joined["chain"]] == ["steward"]
    assert joined["chain"][0]["decision"]["actor"] == "steward"
    assert joined["chain"][0]["decision"]["reason"] == "she said so"
    decide(app, "unlink", "user_id:u1", "user_id:u2")
    apart = explain(app, "user_id:u1", "user_id:u2")
    assert apart["joined"] is False
    assert [each["code"] for each in apart["obstacles"]] == ["kept_apart", "shareable"]
    assert apart["obstacles"][0]["decision"]["reason"] == "she said so"
    assert messages(apart)[0] == "a steward keeps user_id@shop:u1 and user_id@shop:u2 apart"


def test_every_reason_why_not_is_told_in_words_and_codes(app: Served) -> None:
    nothing = explain(app, "user_id:u1", "email:bob@example.com")
    assert nothing["joined"] is False
    assert "anonymous_id@shop:kiosk was seen with both, but several people may share it" in messages(nothing)
    decide(app, "block", "email:ada@example.com")
    blocked = explain(app, "user_id:u1", "email:ada@example.com")
    assert [each["detail"] for each in blocked["obstacles"]][:1] == ["steward"]
    assert blocked["obstacles"][0]["decision"]["actor"] == "steward"


def test_what_only_a_public_source_joins_is_told(app: Served) -> None:
    app.send("till", identify("6", "2026-03-06", "7003", traits={"email": "cem@example.com"}))
    for message, name in (("7", "ada"), ("8", "cem")):
        app.send("site", identify(message, "2026-03-07", userId="x9", traits={"email": f"{name}@example.com"}))
    app.project()
    found = explain(app, "email:ada@example.com", "loyalty_card:7003")
    assert [each["detail"] for each in found["obstacles"]] == ["public_source"]
    assert "but only a public source shows them together" in messages(found)[0]


def test_a_shared_browser_is_told_turn_by_turn(app: Served) -> None:
    found = explain(app, "anonymous_id:kiosk", "user_id:u1")
    assert found["joined"] is True
    assert found["turns"] == [{"from": None, "until": "2026-03-04T12:00:00+00:00"}]
    later = explain(app, "anonymous_id:kiosk", "user_id:u2")
    assert later["turns"] == [{"from": "2026-03-04T12:00:00+00:00", "until": None}]


def test_the_past_is_explained_as_it_was_then(app: Served) -> None:
    assert explain(app, "user_id:u1", "loyalty_card:7001", as_of="2026-03-04")["joined"] is False
    before = app.platform.reader.head().position
    decide(app, "unlink", "user_id:u1", "loyalty_card:7001")
    assert explain(app, "user_id:u1", "loyalty_card:7001")["joined"] is False
    assert explain(app, "user_id:u1", "loyalty_card:7001", known_at=before)["joined"] is True


def test_the_command_says_it_line_by_line(app: Served, settings: Settings) -> None:
    def typed(*arguments: str) -> str:
        environment: dict[str, str | None] = {**settings.environment(), "COLUMNS": "300"}
        result = CliRunner().invoke(cli, ["identity", "explain", *arguments], env=environment)
        assert result.exit_code == 0, result.output
        return result.output

    told = typed("user_id:u1", "loyalty_card:7001")
    assert "user_id@shop:u1 and loyalty_card@till:7001 are one profile, p" in told
    link = "- email:ada@example.com and loyalty_card@till:7001 are in one touchpoint"
    assert f"{link}: User Identified, till (store), 2026-03-05T12:00:00+00:00, event " in told
    assert "by the built-in identity rules" in told
    assert "are not one profile:" in typed("user_id:u1", "user_id:u2")


def test_what_cannot_be_explained_is_refused(app: Served) -> None:
    for b, status, code in (
        ("user_id:nobody", 404, "identifier_unknown"),
        ("u2", 422, "invalid"),
        ("email:x", 422, "invalid_identifier"),
    ):
        answer = app.get("/api/identity/explain", a="user_id:u1", b=b)
        assert (answer.status_code, answer.json()["code"]) == (status, code)
    soon = app.get("/api/identity/explain", a="user_id:u1", b="user_id:u2", as_of="soon")
    assert (soon.status_code, soon.json()["code"]) == (400, "invalid_moment")
