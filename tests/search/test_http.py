"""Searching over HTTP and on the command line, for people who came in by the door."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli.main import app as cdp
from api.cli.search import render_search
from api.search_answers import SearchAnswer
from cdp.settings import Settings
from tests.api.serving import Served, served

PEOPLE = (
    ("u1", "Ayşe Yılmaz", "İzmir", "2026-01-05T10:00:00Z"),
    ("u2", "Ali Yıldız", "Iğdır", "2026-01-06T10:00:00Z"),
    ("u3", "Işıl Öz", "izmir", "2026-01-07T10:00:00Z"),
    ("u4", "Can Ayşeoğlu", "Van", "2026-01-08T22:30:00Z"),
)


@pytest.fixture(scope="module")
def app(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An application that knows four customers of a web shop, one of whom also called."""
    with cluster.cloned() as urls:
        settings = Settings(
            home=tmp_path_factory.mktemp("home"),
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
        )
        with served(settings) as app:
            app.source("shop", "web", namespaces={"user_id": "customers"})
            app.source("calls", "call_center")
            for user, name, city, at in PEOPLE:
                first, last = name.split()
                traits = {"firstName": first, "lastName": last, "city": city, "email": f"{user}@example.com"}
                app.send("shop", {"type": "identify", "userId": user, "timestamp": at, "traits": traits})
            call = {"type": "track", "event": "Call Ended", "timestamp": "2026-02-01T09:00:00Z"}
            app.send("calls", {**call, "context": {"traits": {"email": "U3@example.com"}}})
            app.project()
            app.token = app.platform.tokens.create("desk", scopes=["search:read"], actor="test")
            app.platform.registry.refresh()
            yield app


def names(app: Served, **parameters: Any) -> list[str]:
    """The names of those found, in order."""
    answer = app.get("/api/search", **parameters)
    assert answer.status_code == 200, answer.text
    return [each["name"] for each in answer.json()["profiles"]]


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, ["Işıl Öz", "Can Ayşeoğlu", "Ali Yıldız", "Ayşe Yılmaz"]),
        ({"order": "name"}, ["Ali Yıldız", "Ayşe Yılmaz", "Can Ayşeoğlu", "Işıl Öz"]),
        ({"name": "ayse yil"}, ["Ayşe Yılmaz"]),
        ({"name": "YIL AYŞ"}, ["Ayşe Yılmaz"]),
        ({"name": "ayse"}, ["Can Ayşeoğlu", "Ayşe Yılmaz"]),
        ({"name": "isil"}, ["Işıl Öz"]),
        ({"name": "lmaz"}, []),
        ({"city": "IZMIR"}, ["Işıl Öz", "Ayşe Yılmaz"]),
        ({"city": "igdir"}, ["Ali Yıldız"]),
        ({"channel": "call_center"}, ["Işıl Öz"]),
        ({"source": "calls", "city": "İzmir"}, ["Işıl Öz"]),
        ({"channel": "sms"}, []),
        ({"last_seen_from": "2026-01-09"}, ["Işıl Öz", "Can Ayşeoğlu"]),
        ({"last_seen_to": "2026-01-06"}, ["Ali Yıldız", "Ayşe Yılmaz"]),
        ({"first_seen_from": "2026-01-07", "first_seen_to": "2026-01-08"}, ["Işıl Öz"]),
        ({"identifier": "email:U2@EXAMPLE.com"}, ["Ali Yıldız"]),
        ({"identifier": "user_id@customers:u1"}, ["Ayşe Yılmaz"]),
        ({"identifier": "email:u2@example.com", "city": "Van"}, []),
        ({"identifier": "email:nobody@example.com"}, []),
    ],
)
def test_everything_given_must_fit(app: Served, parameters: dict[str, str], expected: list[str]) -> None:
    assert names(app, **parameters) == expected


def test_a_profile_is_shown_at_a_glance_and_counted_by_what_it_has(app: Served) -> None:
    answer = app.get("/api/search", name="isil").json()
    [found] = answer["profiles"]
    sources = [source["name"] for source in found.pop("sources")]
    assert len(found.pop("id")) == 14
    assert (found, sorted(sources)) == (
        {
            "name": "Işıl Öz",
            "city": "izmir",
            "channels": ["call_center", "web"],
            "first_seen": "2026-01-07",
            "last_seen": "2026-02-01",
        },
        ["calls", "shop"],
    )
    everybody = app.get("/api/search").json()
    assert (everybody["total"], everybody["exact"]) == (4, True)
    assert everybody["facets"] == {
        "channel": [{"value": "web", "profiles": 4}, {"value": "call_center", "profiles": 1}],
        "source": [{"value": "shop", "profiles": 4}, {"value": "calls", "profiles": 1}],
        "city": [
            {"value": "izmir", "profiles": 2},
            {"value": "igdir", "profiles": 1},
            {"value": "van", "profiles": 1},
        ],
    }


def test_pages_follow_each_other_and_only_the_first_counts(app: Served) -> None:
    first = app.get("/api/search", limit=3).json()
    second = app.get("/api/search", limit=3, cursor=first["next"]).json()
    assert [each["name"] for each in second["profiles"]] == ["Ayşe Yılmaz"]
    assert (second["next"], second["total"], second["facets"]) == (None, None, None)


@pytest.mark.parametrize(
    ("parameters", "status", "code"),
    [
        ({"name": "?!"}, 422, "invalid"),
        ({"city": "-"}, 422, "invalid"),
        ({"order": "age"}, 422, "invalid"),
        ({"last_seen_from": "yesterday"}, 422, "invalid"),
        ({"limit": "201"}, 422, "invalid"),
        ({"cursor": "abc"}, 400, "invalid_cursor"),
        ({"identifier": "ada@example.com"}, 422, "invalid_identifier"),
        ({"identifier": "email:ada"}, 422, "invalid_identifier"),
        ({"source": "nowhere"}, 404, "source_not_found"),
    ],
)
def test_what_cannot_be_answered_is_refused(app: Served, parameters: dict[str, str], status: int, code: str) -> None:
    answer = app.get("/api/search", **parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text


def test_a_cursor_of_one_order_does_not_fit_another(app: Served) -> None:
    cursor = app.get("/api/search", limit=1).json()["next"]
    assert app.get("/api/search", limit=1, order="name", cursor=cursor).status_code == 400


def test_looking_people_up_one_by_one_is_not_searching_all(app: Served) -> None:
    narrow = app.platform.tokens.create("narrow", scopes=["profiles:read"], actor="test")
    app.platform.registry.refresh()
    answer = app.get("/api/search", token=narrow)
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def test_the_command_finds_the_same(app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(app.platform.settings).items():
        monkeypatch.setenv(name, value)
    run = CliRunner().invoke(cdp, ["search", "ays", "--city", "İZMİR", "--last-seen-to", "2026-01-05", "--json"])
    assert run.exit_code == 0, run.output
    assert [each["name"] for each in json.loads(run.output)["profiles"]] == ["Ayşe Yılmaz"]
    table = CliRunner().invoke(cdp, ["search", "--source", "calls", "--limit", "1"])
    assert "Işıl Öz" in table.output
    assert "channel: call_center 1, web 1" in table.output
    for wrong in (["--source", "nowhere"], ["--order", "age"], ["?"]):
        assert CliRunner().invoke(cdp, ["search", *wrong]).exit_code == 1


def environment(settings: Settings) -> dict[str, str]:
    """What makes a command find these databases."""
    return {
        "CDP_HOME": str(settings.home),
        "CDP_LOG_URL": settings.log_url or "",
        "CDP_VAULT_URL": settings.vault_url or "",
        "CDP_READ_URL": settings.read_url or "",
        "CDP_ALLOW_WEAK_DURABILITY": "true",
    }


def test_the_table_says_where_to_go_on_and_that_it_is_at_least(app: Served) -> None:
    answer = SearchAnswer.model_validate_json(app.get("/api/search", limit=1).text)
    output = io.StringIO()
    Console(file=output, width=100).print(render_search(answer.model_copy(update={"exact": False})))
    assert "at least 4 profiles" in output.getvalue()
    assert "more with --cursor" in output.getvalue()
