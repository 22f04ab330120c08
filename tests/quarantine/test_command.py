"""`cdp quarantine` as an operator types it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from cdp.settings import Settings
from tests.ingest.door import track
from tests.quarantine.counter import Counter

RUN = CliRunner()


class Terminal:
    """Runs commands on the test's databases."""

    def __init__(self, settings: Settings) -> None:
        self._environment = {
            "CDP_HOME": str(settings.home),
            "CDP_LOG_URL": settings.log_url or "",
            "CDP_VAULT_URL": settings.vault_url or "",
            "CDP_READ_URL": settings.read_url or "",
            "CDP_ALLOW_WEAK_DURABILITY": "1",
            "COLUMNS": "160",
        }

    def __call__(self, *arguments: str, typed: str | None = None, **environment: str) -> Result:
        env = self._environment | environment
        return RUN.invoke(app, ["quarantine", *arguments], input=typed, env=env)

    def said(self, *arguments: str, **more: Any) -> str:
        """The output of a command that succeeds."""
        result = self(*arguments, **more)
        assert result.exit_code == 0, result.output
        return str(result.stdout)

    def json(self, *arguments: str) -> Any:
        """The same for programs."""
        return json.loads(self.said(*arguments, "--json"))


@pytest.fixture
def cdp(settings: Settings, counter: Counter) -> Terminal:
    return Terminal(settings)


def test_held_items_are_listed_shown_mended_and_replayed(cdp: Terminal, counter: Counter) -> None:
    counter.send({"type": "track", "userId": "secret-7", "messageId": "m-1"}, {"type": "track", "userId": "8"})
    listed = cdp.said("list")
    assert "missing_event" in listed and "shop" in listed
    first, _ = cdp.json("list", "--source", "shop", "--since", "1h")["items"]
    assert "secret-7" not in cdp.said("show", first["id"])
    assert "secret-7" in cdp.said("show", first["id"], "--raw")
    said = cdp.said("fix", "--reason", "missing_event", "--set", "event=Order Completed", typed="y\n")
    assert "2 items 2 can be read" in said and "2 mended" in said
    assert "2 accepted" in cdp.said("replay", "--reason", "missing_event")
    counter.check()
    assert "accepted" in cdp.said("show", "--delivery", first["delivery"])
    assert "accepted" in cdp.said("show", "--source", "shop", "--message-id", "m-1")
    assert cdp.json("show", "--delivery", first["delivery"], "--item", "1")["outcome"] == "accepted"


def test_nothing_is_stored_before_it_is_confirmed(cdp: Terminal, counter: Counter) -> None:
    counter.send({"type": "track", "userId": "7"})
    held = str(counter.one().place.quarantine_id)
    assert "still missing_event" in cdp.said("fix", held, "--unset", "userId", "--check")
    assert cdp("fix", held, "--set", "event=x", typed="n\n").exit_code == 1
    assert not counter.one().mended


def test_values_may_be_json(cdp: Terminal, counter: Counter) -> None:
    counter.send({"type": "track", "userId": {"a": 1}, "event": "x"})
    said = cdp.said("fix", str(counter.one().place.quarantine_id), "--set", "userId:=42", "--yes")
    assert "can be read" in said
    assert cdp("fix", "--reason", "wrong_type", "--set", "userId:=x", "--yes").exit_code == 1


def test_an_item_is_edited_or_replaced_by_a_file(cdp: Terminal, counter: Counter, tmp_path: Path) -> None:
    counter.send_body(b'{"batch": [')
    counter.send({"type": "odd"})
    whole, odd = (str(each.place.quarantine_id) for each in counter.held())
    file = tmp_path / "body.json"
    file.write_text(json.dumps({"batch": [track("m-1"), track("m-2")]}))
    assert cdp.said("fix", whole, "--file", str(file), "--yes").count("can be read") == 2
    assert "left as it is" in cdp("fix", odd, "--edit", "--yes", EDITOR="true", VISUAL="").output
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i \'s/"odd"/"page", "userId": "1"/\' "$1"\n')
    editor.chmod(0o755)
    assert "can be read: page" in cdp.said("fix", odd, "--edit", "--yes", EDITOR=str(editor), VISUAL="")
    assert "1 split" in cdp.said("replay", "--all")
    assert counter.books == {"received": 3, "accepted": 3}


def test_items_are_discarded_and_expire(cdp: Terminal, counter: Counter) -> None:
    counter.send({"type": "odd"}, {"type": "track"})
    assert cdp("discard", "--why", "no use").exit_code == 1
    assert "1 discarded" in cdp.said("discard", "--reason", "unknown_type", "--why", "no use", typed="y\n")
    assert "0 held items expired" in cdp.said("expire", "--older-than", "90d", "--yes")
    assert cdp.json("expire", "--older-than", "0m", "--yes")["held"] == 1
    assert counter.books == {"received": 2, "discarded": 2}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["replay"], "--all"),
        (["fix", "--set", "a=1"], "which items"),
        (["fix", "--reason", "conflict"], "exactly one"),
        (["fix", "--reason", "conflict", "--file", "x"], "its id"),
        (["fix", "--reason", "conflict", "--set", "a"], "PATH=TEXT"),
        (["list", "--reason", "odd"], "missing_event"),
        (["list", "--since", "yesterday"], "36h"),
        (["show"], "--message-id"),
        (["expire", "--older-than", "long"], "90d"),
    ],
)
def test_a_slip_is_answered_with_what_was_expected(cdp: Terminal, arguments: list[str], says: str) -> None:
    result = cdp(*arguments)
    assert (result.exit_code, says in result.output) == (1, True), result.output
