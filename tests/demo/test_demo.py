"""`cdp demo` from start to end, on a slice of the real data."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

pytest.importorskip("pyarrow", reason="the demo's real data are Parquet files; install the extra `demo`")

from api.cli import demo as command
from api.demo.complete_journey import CompleteJourney
from api.demo.packages import MissingPackage
from api.demo.shipments import Plan, plan
from api.demo.summary import SalesDiffer, check_sales
from cdp.ingest.outcomes import read_counts
from cdp.platform import Platform
from cdp.settings import Settings
from tests.demo.slice import sliced


@pytest.fixture
def planned(tmp_path: Path) -> Plan:
    try:
        journey = CompleteJourney.installed()
    except MissingPackage as error:
        pytest.skip(str(error))
    return plan(sliced(journey, tmp_path, lines=3_000), count=12)


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(record=True, width=200, force_terminal=False, quiet=False)
    monkeypatch.setattr(command, "_console", console)
    return console


@pytest.mark.slow
def test_a_demo_shows_its_figures_and_a_second_one_adds_nothing(home: Path, planned: Plan, console: Console) -> None:
    settings = Settings(home=home, port=0)
    with command.running(settings) as service, Platform.open(settings) as platform:
        command.show(platform, service.url, planned)
        first = console.export_text()
        head = platform.reader.head()
        command.show(platform, service.url, planned)
        second = console.export_text()
        assert platform.reader.head() == head
        counts = read_counts(platform.databases.log)
        with pytest.raises(SalesDiffer, match="cdp status"):
            check_sales(platform, planned.figures._replace(baskets=1))

    total = sum(shipment.total for shipment in planned.shipments)
    assert f"{planned.figures.sales:,}" in first
    assert planned.showcase.email in first
    assert {"store", "loyalty", "web", "email", "social", "call_center"} <= set(first.split())
    assert f"New: {total:,}." in first
    assert f"This demo added nothing: all {total:,} touchpoints were known already." in second
    assert all(each.balanced and each.accepted == each.duplicate for each in counts)
    assert sum(each.accepted for each in counts) == total


@pytest.mark.slow
def test_a_cdp_that_is_up_is_used(home: Path, planned: Plan, console: Console) -> None:
    settings = Settings(home=home, port=0)
    with command.running(settings) as own, command.running(settings) as found:
        assert own.ours
        assert found == command.Service(own.url, ours=False)
    assert "Using the cdp that is up" in console.export_text()
