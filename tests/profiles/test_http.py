"""Profiles over HTTP, now and at past moments: what is shown, from whom, and why the rest is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cdp.erasing import Eraser
from cdp.settings import Settings
from cdp.vault.vault import Doomed
from tests.api.serving import Served, served
from tests.profiles.story import identified, ruled, told


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application that knows the story."""
    with served(settings) as app:
        told(app)
        yield app


def profile(app: Served, **parameters: Any) -> dict[str, Any]:
    """The one profile found."""
    answer = app.get("/api/profiles", **({"email": "ada@example.com"} | parameters))
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["profiles"]
    assert isinstance(found, dict)
    return found


def fields(answer: dict[str, Any]) -> dict[str, Any]:
    """The fields by attribute."""
    return {each["attribute"]: each for each in answer["fields"]}


def recorded(app: Served, message: int) -> int:
    """The position of the touchpoint that was sent as the n-th."""
    entries = app.get(f"/api/profiles/{profile(app)['id']}/timeline").json()["entries"]
    return int(sorted(entry["position"] for entry in entries)[message - 1])


def test_what_lost_is_shown_with_why(app: Served) -> None:
    city = fields(profile(app))["city"]
    assert (city["value"], city["source"]["name"], city["rule"], city["losing"]) == ("Bursa", "crm", "last updated", 3)
    lost = {each["value"]: (each["source"]["name"], each["claims"], each["reason"]) for each in city["candidates"]}
    assert lost == {"Ankara": ("shop", 1, "older"), "Izmir": ("shop", 1, "older"), "": ("calls", 1, "empty")}


def test_a_profile_is_shown_as_it_was(app: Served) -> None:
    # Given the profile as of February, before the customer relations had a say
    then = profile(app, as_of="2024-02-10")
    # Then it shows what was true then, and what it is about
    assert fields(then)["city"]["value"] == "Ankara"
    assert [(each["channel"], each["touchpoints"]) for each in then["channels"]] == [("web", 3)]
    assert {each["type"] for each in then["identifiers"]} == {"user_id", "email", "anonymous_id"}
    assert then["selection"]["as_of"] == "2024-02-09T21:00:00Z"
    assert then["id"] == profile(app)["id"]


def test_a_profile_is_shown_as_it_was_known(app: Served) -> None:
    # Given the position just before the customer relations' touchpoint was recorded
    before = recorded(app, 4) - 1
    then = profile(app, known_at=before)
    assert fields(then)["city"]["value"] == "Ankara"
    assert (then["selection"]["known_at"], then["selection"]["position"]) == (before, before)
    # When it is asked for by the time at which that position was recorded
    [event] = app.platform.reader.read(before - 1, 1)
    by_time = profile(app, known_at=event.recorded_at.isoformat())
    # Then the time is translated, and the answer is the same
    assert by_time["selection"]["known_at"] == before
    assert by_time["selection"]["known_when"] is not None
    assert by_time["fields"] == then["fields"]


def test_before_a_login_the_browser_was_nobodys(app: Served) -> None:
    # Given the eve of the first login
    then = app.get("/api/profiles", anonymous_id="browser-1", as_of="2024-01-11").json()["profiles"][0]
    # Then the browser was a profile of its own, and the customer was not known
    assert [each["type"] for each in then["identifiers"]] == ["anonymous_id"]
    unknown = app.get("/api/profiles", user_id="u1", as_of="2024-01-11")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "profile_not_found")
    # And its profile of now is found by its own id only as of a moment at which somebody knew it
    path = f"/api/profiles/{profile(app)['id']}"
    if profile(app)["id"] != then["id"]:
        assert app.get(path, as_of="2024-01-11").status_code == 404
    assert app.get(path, as_of="2024-01-13").status_code == 200


def test_rules_decide_what_survives_from_when_they_are_in_force(app: Served) -> None:
    before = ruled(app)
    now = profile(app, as_of="2024-03-01")
    # Then the source that is believed more wins, and each value of a multi-valued field names its own
    assert (fields(now)["city"]["value"], fields(now)["city"]["rule"]) == ("Bursa", "source priority")
    assert {each["reason"] for each in fields(now)["city"]["candidates"]} == {"lower-priority source"}
    interests = fields(now)["interests"]
    assert interests["value"] == ["art", "ski", "sea"]
    assert [each["source"]["name"] for each in interests["items"]] == ["crm", "shop", "shop"]
    # And a value with a time to live says until when it holds
    assert (fields(now)["tier"]["value"], fields(now)["tier"]["expires_at"]) == ("gold", "2024-05-01T10:00:00Z")
    # When it is asked for as it was known before, then the rules of then hold
    then = profile(app, as_of="2024-03-01", known_at=before)
    assert fields(then)["interests"]["value"] == ["art"]
    assert (then["selection"]["survivorship_rules"], now["selection"]["survivorship_rules"]) == (0, 1)


def test_what_has_expired_is_not_shown_and_not_forgotten(app: Served) -> None:
    ruled(app)
    now = profile(app, as_of="2024-05-01T13:00:00+03:00")
    assert "tier" not in fields(now)
    [tier] = now["expired"]
    assert (tier["attribute"], tier["candidates"][0]["value"], tier["candidates"][0]["reason"]) == (
        "tier",
        "gold",
        "expired",
    )


def test_the_table_of_fields_follows_the_rules(app: Served) -> None:
    ruled(app)
    with app.platform.databases.read.connection() as connection:
        rows = connection.execute("select attribute, value, expires_at is not null from profiles.fields").fetchall()
    stored = {attribute: (value, expires) for attribute, value, expires in rows}
    assert stored["city"] == ("Bursa", False)
    assert stored["interests"] == (["art", "ski", "sea"], False)
    assert stored["tier"] == ("gold", True)


def test_a_difference_says_what_changed(app: Served) -> None:
    path = f"/api/profiles/{profile(app)['id']}/diff"
    found = app.get(path, from_as_of="2024-02-10", to_as_of="2024-02-20").json()
    # Then it names the identifiers that joined, the field's old and new value with their sources, and the channels
    assert [(each["type"], each["value"]) for each in found["joined"]] == [("user_id", "c7")]
    assert found["left"] == []
    changes = {each["attribute"]: each for each in found["fields"]}
    assert (changes["city"]["before"]["value"], changes["city"]["before"]["source"]["name"]) == ("Ankara", "shop")
    assert (changes["city"]["after"]["value"], changes["city"]["after"]["source"]["name"]) == ("Bursa", "crm")
    assert set(changes) == {"city", "email", "interests"}
    assert found["channels"] == [{"channel": "crm", "before": 0, "after": 1}]
    assert (found["before"]["touchpoints"], found["after"]["touchpoints"]) == (3, 4)


def test_a_difference_of_the_same_moment_is_none(app: Served) -> None:
    found = app.get(f"/api/profiles/{profile(app)['id']}/diff", from_as_of="2024-02-10", to_as_of="2024-02-10").json()
    assert not any(found[each] for each in ("joined", "left", "fields", "channels", "verdicts"))
    assert found["before"] == found["after"]


def test_a_difference_names_the_profile_that_joined(app: Served) -> None:
    # Given a customer of the till, whom a steward finds to be the same
    app.source("till", "store")
    app.send("till", identified("9", "2024-02-02", "t9", {"shoe": 39}))
    app.project()
    before = app.platform.reader.head().position
    other = app.get("/api/profiles", user_id="t9").json()["profiles"][0]
    naming, stewards = app.platform.naming, app.platform.stewards
    pair = [naming.find(name).number for name in ("user_id@till:t9", "email:ada@example.com")]
    stewards.link(*pair, actor="test", reason="they called")
    app.project()
    # When the present is compared with what was known before
    found = app.get(f"/api/profiles/{other['id']}/diff", from_known_at=before).json()
    # Then the profiles that came together are named
    assert found["before"]["id"] == other["id"]
    assert {each["value"] for each in found["joined"]} >= {"u1", "ada@example.com"}
    assert found["memberships_gained"] >= 3


def test_an_ambiguous_identifier_says_why(app: Served) -> None:
    # Given two customers of the shop that give one address
    app.send("shop", identified("9", "2024-02-02", "u2", {"email": "ada@example.com"}))
    app.project()
    found = app.get("/api/profiles", user_id="u1", namespace="customers").json()["profiles"][0]
    [email] = [each for each in found["identifiers"] if each["type"] == "email"]
    assert (email["verdict"]["code"], email["verdict"]["detail"]) == ("ambiguous", "limit")
    assert "2 values of user_id of customers, where 1 may be" in email["verdict"]["message"]


def test_erasure_has_no_past(app: Served) -> None:
    # Given the position before the address is erased
    platform = app.platform
    before = platform.reader.head().position
    number = platform.naming.find("email:ada@example.com").number
    Eraser(platform.vault, platform.log.touchpoints).destroy(Doomed(numbers=[number]))
    # When the profile is asked for, now or as it was known
    for then in ({}, {"known_at": before}, {"as_of": "2024-03-01"}):
        [found] = app.get("/api/profiles", user_id="u1", **then).json()["profiles"]
        # Then the address is gone at every moment, and the answer says so
        assert [each["value"] for each in found["identifiers"] if each["type"] == "email"] == [None]
        assert found["selection"]["erased"]


def test_the_timeline_is_filtered_by_several_things_at_any_moment(app: Served) -> None:
    path = f"/api/profiles/{profile(app)['id']}/timeline"

    def messages(**filters: Any) -> list[str]:
        answer = app.get(path, **filters)
        assert answer.status_code == 200, answer.text
        return [entry["effective_at"][:10] for entry in answer.json()["entries"]]

    assert messages(channel=["crm", "call_center"]) == ["2024-03-20", "2024-02-15"]
    assert messages(source=["crm", "shop"], name="User Identified") == ["2024-02-15", "2024-02-01", "2024-01-12"]
    assert messages(since="2024-01-12", until="2024-02-15T10:00:00Z") == ["2024-02-01", "2024-01-12"]
    assert messages(as_of="2024-02-10") == ["2024-02-01", "2024-01-12", "2024-01-10"]
    assert messages(known_at=recorded(app, 2)) == ["2024-01-12", "2024-01-10"]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "code"),
    [
        ("/api/profiles", {"email": "ada@example.com", "as_of": "yesterday"}, 400, "invalid_moment"),
        ("/api/profiles", {"email": "ada@example.com", "known_at": "-1"}, 400, "invalid_moment"),
        ("/api/profiles", {"email": "ada@example.com", "known_at": "0"}, 404, "profile_not_found"),
        ("/api/profiles", {"email": "ada@example.com", "as_of": "0001-01-01"}, 400, "invalid_moment"),
        ("/api/profiles/p0000000000000", {"as_of": "2024-01-01"}, 404, "profile_not_found"),
        ("/api/profiles/p0000000000000/diff", {}, 404, "profile_not_found"),
        ("/api/profiles/nonsense/diff", {}, 404, "profile_not_found"),
        ("/api/profiles/p0000000000000/diff", {"to_as_of": "x"}, 400, "invalid_moment"),
        ("/api/profiles/p0000000000000/timeline", {"since": "x"}, 400, "invalid_moment"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_remedy(
    app: Served, path: str, parameters: dict[str, str], status: int, code: str
) -> None:
    answer = app.get(path, **parameters)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"]
