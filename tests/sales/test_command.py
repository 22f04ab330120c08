"""`cdp sales`: tables, drawings and files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.sales import bar
from cdp.settings import Settings
from tests.api.serving import served
from tests.sales.test_questions import TEA, bought


@pytest.fixture(scope="module")
def runner(module_settings: Settings) -> Iterator[CliRunner]:
    """A terminal of a platform with two orders."""
    with served(module_settings) as shop:
        shop.source("shop", "web")
        shop.send(
            "shop",
            bought("A-1", "2024-03-01T10:00:00Z", "u1", TEA),
            bought("A-2", "2024-04-01T10:00:00Z", "u1", TEA, TEA),
        )
        shop.project()
        platform = shop.platform
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("api.cli.sales.opened", lambda: contextlib.nullcontext(platform))
            yield CliRunner(env={"COLUMNS": "100"})


def run(runner: CliRunner, *arguments: str) -> str:
    result = runner.invoke(app, ["sales", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_table(runner: CliRunner) -> None:
    output = run(runner, "orders,gross,refund_rate", "--by", "month", "--where", "channel=web")
    assert "2024-03-01 │ TRY      │      1 │ 25.00 │      0.00 %" in output


def test_a_drawing(runner: CliRunner) -> None:
    lines = run(runner, "gross", "--by", "month", "--plot").splitlines()
    assert lines[0].count("█") == 20
    assert lines[1].count("█") == 40


def test_a_bar_is_exact_to_an_eighth() -> None:
    assert bar(Decimal(1)) == "█" * 40
    assert bar(Decimal("0.5") + Decimal("0.0125")) == "█" * 20 + "▌"
    assert bar(Decimal(0)) == ""


def test_a_file(runner: CliRunner, tmp_path: Path) -> None:
    run(runner, "gross", "--by", "month", "--format", "csv-tr", "--out", str(tmp_path / "sales.csv"))
    assert (tmp_path / "sales.csv").read_text("utf-8-sig").splitlines()[1] == "01.03.2024;TRY;25,00"
    assert "evidence" in run(runner, "gross", "--format", "json")


def test_all_measures_are_listed(runner: CliRunner) -> None:
    assert "aov" in run(runner, "--list")


def test_a_filter_without_a_value_is_refused(runner: CliRunner) -> None:
    result = runner.invoke(app, ["sales", "gross", "--where", "web"])
    assert result.exit_code == 1
    assert "expected a dimension and its value" in result.stderr
