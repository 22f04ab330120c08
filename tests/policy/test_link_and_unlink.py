"""From two profiles to one and back, over HTTP: what a steward joins and takes apart again leaves no trace."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cdp.identity.document import rules_of
from cdp.policy.rule_book import IDENTITY
from cdp.settings import Settings
from tests.api.serving import Served, served

ADA, LOVELACE = "email:ada@example.com", "loyalty_card:7001"


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application that knows a customer of the web shop and the holder of a card, who bought at the till."""
    with served(settings) as app:
        app.source("shop", "web")
        app.source("till", "store")
        app.send("shop", identify("1", "2026-03-01", userId="u1", traits={"email": "ada@example.com", "city": "İzmir"}))
        app.send("shop", identify("2", "2026-03-04", userId="u1", traits={"city": "Ankara"}))
        app.send("till", identify("3", "2026-03-02", "7001", traits={"firstName": "Ada", "city": "Bursa"}))
        app.send("till", identify("4", "2026-03-05", "7001", traits={"shoeSize": "38"}))
        app.project()
        app.token = app.platform.tokens.create("steward", scopes=["profiles:read", "identity:write"], actor="test")
        yield app


def identify(message: str, day: str, card: str | None = None, **fields: Any) -> dict[str, Any]:
    context = {"externalIds": [{"type": "loyalty_card", "id": card, "collection": "users"}]} if card else {}
    times = {"timestamp": f"{day}T12:00:00Z", "messageId": message}
    return {"type": "identify", **times, **fields, "context": context}


def profile(app: Served, **identifier: str) -> dict[str, Any]:
    """The one profile that an identifier leads to, without the position as of which it was read."""
    answer = app.get("/api/profiles", **identifier)
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["profiles"]
    return {key: value for key, value in found.items() if key != "selection"}


def both(app: Served) -> tuple[dict[str, Any], dict[str, Any]]:
    return profile(app, email="ada@example.com"), profile(app, loyalty_card="7001")


def decide(app: Served, kind: str, *identifiers: str) -> dict[str, Any]:
    body = {"identifiers": identifiers, "reason": "she showed both at the counter"}
    headers = {"Authorization": f"Bearer {app.token}"}
    answer = app.client.post(f"/api/identity/{kind}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    app.project()
    return dict(answer.json())


def fields(found: dict[str, Any]) -> dict[str, Any]:
    return {each["attribute"]: each["value"] for each in found["fields"]}


def test_link_makes_one_profile_and_unlink_the_former_two(app: Served) -> None:
    former = both(app)
    assert former[0]["id"] != former[1]["id"]

    decide(app, "link", ADA, LOVELACE)
    one, same = both(app)
    assert one == same
    assert one["id"] == former[0]["id"]
    assert one["touchpoints"] == 4
    assert {each["type"] for each in one["identifiers"]} == {"user_id", "email", "loyalty_card"}
    assert fields(one)["city"] == "Ankara"
    assert fields(one)["shoeSize"] == "38"
    assert app.get(f"/api/profiles/{former[1]['id']}").json()["id"] == one["id"]

    decide(app, "unlink", LOVELACE, ADA)
    assert both(app) == former


def test_a_link_that_is_released_leaves_the_former_two(app: Served) -> None:
    former = both(app)
    decide(app, "link", ADA, LOVELACE)
    decide(app, "release", ADA, LOVELACE)
    assert both(app) == former


def test_a_touchpoint_that_joins_them_counts_for_nothing_where_a_steward_keeps_them_apart(app: Served) -> None:
    former = both(app)
    decide(app, "unlink", ADA, LOVELACE)
    app.send("till", identify("5", "2026-03-06", "7001", traits={"email": "ada@example.com"}))
    app.project()
    assert profile(app, user_id="u1")["touchpoints"] == former[0]["touchpoints"] + 1
    assert app.get(f"/api/profiles/{former[1]['id']}").json()["fields"] == former[1]["fields"]
    decide(app, "release", ADA, LOVELACE)
    assert profile(app, email="ada@example.com") == profile(app, loyalty_card="7001")


def test_a_blocked_identifier_links_nobody_until_it_is_released(app: Served) -> None:
    app.send("till", identify("5", "2026-03-06", "7001", traits={"email": "ada@example.com"}))
    app.project()
    joined = profile(app, email="ada@example.com")
    assert joined == profile(app, loyalty_card="7001")
    decide(app, "block", ADA)
    assert profile(app, user_id="u1")["id"] != profile(app, loyalty_card="7001")["id"]
    decide(app, "release", ADA)
    assert profile(app, loyalty_card="7001") == joined


def test_other_rules_recompute_what_they_change_and_nothing_is_lost(app: Served) -> None:
    app.send("till", identify("5", "2026-03-06", "7001", traits={"email": "ada@example.com"}))
    app.project()
    joined = both(app)
    assert joined[0] == joined[1]
    books = app.platform.rule_books
    books.draft(IDENTITY, rules_of({"types": {"email": {"exclusive": False}}}), actor="ayse")
    books.activate(IDENTITY, actor="ayse")
    app.project()
    assert profile(app, user_id="u1")["id"] != profile(app, loyalty_card="7001")["id"]
    books.activate(IDENTITY, 0, actor="ayse")
    app.project()
    assert both(app) == joined
