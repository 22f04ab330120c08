"""`cdp sales`: tables, drawings and files."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli.main import app
from api.cli.sales_tables import bar, limited
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
            for module in ("sales", "pyramids"):
                patch.setattr(f"api.cli.{module}.opened", lambda: contextlib.nullcontext(platform))
            yield CliRunner(env={"COLUMNS": "100"})


def run(runner: CliRunner, *arguments: str) -> str:
    result = runner.invoke(app, ["sales", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_a_table(runner: CliRunner) -> None:
    output = run(runner, "orders,gross,refund_rate", "--by", "month", "--where", "channel=web")
    assert "2024-03-01 │ TRY      │      1 │ 25.00 │      0.00 %" in output


def test_a_table_says_that_there_is_more_and_how_much_where_that_is_known(runner: CliRunner) -> None:
    assert "1 of 2 rows; --limit shows more" in run(runner, "gross", "--by", "channel,month", "--limit", "1")
    assert "--limit" not in run(runner, "gross", "--by", "month", "--limit", "2")
    assert limited(1_000, None) == "1,000 rows; there are more: --limit shows more"


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


def test_cohorts_are_a_triangle(runner: CliRunner) -> None:
    lines = run(runner, "cohorts", "--to", "2024-05-31").splitlines()
    assert next(line for line in lines if "2024-03-01" in line).split() == [
        *("│", "2024-03-01", "│", "1", "│", "100.0", "%", "│", "100.0", "%", "│", "0.0", "%", "│")
    ]
    spent = run(runner, "cohorts", "--to", "2024-05-31", "--show", "gross", "--plot")
    assert "██ 50.00" in spent


def test_segments_and_tiers_are_tables(runner: CliRunner, tmp_path: Path) -> None:
    assert "hibernating" in run(runner, "rfm", "--to", "2024-05-31")
    file = tmp_path / "value.toml"
    file.write_text('currency = "TRY"\n[coefficients]\nmoney = 0.1\n[tiers]\ngold = 7\n')
    assert "value@1; next" in run(runner, "pyramids", "draft", str(file), "--reason", "first")
    assert "in force" in run(runner, "pyramids", "activate")
    assert "1 is in force" in run(runner, "pyramids", "list").replace("@", "")
    assert 'gold = "7"' in run(runner, "pyramids", "show").replace('"gold"', "gold")
    row = next(line for line in run(runner, "pyramid", "--to", "2024-05-31").splitlines() if "gold" in line)
    assert row.replace(" %", "").split()[1::2] == ["value@1", "gold", "TRY", "1", "2", "75.00", "100.00", "100.00"]


def test_what_is_bought_together_and_what_a_promotion_did(runner: CliRunner) -> None:
    assert "nothing was found" in run(runner, "affinity")
    output = run(runner, "effect", "gross", "--from", "2024-04-01", "--to", "2024-04-30")
    assert "before" in output
    assert "during" in output
    assert "█" in run(runner, "effect", "gross", "--from", "2024-04-01", "--to", "2024-04-30", "--plot")


def test_the_touchpoints_behind_a_figure(runner: CliRunner) -> None:
    output = run(runner, "evidence", "gross", "--where", "tier=gold", "--limit", "1", "--to", "2024-05-31")
    assert "gross: 75" in output
    assert "more: --cursor" in output


def test_a_view_is_a_file(runner: CliRunner, tmp_path: Path) -> None:
    run(runner, "cohorts", "--to", "2024-05-31", "--format", "csv", "--out", str(tmp_path / "cohorts.csv"))
    assert (tmp_path / "cohorts.csv").read_text().startswith("cohort,currency,period,size,customers,gross,retention")


def test_an_unknown_column_of_cohorts_is_refused(runner: CliRunner) -> None:
    result = runner.invoke(app, ["sales", "cohorts", "aov", "--show", "net"])
    assert result.exit_code == 1
    assert "expected one of size, customers, aov, retention" in result.stderr
