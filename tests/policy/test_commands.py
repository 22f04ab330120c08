"""`cdp identity` and `cdp survivorship`, as typed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from tests.ingest.door import Door, track


@pytest.fixture
def door(settings: Settings, databases: Databases) -> Iterator[Door]:
    door = Door(Platform.over(settings, databases))
    door.send(
        track("m-1", context={"traits": {"email": "Ada@example.com"}}),
        track("m-2", userId="43", context={"traits": {"email": "a.lovelace@example.com"}}),
    )
    yield door


def run(settings: Settings, *arguments: str, typed: str = "", code: int = 0) -> Result:
    environment: dict[str, str | None] = {**settings.environment(), "COLUMNS": "200"}
    result = CliRunner().invoke(app, list(arguments), env=environment, input=typed)
    assert result.exit_code == code, result.output
    return result


def test_decisions_are_taken_taken_back_and_listed(door: Door, settings: Settings) -> None:
    pair = ("email:ada@example.com", "user_id@shop:43")
    told = run(settings, "identity", "link", *pair, "--reason", "she called").output
    assert "email:ada@example.com and user_id@shop:43 are one person's from now on" in told
    again = run(settings, "identity", "link", *reversed(pair), "--reason", "she called").output
    assert "decided already" in again
    run(settings, "identity", "unlink", *pair, "--reason", "it was her sister")
    run(settings, "identity", "release", *pair, "--reason", "leave it to the rules")
    run(settings, "identity", "block", "user_id:42", "--reason", "the till's own number")
    assert "user_id@shop:42 is judged" in run(settings, "identity", "release", "user_id:42", "--reason", "no").output
    listed = json.loads(run(settings, "identity", "decisions", "--json").stdout)
    assert [each["kind"] for each in listed["decisions"]] == ["release", "block", "release", "unlink", "link"]
    assert {each["actor"] for each in listed["decisions"]} == {"command line"}
    about = run(settings, "identity", "decisions", "--of", "user_id:43", "--limit", "1").output
    assert "leave it to the rules" in about
    assert "more: --cursor " in about


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        (("link", "email:ada@example.com", "email:nobody@example.com"), "no touchpoint holds email:nobody@example.com"),
        (("link", "email:ada@example.com", "email:ADA@example.com"), "both name the same identifier"),
        (("release", "email:ada@example.com"), "nothing was decided about this"),
        (("block", "ada@example.com"), "expected TYPE:VALUE"),
        (("block", "email:ada"), "expected an address such as"),
    ],
)
def test_what_cannot_be_decided_is_told(door: Door, settings: Settings, typed: tuple[str, ...], said: str) -> None:
    assert said in run(settings, "identity", *typed, "--reason", "x", code=1).output


def test_rules_are_drafted_compared_activated_and_brought_back(door: Door, settings: Settings, tmp_path: Path) -> None:
    shown = run(settings, "identity", "rules", "show").stdout
    assert shown.startswith("# Rules of identity, the built-in rules.\nsize_cap = 500\n")
    assert "nothing changes" in run(settings, "identity", "rules", "diff", "-", typed=shown).output
    file = tmp_path / "rules.toml"
    file.write_text('[types.email]\nlimit = 2\n\n[types.phone]\nwindow = "90 days"\n')
    told = run(settings, "identity", "rules", "diff", str(file)).output
    assert "types.email\n  ~ limit: 5 → 2" in told
    assert "types.phone\n  ~ window: none → 90 days" in told
    assert "version 1" in run(settings, "identity", "rules", "draft", str(file), "--reason", "too many").output
    assert "which says the same" in run(settings, "identity", "rules", "draft", str(file)).output
    assert "version 1 of the identity rules is in force" in run(settings, "identity", "rules", "activate").output
    assert "was in force already" in run(settings, "identity", "rules", "activate", "1").output
    assert door.platform.policies.latest().rules.of("email").limit == 2
    run(settings, "identity", "rules", "activate", "0", "--reason", "as it was")
    listed = run(settings, "identity", "rules", "list").output
    assert "too many" in listed
    assert "the built-in rules are in force" in listed
    assert "has no version 7" not in run(settings, "identity", "rules", "show", "1").output
    assert "no version 7" in run(settings, "identity", "rules", "show", "7", code=1).output


def test_survivorship_rules_have_the_same_commands(door: Door, settings: Settings) -> None:
    rules = '[attributes.email]\nkind = "verified"\nsources = ["shop"]\n'
    told = run(settings, "survivorship", "diff", "-", typed=rules).output
    assert "attributes.email" in told
    assert "+ sources: shop" in told
    run(settings, "survivorship", "draft", "-", typed=rules)
    run(settings, "survivorship", "activate")
    assert door.platform.policies.latest().survivorship.of("email").kind == "verified"


def test_rules_are_part_of_the_configuration(door: Door, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "config"
    run(settings, "config", "export", str(folder))
    assert "nothing to change" in run(settings, "config", "apply", str(folder)).output
    text = (folder / "identity.toml").read_text()
    (folder / "identity.toml").write_text(text.replace("size_cap = 500", "size_cap = 90"))
    told = run(settings, "config", "apply", str(folder), "--dry-run").output
    assert "draft and activate rules of identity" in told
    assert "~ size_cap: 500 → 90" in told
    assert "identity: version 1 is active" in run(settings, "config", "apply", str(folder)).output
    assert "nothing to change" in run(settings, "config", "apply", str(folder)).output
    (folder / "identity.toml").write_text('[trust]\nnobody = "public"\n')
    assert "the source 'nobody', which is not set up" in run(settings, "config", "apply", str(folder), code=1).output
