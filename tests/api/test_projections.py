"""Projections over HTTP and on the command line: how they stand, what was left out, building one anew."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from typer.testing import CliRunner

from api.cli.main import app as cdp
from cdp.settings import Settings
from projections.requests import Request, read_requests
from tests.api.serving import Served, served
from tests.projections.test_projector import projecting


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An application with one touchpoint, projected; commands work on the same databases."""
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    with served(settings) as app:
        app.source("shop", "web")
        app.send("shop", {"type": "track", "event": "Page Viewed", "userId": "u1", "messageId": "1"})
        app.project()
        yield app


def run(*arguments: str) -> str:
    """What a command prints; it must end well."""
    result = CliRunner().invoke(cdp, list(arguments), env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def token(app: Served) -> str:
    """A token for everything about projections."""
    secret = app.platform.tokens.create("operator", scopes=["status:read", "projections:write"], actor="test")
    app.platform.registry.refresh()
    app.project()
    return secret


def test_projections_are_listed(app: Served, token: str) -> None:
    found = {each["name"]: each for each in app.get("/api/projections", token).json()}
    assert found["timeline"] == app.get("/api/projections/timeline", token).json()
    assert found["timeline"] == {
        "name": "timeline",
        "state": "live",
        "version": found["timeline"]["version"],
        "position": app.platform.reader.head().position,
        "events_behind": 0,
        "seconds_behind": 0.0,
        "build": None,
        "failure": None,
        "parked": 0,
        "parked_keys": 0,
    }
    assert json.loads(run("projection", "list", "--json"))[0].keys() == found["timeline"].keys()
    assert "timeline" in run("projection", "list")


def test_what_was_left_out_is_shown_without_data(app: Served, token: str) -> None:
    with app.platform.databases.read.connection() as connection:
        connection.execute("insert into engine.parked values ('timeline', 1, 1, 'builtins.KeyError')")
    expected = {
        "projection": "timeline",
        "parked": 1,
        "events": [{"position": 1, "error": "builtins.KeyError"}],
    }
    assert app.get("/api/projections/timeline/parked", token).json() == expected
    assert json.loads(run("projection", "parked", "timeline", "--json")) == expected
    assert "builtins.KeyError" in run("projection", "parked", "timeline")


@pytest.mark.parametrize("kind", ["rebuild", "retry"])
def test_a_rebuild_and_a_retry_are_asked_for(app: Served, token: str, kind: str) -> None:
    headers = {"Authorization": f"Bearer {token}"}
    answer = app.client.post(f"/api/projections/timeline/{kind}", headers=headers)
    assert answer.status_code == 202
    run("projection", kind, "timeline", "--detach")
    with app.platform.databases.read.connection() as connection:
        assert read_requests(connection) == {Request("timeline", kind)}


@pytest.mark.parametrize("kind", ["rebuild", "retry"])
def test_a_command_waits_until_the_projector_has_done_it(app: Served, kind: str) -> None:
    with projecting(app.platform):
        assert "timeline version" in run("projection", kind, "timeline")
    with app.platform.databases.read.connection() as connection:
        assert not read_requests(connection)


def test_a_projection_that_there_is_not_is_refused(app: Served, token: str) -> None:
    answer = app.get("/api/projections/nobody", token)
    assert answer.status_code == 404
    assert "there is no projection 'nobody'; expected one of" in answer.json()["message"]
    result = CliRunner().invoke(cdp, ["projection", "rebuild", "nobody"])
    assert result.exit_code == 1


def test_building_anew_needs_the_scope(app: Served) -> None:
    headers = {"Authorization": f"Bearer {app.token}"}
    assert app.client.post("/api/projections/timeline/rebuild", headers=headers).status_code == 403
