"""The example in the documentation is what the commands print."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app as cdp
from cdp.settings import Settings
from tests.api.serving import Served, served
from tests.profiles.story import RULES, ruled, told

PAGE = Path("docs/profiles.md")
ID = re.compile(r"p[0-9a-z]{13}")
WIDTH = "110"


@pytest.fixture
def app(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """An application that knows the story and its rules; commands run in its environment."""
    with served(settings) as app:
        told(app)
        ruled(app)
        for name, value in app.platform.settings.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("COLUMNS", WIDTH)
        yield app


def printed(*arguments: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(cdp, ["profile", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def commands(page: str) -> list[tuple[list[str], str]]:
    """The commands of a page and what it says that they print."""
    found = re.findall(r"^`cdp profile (.*?)`\n\n```\n(.*?)```", page, re.DOTALL | re.MULTILINE)
    return [(command.split(), shown) for command, shown in found]


def test_the_commands_print_what_the_page_shows(app: Served) -> None:
    # Given the page, on which the profile has another random id
    page = PAGE.read_text("utf-8")
    asked = app.get("/api/profiles", email="ada@example.com").json()["profiles"][0]["id"]
    assert len(commands(page)) == 3
    for command, shown in commands(ID.sub(asked, page)):
        # Then each command prints what stands below it
        assert "".join(f"{line.rstrip()}\n" for line in printed(*command).splitlines()) == shown


def test_the_rules_on_the_page_are_those_of_the_example() -> None:
    assert f"```toml\n{RULES.lstrip()}```" in PAGE.read_text("utf-8")


def test_every_way_to_ask_for_the_past_works_on_the_command_line(app: Served) -> None:
    # Given a profile, and the position before the customer relations had a say
    profile = app.get("/api/profiles", email="ada@example.com").json()["profiles"][0]
    entries = app.get(f"/api/profiles/{profile['id']}/timeline").json()["entries"]
    before = str(sorted(entry["position"] for entry in entries)[3] - 1)
    # Then it is shown and compared as it was known, and so is its timeline
    assert "Bursa" not in printed("show", profile["id"], "--known-at", before)
    assert "Bursa" in printed("diff", profile["id"], "--from-known-at", before)
    shown = printed("timeline", profile["id"], "--channel", "web", "--since", "2024-01-11", "--known-at", before)
    assert "2 touchpoints" in shown
    assert "2024-02-01 10:00" in shown
    # And what cannot be answered says why
    for arguments in (["show", profile["id"], "--as-of", "2020-01-01"], ["show", profile["id"], "--as-of", "soon"]):
        result = CliRunner().invoke(cdp, ["profile", *arguments])
        assert result.exit_code == 1
        assert "at that point in time" in result.output or "is no moment" in result.output
