"""`cdp plan` and `cdp config`, as typed."""

from __future__ import annotations

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
    door.send(*(track(f"m-{at}", "Own Event", properties={"fee": at, "note": "x"}) for at in range(12)))
    yield door


def run(settings: Settings, *arguments: str, typed: str = "", code: int = 0) -> Result:
    environment: dict[str, str | None] = {**settings.environment(), "COLUMNS": "200"}
    result = CliRunner().invoke(app, list(arguments), env=environment, input=typed)
    assert result.exit_code == code, result.output
    return result


def test_from_what_was_seen_to_a_plan_in_force(door: Door, settings: Settings, tmp_path: Path) -> None:
    proposed = run(settings, "plan", "infer", "shop", "--last", "100").stdout
    assert "# seen 12 times" in proposed
    file = tmp_path / "plan.toml"
    file.write_text(proposed)
    assert "0 would be flagged" in run(settings, "plan", "diff", "shop", "--with", str(file)).output
    assert "version 1" in run(settings, "plan", "draft", "shop", str(file)).output
    assert "version 1 is active, mode warn" in run(settings, "plan", "activate", "shop").output
    assert "nothing changes in the plan" in run(settings, "plan", "diff", "shop").output
    assert "version 1, which says the same" in run(settings, "plan", "draft", "shop", "-", typed=proposed).output

    file.write_text(
        proposed.replace('fee = "amount"', 'fee = "count"').replace('required = ["fee", "note"]', 'required = ["tax"]')
    )
    told = run(settings, "plan", "diff", "shop", "--with", str(file)).output
    assert "~ business.fee: amount → count" in told
    assert "Of the last 12 touchpoints 12 would be flagged." in told
    assert "Own Event: 12 plan:invalid" in told
    run(settings, "plan", "draft", "shop", str(file))
    run(settings, "plan", "activate", "shop", "2", "--mode", "block")
    assert 'fee = "count"' in run(settings, "plan", "show", "shop").stdout
    assert 'mode = "block"' in run(settings, "plan", "show", "shop").stdout
    assert 'fee = "amount"' in run(settings, "plan", "show", "shop", "1").stdout
    assert "version 2 is active, mode off" in run(settings, "plan", "mode", "shop", "off").output
    (line,) = [line for line in run(settings, "plan", "list").output.splitlines() if "shop" in line]
    assert [cell.strip() for cell in line.strip("│").split("│")][:4] == ["shop", "2", "off", "2"]


def test_a_configuration_goes_out_and_in(door: Door, settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "config"
    assert "3 files" in run(settings, "config", "export", str(folder)).output
    (folder / "plans").mkdir()
    (folder / "sources" / "till.toml").write_text('channel = "store"\n')
    (folder / "plans" / "till.toml").write_text('mode = "block"\n[events.Sale]\n')
    dry = run(settings, "config", "apply", str(folder), "--dry-run")
    assert "add source till" in dry.output
    assert "draft and activate plan till" in dry.output
    assert "shop" not in dry.output
    assert dry.stdout == ""
    done = run(settings, "config", "apply", str(folder))
    name, key = done.stdout.split()
    door.platform.registry.refresh()
    credential = door.platform.registry.credential(key)
    assert name == "till"
    assert credential is not None
    assert credential.source.name == "till"
    again = run(settings, "config", "apply", str(folder))
    assert (again.stdout, again.stderr) == ("", "nothing to change\n")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["plan", "draft", "shop", "/nowhere/plan.toml"], "cannot be read"),
        (["plan", "activate", "shop"], "there is no plan named 'shop'; `cdp plan list`"),
        (["plan", "infer", "nobody"], "there is no source named 'nobody'"),
        (["config", "apply", "/nowhere"], "none of sources/, plans/, identity.toml"),
    ],
)
def test_what_goes_wrong_is_told_with_the_remedy(
    door: Door, settings: Settings, arguments: list[str], expected: str
) -> None:
    result = run(settings, *arguments, code=1)
    assert expected in result.output
    assert "Traceback" not in result.output
