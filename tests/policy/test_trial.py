"""Dry runs over HTTP and on the command line: what is told is what happens, and telling changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import app as cli
from cdp.identity.toml_form import read_rules
from cdp.policy.rule_book import IDENTITY
from cdp.settings import Settings
from tests.api.serving import Served, served

STRICT = "[types.email]\nexclusive = false\n"
"""Under these rules an e-mail address joins nobody."""


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application with three customers who are each known to the shop and, by their e-mail address, to the till."""
    with served(settings) as app:
        app.source("shop", "web")
        app.source("till", "store")
        for who in "abc":
            email = {"email": f"{who}@example.com"}
            app.send("shop", identify(f"r{who}", userId=who), identify(f"s{who}", userId=who, traits=email))
            app.send("till", identify(f"t{who}", context={"externalIds": [card(who)]}, traits=email))
            app.send("till", identify(f"u{who}", context={"externalIds": [card(who)]}))
        app.project()
        app.token = app.platform.tokens.create("steward", scopes=["identity:read", "identity:write"], actor="test")
        yield app


def card(who: str) -> dict[str, str]:
    return {"type": "loyalty_card", "id": f"card-{who}", "collection": "users"}


def identify(message: str, **fields: Any) -> dict[str, Any]:
    return {"type": "identify", "timestamp": "2026-03-01T12:00:00Z", "messageId": message, **fields}


def ask(app: Served, path: str, body: Any) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {app.token}"}
    answer = app.client.post(f"/api/identity/{path}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def profiles(app: Served) -> dict[int, set[str]]:
    """The profiles of each subject, as stored."""
    with app.platform.databases.read.connection() as connection:
        rows = connection.execute("select subject, profile from identity.memberships").fetchall()
    found: dict[int, set[str]] = {}
    for subject, profile in rows:
        found.setdefault(subject, set()).add(profile)
    return found


def test_what_other_rules_would_split_is_what_they_split(app: Served) -> None:
    before = profiles(app)
    told = ask(app, "try", {"types": {"email": {"exclusive": False}}})
    assert (told["splits"], told["merges"], told["moves"], told["profiles"]) == (3, 0, 0, 3)
    assert all(len(each["before"]) == 1 and len(each["after"]) == 2 for each in told["changes"])
    assert profiles(app) == before

    app.platform.rule_books.draft(IDENTITY, read_rules(STRICT), actor="ayse")
    app.platform.rule_books.activate(IDENTITY, actor="ayse")
    app.project()
    after = {profile for found in profiles(app).values() for profile in found}
    assert after == {profile for each in told["changes"] for profile in each["after"]}

    back = ask(app, "try", {})
    assert (back["merges"], back["splits"]) == (3, 0)
    assert {tuple(each["before"]) for each in back["changes"]} == {tuple(each["after"]) for each in told["changes"]}


def test_the_last_version_is_tried_where_no_rules_are_given(app: Served) -> None:
    headers = {"Authorization": f"Bearer {app.token}"}
    answer = app.client.post("/api/identity/try", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    app.platform.rule_books.draft(IDENTITY, read_rules(STRICT), actor="ayse")
    assert app.client.post("/api/identity/try?limit=1", headers=headers).json()["not_shown"] == 2


def test_rules_that_change_nothing_change_nothing(app: Served) -> None:
    told = ask(app, "try", {"types": {"national_id": {"priority": 1}}})
    assert (told["changes"], told["profiles"], told["touchpoints"]) == ([], 0, 0)


def test_a_decision_can_be_tried_before_it_is_taken(app: Served) -> None:
    pair = {"identifiers": ["user_id:a", "user_id:b"], "reason": "one person", "dry_run": True}
    told = ask(app, "link", pair)
    assert (told["merges"], told["profiles"]) == (1, 2)
    assert app.platform.policies.latest().decisions == ()
    ask(app, "link", {**pair, "dry_run": False})
    app.project()
    assert ask(app, "release", pair)["splits"] == 1
    assert ask(app, "unlink", pair)["splits"] == 1
    assert ask(app, "link", pair)["changes"] == []
    assert ask(app, "block", {"identifiers": ["email:c@example.com"], "reason": "x", "dry_run": True})["splits"] == 1


def test_the_command_names_what_would_split_and_counts_it(app: Served, settings: Settings) -> None:
    def typed(*arguments: str, given: str = "") -> str:
        environment: dict[str, str | None] = {**settings.environment(), "COLUMNS": "300"}
        result = CliRunner().invoke(cli, ["identity", *arguments], env=environment, input=given)
        assert result.exit_code == 0, result.output
        return result.output

    told = typed("try", "-", given=STRICT)
    assert told.count(": split, ") == 3
    assert "0 merges, 3 splits, 0 moves: 3 profiles, " in told
    assert "… and 2 more" in typed("try", "-", "--limit", "1", given=STRICT)
    link = typed("link", "user_id:a", "user_id:b", "--reason", "one person", "--dry-run")
    assert ": merge, " in link
    assert "Nothing was changed." in link
