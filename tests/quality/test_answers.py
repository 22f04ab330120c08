"""Quality over HTTP, on the command line and as metrics, from deliveries that came in by the door."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli.main import app as cdp
from api.cli.quality import render_all, render_source
from api.quality_answers import QualityAnswer, SourceQualityAnswer
from cdp.settings import Settings
from tests.api.serving import Served, served
from tests.ingest.door import Door, track

NIGHTS = 30


@pytest.fixture(scope="module")
def answered(cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """An application with an export that stopped, one that goes on, and a shop that began today."""
    now = datetime.now(UTC)
    with cluster.cloned() as urls:
        settings = Settings(
            home=tmp_path_factory.mktemp("home"),
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
        )
        with served(settings) as app:
            door = Door(app.platform)
            for source in ("goes-on", "stopped", "shop", "disabled", "new"):
                door.source(source)
            app.platform.registry.refresh()
            for night in range(NIGHTS, 0, -1):
                at = now - timedelta(days=night, hours=-2)
                door.send(track(f"g{night}"), source="goes-on", received_at=at)
                if night > 6:
                    door.send(track(f"s{night}"), track(f"t{night}"), source="stopped", received_at=at)
                    door.send(track(f"d{night}"), source="disabled", received_at=at)
            app.platform.sources.disable("disabled", actor="test")
            old = (now - timedelta(days=3)).isoformat()
            door.send(
                track("1", timestamp=old, properties={"total": "9.50"}, context={"traits": {"city": "Izmir"}}),
                track("2", properties={"total": "1.50"}),
                track("2", properties={"total": "7.50"}),
                track("3", "Something Else"),
                {"type": "track", "event": "Order Completed", "messageId": "4"},
            )
            app.project()
            app.token = app.platform.tokens.create("quality", scopes=["quality:read"], actor="test")
            app.platform.registry.refresh()
            yield app


def by_name(app: Served) -> dict[str, Any]:
    """All sources at a glance."""
    answer = app.get("/api/quality")
    assert answer.status_code == 200, answer.text
    return {each["source"]["name"]: each for each in answer.json()["sources"]}


def test_a_source_that_stopped_is_silent_and_the_others_are_not(answered: Served) -> None:
    rhythms = {name: each["rhythm"]["state"] for name, each in by_name(answered).items()}
    assert rhythms == {
        "goes-on": "in rhythm",
        "stopped": "silent",
        "shop": "too little history",
        "disabled": "disabled",
        "new": "nothing accepted yet",
    }


def test_the_books_stand_beside_the_counts(answered: Served) -> None:
    shop = by_name(answered)["shop"]
    assert shop["items"] == {
        "received": 5,
        "accepted": 3,
        "duplicate": 0,
        "quarantined": 2,
        "suppressed": 0,
        "discarded": 0,
    }
    assert (shop["held"], shop["conflicts"]) == ({"conflict": 1, "missing_identifier": 1}, 1)
    assert (shop["touchpoints"], shop["unknown"]) == (3, 1)
    assert shop["flags"]["late:1d"] == 1
    assert shop["flags"]["time_missing"] == 2
    assert by_name(answered)["new"]["items"]["received"] == 0


def test_a_source_in_full_shows_the_completeness_of_each_event(answered: Served) -> None:
    answer = answered.get("/api/quality/sources/shop").json()
    events = {event["name"]: event for event in answer["events"]}
    assert {name: (event["known"], event["touchpoints"]) for name, event in events.items()} == {
        "Order Completed": (True, 2),
        "(unknown)": (False, 1),
    }
    fields = {(each["kind"], each["field"]): each["completeness"] for each in events["Order Completed"]["fields"]}
    assert fields == {("identifier", "user_id"): 1.0, ("property", "total"): 1.0, ("trait", "city"): 0.5}
    assert sum(day["touchpoints"] for day in answer["days"]) == 3
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date().isoformat()
    limited = answered.get("/api/quality/sources/shop", to=yesterday).json()
    assert [event["touchpoints"] for event in limited["events"]] == [1]


@pytest.mark.parametrize(
    ("path", "parameters", "status"),
    [("/api/quality/sources/nowhere", {}, 404), ("/api/quality/sources/shop", {"from": "yesterday"}, 422)],
)
def test_what_cannot_be_answered_is_refused(
    answered: Served, path: str, parameters: dict[str, str], status: int
) -> None:
    assert answered.get(path, **parameters).status_code == status


def test_a_token_without_the_scope_is_refused(answered: Served) -> None:
    other = answered.platform.tokens.create("sales", scopes=["sales:read"], actor="test")
    assert answered.get("/api/quality", token=other).status_code == 403


def test_prometheus_is_told_who_is_silent(answered: Served) -> None:
    lines = answered.client.get("/metrics").text.splitlines()
    assert 'cdp_source_silent{source="stopped"} 1.0' in lines
    assert 'cdp_source_silent{source="goes-on"} 0.0' in lines
    assert not any("silent" in line and "disabled" in line for line in lines)


def printed(renderable: Any) -> str:
    """What a terminal of 80 columns shows."""
    console = Console(file=io.StringIO(), width=80)
    console.print(renderable)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text


def test_all_sources_fit_into_80_columns(answered: Served) -> None:
    text = printed(render_all(QualityAnswer.model_validate(answered.get("/api/quality").json())))
    lines = text.splitlines()
    assert max(map(len, lines)) <= 80
    [stopped] = [line for line in lines if line.startswith(" stopped")]
    assert "SILENT" in stopped
    assert "6 d ago" in stopped
    assert len([line for line in lines if line.strip()]) == 3 + 5


def test_a_source_in_full_is_readable_in_80_columns(answered: Served) -> None:
    shop, stopped = (
        printed(render_source(SourceQualityAnswer.model_validate(answered.get(f"/api/quality/sources/{name}").json())))
        for name in ("shop", "stopped")
    )
    for word in ("Order Completed: 2", "total", "100.0%", "50.0%", "missing_identifier 1", "of the 10 deliveries"):
        assert word in shop
    assert "without a delivery" in stopped


def test_the_command_says_what_the_api_answers(answered: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in answered.platform.settings.environment().items():
        monkeypatch.setenv(name, value)
    everything = CliRunner().invoke(cdp, ["quality", "--json"])
    shop = CliRunner().invoke(cdp, ["quality", "shop", "--from", "2020-01-01", "--json"])
    unknown = CliRunner().invoke(cdp, ["quality", "nowhere"])
    assert everything.exit_code == 0, everything.output
    assert {each["source"]["name"] for each in json.loads(everything.stdout)["sources"]} == set(by_name(answered))
    assert json.loads(shop.stdout)["events"] == answered.get("/api/quality/sources/shop").json()["events"]
    assert unknown.exit_code == 1
    assert CliRunner().invoke(cdp, ["quality"]).exit_code == 0


@pytest.mark.unbuilt
def test_before_any_projector_ran_the_answer_is_503(settings: Settings) -> None:
    with served(settings) as app:
        token = app.platform.tokens.create("quality", scopes=["quality:read"], actor="test")
        answer = app.get("/api/quality", token=token)
        assert (answer.status_code, answer.json()["code"]) == (503, "not_built")
        assert app.client.get("/metrics").status_code == 200
