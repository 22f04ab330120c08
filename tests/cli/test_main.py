"""The `cdp` command: its subcommands load, help needs none of them, and an answer is no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import SUBCOMMANDS, app, load
from cdp.settings import Settings

RUN = CliRunner()


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_subcommand_loads_and_explains_itself(name: str) -> None:
    assert load(name).name == name
    shown = RUN.invoke(app, [name, "--help"])
    assert shown.exit_code == 0, shown.output
    assert f"Usage: cdp {name}" in shown.output or f"Usage: root {name}" in shown.output


def test_help_names_every_subcommand_and_imports_none() -> None:
    program = "import sys; from api.cli.main import app\ntry: app(['--help'])\nfinally: print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    for name in SUBCOMMANDS:
        assert f" {name} " in shown
    assert "fastapi" not in shown
    assert "psycopg" not in shown


def test_a_slip_gets_a_suggestion() -> None:
    shown = RUN.invoke(app, ["sorce", "list"])
    assert shown.exit_code == 2
    assert "source" in shown.output


def test_an_answer_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    shown = RUN.invoke(app, ["down"], env={"CDP_HOME": str(tmp_path), "CDP_PORT": "eighty"})
    assert shown.exit_code == 1
    assert "Error: CDP_PORT='eighty': expected a whole number" in shown.output
    assert "Traceback" not in shown.output


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(environ: object) -> Settings:
        raise KeyError("a bug")

    monkeypatch.setattr(Settings, "from_environment", broken)
    assert isinstance(RUN.invoke(app, ["down"]).exception, KeyError)
