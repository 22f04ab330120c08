"""Profiles over HTTP and on the command line, from touchpoints that came in by the door."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from rich.console import Console
from typer.testing import CliRunner

from api.cli.profile_tables import render_profile
from api.profile_models import ProfileAnswer
from cdp.settings import Settings
from tests.api.serving import Served, served


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application that knows a customer of the web shop who also wrote and called."""
    with served(settings) as app:
        app.source("shop", "web", namespaces={"user_id": "customers"})
        app.source("mailer", "email")
        app.source("calls", "call_center")
        app.send(
            "shop",
            {
                "type": "page",
                "anonymousId": "browser-1",
                "messageId": "1",
                "timestamp": "2024-03-01T10:00:00Z",
            },
            {
                "type": "identify",
                "anonymousId": "browser-1",
                "userId": "u1",
                "messageId": "2",
                "timestamp": "2024-03-01T10:05:00Z",
                "traits": {"email": "Ada@Example.com", "city": "Izmir", "address": {"postalCode": "35000"}},
            },
            {
                "type": "track",
                "event": "Order Completed",
                "userId": "u1",
                "messageId": "3",
                "timestamp": "2024-03-02T10:00:00Z",
                "properties": {"order_id": "o-1", "total": 42.5, "currency": "TRY", "products": [{"quantity": 2}]},
            },
        )
        app.send(
            "mailer",
            {
                "type": "track",
                "event": "Email Opened",
                "messageId": "m1",
                "timestamp": "2024-03-03T10:00:00Z",
                "properties": {"campaign": "spring"},
                "context": {"traits": {"email": "ada@example.com", "city": "Ankara"}},
            },
        )
        app.project()
        yield app


def profile_of(app: Served, **identifier: str) -> dict[str, object]:
    """The one profile that an identifier leads to."""
    answer = app.get("/api/profiles", **identifier)
    assert answer.status_code == 200, answer.text
    [profile] = answer.json()["profiles"]
    assert isinstance(profile, dict)
    return profile


def test_any_identifier_leads_to_the_same_profile(app: Served) -> None:
    found = [
        profile_of(app, email="ADA@example.com"),
        profile_of(app, user_id="u1"),
        profile_of(app, user_id="u1", namespace="customers"),
        profile_of(app, anonymous_id="browser-1"),
    ]
    assert len({str(profile["id"]) for profile in found}) == 1


def test_every_field_names_its_source_and_its_touchpoint(app: Served) -> None:
    # When the profile is read
    profile = profile_of(app, email="ada@example.com")
    fields = {field["attribute"]: field for field in profile["fields"]}  # type: ignore[attr-defined]
    # Then the latest claim won, the other is counted, and the source is named
    city = fields["city"]
    assert (city["value"], city["source"]["name"], city["losing"], city["rule"]) == (
        "Ankara",
        "mailer",
        1,
        "last updated",
    )
    assert city["effective_at"] == "2024-03-03T10:00:00Z"
    assert fields["address.postalCode"]["source"]["name"] == "shop"
    # And the touchpoint that it names is in the timeline
    timeline = app.get(f"/api/profiles/{profile['id']}/timeline").json()["entries"]
    [origin] = [entry for entry in timeline if entry["event_id"] == city["event_id"]]
    assert origin["position"] == city["position"]


def test_a_profile_counts_its_touchpoints_by_channel(app: Served) -> None:
    profile = profile_of(app, user_id="u1")
    counts = {each["channel"]: each["touchpoints"] for each in profile["channels"]}  # type: ignore[attr-defined]
    assert counts == {"web": 3, "email": 1}
    assert (profile["first_seen"], profile["last_seen"]) == ("2024-03-01T10:00:00Z", "2024-03-03T10:00:00Z")
    values = {(each["type"], each["value"]) for each in profile["identifiers"]}  # type: ignore[attr-defined]
    assert values == {("user_id", "u1"), ("email", "ada@example.com"), ("anonymous_id", "browser-1")}


def test_the_timeline_comes_in_pages_that_new_touchpoints_do_not_shift(app: Served) -> None:
    # Given the first page of two
    profile = profile_of(app, user_id="u1")
    path = f"/api/profiles/{profile['id']}/timeline"
    first = app.get(path, limit=2).json()
    assert [entry["name"] for entry in first["entries"]] == ["Email Opened", "Order Completed"]
    assert first["entries"][1]["summary"] == "42.5 TRY · 1 line"
    # When something newer comes in before the second page is asked for
    app.send("shop", {"type": "screen", "userId": "u1", "messageId": "9", "timestamp": "2024-04-01T00:00:00Z"})
    app.project()
    second = app.get(path, limit=2, cursor=first["next"]).json()
    # Then the second page goes on where the first ended
    assert [entry["name"] for entry in second["entries"]] == ["User Identified", "Page Viewed"]
    assert second["next"] is None


def test_the_timeline_can_be_filtered(app: Served) -> None:
    path = f"/api/profiles/{profile_of(app, user_id='u1')['id']}/timeline"

    def names(**filters: str) -> list[str]:
        return [entry["name"] for entry in app.get(path, **filters).json()["entries"]]

    assert names(channel="email") == ["Email Opened"]
    assert names(source="mailer") == ["Email Opened"]
    assert names(name="Order Completed", channel="web") == ["Order Completed"]
    assert names(name="Order Completed", channel="email") == []


def test_the_id_of_a_merged_profile_leads_to_the_merged_one(app: Served) -> None:
    # Given a caller who is known by another user id only
    app.send("calls", {"type": "identify", "userId": "c7", "messageId": "c1", "traits": {"segment": "gold"}})
    app.project()
    former = str(profile_of(app, user_id="c7", namespace="calls")["id"])
    # When the caller gives an e-mail address
    app.send("calls", {"type": "identify", "userId": "c7", "messageId": "c2", "traits": {"email": "ada@example.com"}})
    app.project()
    # Then the former id leads to the profile that both are now
    merged = app.get(f"/api/profiles/{former.upper()}").json()
    assert merged["id"] == profile_of(app, user_id="u1", namespace="customers")["id"] != former
    assert {field["attribute"] for field in merged["fields"]} >= {"city", "segment"}


@pytest.mark.parametrize(
    ("path", "parameters", "status", "code"),
    [
        ("/api/profiles", {"email": "nobody@example.com"}, 404, "profile_not_found"),
        ("/api/profiles", {"email": "nonsense"}, 400, "invalid_identifier"),
        ("/api/profiles", {}, 400, "one_identifier"),
        ("/api/profiles", {"email": "a@b.com", "user_id": "1"}, 400, "one_identifier"),
        ("/api/profiles/p0000000000000", {}, 404, "profile_not_found"),
        ("/api/profiles/nonsense", {}, 404, "profile_not_found"),
        ("/api/profiles/p0000000000000/timeline", {"cursor": "nonsense"}, 400, "invalid_cursor"),
        ("/api/profiles/p0000000000000/timeline", {"limit": 0}, 422, "invalid"),
        ("/api/profiles/p0000000000000/timeline", {"source": "nowhere"}, 404, "source_not_found"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_remedy(
    app: Served, path: str, parameters: dict[str, str], status: int, code: str
) -> None:
    answer = app.get(path, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]


def test_a_token_is_needed_and_must_have_the_scope(app: Served) -> None:
    # Given nobody, a stranger, and a token for sales alone
    sales_only = app.platform.tokens.create("sales", scopes=["sales:read"], actor="test")
    app.platform.registry.refresh()
    path = "/api/profiles"
    anonymous = app.client.get(path, params={"user_id": "u1"})
    stranger = app.get(path, token="nonsense", user_id="u1")
    limited = app.get(path, token=sales_only, user_id="u1")
    # Then each is refused, and told what to do
    assert [each.status_code for each in (anonymous, stranger, limited)] == [401, 401, 403]
    assert anonymous.headers["www-authenticate"] == "Bearer"
    assert all("cdp token create" in each.json()["message"] for each in (anonymous, stranger, limited))


@pytest.mark.unbuilt
def test_before_any_projector_ran_the_answer_is_503(settings: Settings) -> None:
    with served(settings) as app:
        answer = app.get("/api/profiles", email="ada@example.com")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_built")


def test_a_profile_is_printed_with_the_source_of_each_field(app: Served) -> None:
    profile = ProfileAnswer.model_validate(profile_of(app, user_id="u1"))
    console = Console(file=io.StringIO(), width=120)
    console.print(render_profile(profile))
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    for word in (profile.id, "ada@example.com", "Ankara", "mailer", "35000", "shop", "email"):
        assert word in printed


def test_the_command_finds_and_shows_what_the_api_answers(app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    from api.cli.main import app as cdp

    # Given the environment of this application
    for name, value in app.platform.settings.environment().items():
        monkeypatch.setenv(name, value)
    answered = profile_of(app, email="ada@example.com")
    # When the profile is asked for on the command line
    found = CliRunner().invoke(cdp, ["profile", "find", "--email", "ada@example.com", "--json"])
    shown = CliRunner().invoke(cdp, ["profile", "show", str(answered["id"])])
    unknown = CliRunner().invoke(cdp, ["profile", "find", "--email", "nobody@example.com"])
    # Then it is the same, and what is unknown is said so
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout) == answered
    assert shown.exit_code == 0
    assert "Ankara" in shown.stdout
    assert unknown.exit_code == 1
