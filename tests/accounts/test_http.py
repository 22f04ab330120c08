"""Accounts over HTTP and on the command line, from group calls that came in by the door."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import app as cdp
from cdp.settings import Settings
from tests.api.serving import Served, served


@pytest.fixture(scope="module")
def app(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An application that knows a company with three members, and a household."""
    with cluster.cloned() as urls:
        settings = Settings(
            home=tmp_path_factory.mktemp("home"),
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
        )
        with served(settings) as app:
            app.source("shop", "web")
            call = {"type": "group", "groupId": "acme"}
            acme = {"name": "Acme Gıda", "employees": 12, "address": {"city": "Bursa"}}
            app.send("shop", {**call, "userId": "u1", "timestamp": "2026-01-01T00:00:00Z", "traits": acme})
            later = {**acme, "name": "Acme Gıda A.Ş.", "rating": 4.5}
            app.send("shop", {**call, "userId": "u2", "timestamp": "2026-01-03T00:00:00Z", "traits": later})
            app.send("shop", {**call, "userId": "u3", "timestamp": "2026-01-02T00:00:00Z"})
            home = {"type": "group", "groupId": "h-7", "userId": "u1", "traits": {"name": "Yıldız"}}
            app.send("shop", {**home, "timestamp": "2026-01-05T00:00:00Z"})
            app.project()
            scopes = ["accounts:read", "profiles:read"]
            app.token = app.platform.tokens.create("desk", scopes=scopes, actor="test")
            app.platform.registry.refresh()
            yield app


def listed(app: Served, **parameters: Any) -> list[dict[str, Any]]:
    """The accounts of a list."""
    answer = app.get("/api/accounts", **parameters)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["accounts"])


@pytest.mark.parametrize(
    ("parameters", "values"),
    [
        ({}, ["h-7", "acme"]),
        ({"name": "gida acm"}, ["acme"]),
        ({"name": "YILD"}, ["h-7"]),
        ({"type": "group_id"}, ["h-7", "acme"]),
        ({"type": "tax_id"}, []),
        ({"identifier": "group_id:acme"}, ["acme"]),
        ({"identifier": "group_id@shop:acme", "name": "yildiz"}, []),
        ({"identifier": "group_id:nobody"}, []),
    ],
)
def test_accounts_are_listed_by_what_is_given(app: Served, parameters: dict[str, str], values: list[str]) -> None:
    assert [each["value"] for each in listed(app, **parameters)] == values


def test_a_list_comes_in_pages(app: Served) -> None:
    first = app.get("/api/accounts", limit=1).json()
    second = app.get("/api/accounts", limit=1, cursor=first["next"]).json()
    assert [each["value"] for each in (*first["accounts"], *second["accounts"])] == ["h-7", "acme"]
    assert second["next"] is None


def test_an_account_has_the_source_of_every_field_and_its_members(app: Served) -> None:
    [acme] = listed(app, identifier="group_id:acme")
    account = app.get(f"/api/accounts/{acme['id'].upper()}").json()
    fields = {field["attribute"]: field for field in account["fields"]}
    assert {attribute: (field["value"], field["losing"]) for attribute, field in fields.items()} == {
        "address.city": ("Bursa", 1),
        "employees": (12, 1),
        "name": ("Acme Gıda A.Ş.", 1),
        "rating": (4.5, 0),
    }
    assert {field["source"]["name"] for field in fields.values()} == {"shop"}
    assert fields["name"]["effective_at"] == "2026-01-03T00:00:00Z"
    assert (account["touchpoints"], len(account["members"]), account["more_members"]) == (3, 3, False)
    assert account["members"] == sorted(account["members"], key=lambda member: member["profile"])


def test_members_come_in_pages(app: Served) -> None:
    [acme] = listed(app, identifier="group_id:acme")
    path = f"/api/accounts/{acme['id']}/members"
    first = app.get(path, limit=2).json()
    second = app.get(path, limit=2, cursor=first["next"]).json()
    assert [len(page["members"]) for page in (first, second)] == [2, 1]
    assert first["members"][-1]["profile"] < second["members"][0]["profile"]


def test_members_merge_as_profiles_do(settings: Settings) -> None:
    # Given a household with two members, one of whom is known by a card only
    card = {"context": {"externalIds": [{"type": "loyalty_card", "id": "9", "collection": "users"}]}}
    with served(settings) as app:
        app.token = app.platform.tokens.create("desk", scopes=["accounts:read"], actor="test")
        app.source("shop", "web")
        call = {"type": "group", "groupId": "h-1"}
        app.send("shop", {**call, "userId": "u1"}, {**call, **card})
        app.project()
        [household] = listed(app)
        path = f"/api/accounts/{household['id']}"
        assert len(app.get(path).json()["members"]) == 2
        # When the card turns out to be the other one's
        app.send("shop", {"type": "identify", "userId": "u1", **card})
        app.project()
        # Then there is one member, with what both did
        assert [member["touchpoints"] for member in app.get(path).json()["members"]] == [2]


def test_a_profile_names_its_accounts(app: Served) -> None:
    [profile] = app.get("/api/profiles", user_id="u1", namespace="shop").json()["profiles"]
    named = [(each["name"], each["touchpoints"], each["last_seen"]) for each in profile["accounts"]]
    assert named == [("Yıldız", 1, "2026-01-05T00:00:00Z"), ("Acme Gıda A.Ş.", 1, "2026-01-01T00:00:00Z")]
    then = app.get(f"/api/profiles/{profile['id']}", as_of="2026-01-02T00:00:00Z").json()
    assert [each["name"] for each in then["accounts"]] == ["Acme Gıda"]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "code"),
    [
        ("/api/accounts/x", {}, 404, "account_not_found"),
        ("/api/accounts/a0000000000001", {}, 404, "account_not_found"),
        ("/api/accounts/a0000000000001/members", {}, 404, "account_not_found"),
        ("/api/accounts", {"cursor": "x"}, 400, "invalid_cursor"),
        ("/api/accounts", {"cursor": "WyJhIiwxXQ=="}, 400, "invalid_cursor"),
        ("/api/accounts", {"identifier": "acme"}, 422, "invalid_identifier"),
        ("/api/accounts", {"limit": "0"}, 422, "invalid"),
    ],
)
def test_what_cannot_be_answered_is_refused(
    app: Served, path: str, parameters: dict[str, str], status: int, code: str
) -> None:
    answer = app.get(path, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_the_scope_is_one_of_its_own(app: Served) -> None:
    narrow = app.platform.tokens.create("narrow", scopes=["profiles:read"], actor="test")
    app.platform.registry.refresh()
    assert app.get("/api/accounts", token=narrow).status_code == 403


def test_the_command_shows_the_same(app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = app.platform.settings
    monkeypatch.setenv("CDP_HOME", str(settings.home))
    for name in ("log", "vault", "read"):
        monkeypatch.setenv(f"CDP_{name.upper()}_URL", getattr(settings, f"{name}_url"))
    monkeypatch.setenv("CDP_ALLOW_WEAK_DURABILITY", "true")
    run = CliRunner().invoke(cdp, ["account", "list", "acme", "--json"])
    assert run.exit_code == 0, run.output
    [acme] = json.loads(run.output)["accounts"]
    shown = CliRunner().invoke(cdp, ["account", "show", acme["id"]])
    assert "group_id@shop:acme" in shown.output
    assert "Acme Gıda A.Ş." in shown.output
    assert "Yıldız" in CliRunner().invoke(cdp, ["account", "list", "--limit", "1"]).output
    for wrong in (["show", "x"], ["show", "a0000000000001"], ["list", "--identifier", "x"]):
        assert CliRunner().invoke(cdp, ["account", *wrong]).exit_code == 1
