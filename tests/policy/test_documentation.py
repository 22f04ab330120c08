"""The worked example of docs/stewardship.md, typed: what it says is what the commands say, but for ids and times."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from api.cli.main import app as cli
from cdp.settings import Settings
from tests.api.serving import Served, served

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "stewardship.md"
_CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)
_FILE = re.compile(r"<!-- (\S+\.toml) -->\n```toml\n(.*?)```", re.DOTALL)
_VOLATILE = (
    (re.compile(r"\bp[0-9a-hjkmnp-tv-z]{13}\b"), "PROFILE"),
    (re.compile(r"\b[0-9a-f]{32}\b"), "EVENT"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?=, position)"), "MOMENT"),
    (re.compile(r"position \d+"), "POSITION"),
)


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """Ada's account, somebody's card, and a customer whom only an address joins to a card."""
    with served(settings) as app:
        app.source("shop", "web")
        app.source("till", "store")
        app.send("shop", identify("u1", userId="u1"), identify("u2", userId="u2"))
        app.send("shop", identify("1", userId="u1", traits={"email": "ada@example.com"}))
        app.send("till", identify("2", "7001"), identify("3", "7001"))
        app.send("shop", identify("4", userId="u2", traits={"email": "bob@example.com"}))
        app.send("till", identify("5", "7002", traits={"email": "bob@example.com"}))
        app.project()
        yield app


def identify(message: str, card: str | None = None, **fields: Any) -> dict[str, Any]:
    context = {"externalIds": [{"type": "loyalty_card", "id": card, "collection": "users"}]} if card else {}
    times = {"timestamp": "2026-03-01T12:00:00Z", "messageId": message}
    return {"type": "identify", **times, **fields, "context": context}


def steps(text: str) -> list[tuple[str, str]]:
    """The commands of the document, each with what it says."""
    typed = "".join(_CONSOLE.findall(text)).split("$ ")[1:]
    return [(command, said) for command, _, said in (each.partition("\n") for each in typed)]


def stable(text: str) -> str:
    """The text without what differs from run to run."""
    for pattern, word in _VOLATILE:
        text = pattern.sub(word, text)
    return re.sub(r"(PROFILE )+→( PROFILE)+", lambda found: " ".join(sorted(found[0].split())), text).rstrip()


def test_the_example_says_what_the_commands_say(
    app: Served, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for name, content in _FILE.findall(text):
        (tmp_path / name).write_text(content, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    environment: dict[str, str | None] = {**settings.environment(), "COLUMNS": "300"}
    found = steps(text)
    assert len(found) >= 10
    for command, said in found:
        result = CliRunner().invoke(cli, shlex.split(command)[1:], env=environment)
        assert result.exit_code == 0, result.output
        assert stable(result.output) == stable(said), command
        app.project()
