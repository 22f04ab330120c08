"""The commands, and everything that `docs/pipelines.md` shows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from cdp.platform import Platform
from cdp.settings import Settings
from pipelines.archive.form import SCHEMA
from pipelines.archive.manifest import Manifest
from projections.contract import Surroundings
from projections.discovery import found_projections
from projections.engine import Engine
from tests.ingest.door import Door, track
from tests.projections.world import catch_up

pytest.importorskip("apache_beam", reason="pipelines need the extra `pipelines`")

DOCUMENT = (Path(__file__).parents[2] / "docs" / "pipelines.md").read_text()
BLOCKS = dict(re.findall(r"```(sql|console)\n(.*?)```", DOCUMENT, re.DOTALL))


@pytest.fixture
def platform(settings: Settings) -> Iterator[Platform]:
    """A platform with two orders, of which one was refunded in part, and a household; projections have seen all."""
    with Platform.open(settings) as platform:
        door = Door(platform)
        lines = [{"product_id": "tea", "price": "12.50", "quantity": 2}, {"product_id": "cup", "price": "5"}]
        first = {"order_id": "1", "total": "30.00", "currency": "TRY", "products": lines}
        second = {"order_id": "2", "total": "5.00", "currency": "TRY", "products": lines[1:]}
        refund = {"order_id": "1", "total": "12.50", "currency": "TRY", "reason": "broken"}
        door.send(track("m1", properties=first), track("m2", properties=second))
        door.send(track("m3", "Order Refunded", properties=refund))
        door.send(
            {"type": "group", "groupId": "h1", "userId": "42", "messageId": "m4", "traits": {"name": "Blue door"}}
        )
        surroundings = Surroundings(ZoneInfo(settings.timezone), platform.vault.values, platform.policies)
        with platform.databases.read.connection() as connection:
            catch_up(Engine(connection, platform.reader, platform.opener, found_projections(), surroundings))
        yield platform


def run(settings: Settings, *arguments: str) -> Result:
    return CliRunner(env={**settings.environment(), "COLUMNS": "100"}).invoke(app, arguments)


@pytest.mark.slow
def test_archive_verify_and_reconcile(platform: Platform, settings: Settings) -> None:
    # Given an archive that was written, and written again
    written, again = run(settings, "archive"), run(settings, "archive")
    assert "were written" in written.output
    assert "nothing was new" in again.output
    assert "every byte is the log's" in run(settings, "archive", "--verify").output
    # Then live equals batch for everything that can be compared
    equal = run(settings, "reconcile", "--json")
    assert equal.exit_code == 0, equal.output
    found = {each["projection"]: each for each in json.loads(equal.output)}
    assert found.keys() == {"accounts", "sales", "timeline"}
    assert all(each["equal"] for each in found.values())
    # And a row that was altered by hand is named
    with platform.databases.read.connection() as connection:
        connection.execute("update timeline.touchpoints set summary = 'nothing' where name = 'Order Refunded'")
    altered = run(settings, "reconcile", "timeline")
    assert altered.exit_code == 1
    assert "live summary=nothing, batch summary=12.50 TRY · reason broken" in altered.output
    assert "timeline: 1 row differs, 4 rows compared" in altered.output


@pytest.mark.slow
def test_the_documented_output(platform: Platform, settings: Settings) -> None:
    command, _, output = BLOCKS["console"].partition("\n")

    shown = run(settings, *command.removeprefix("$ cdp ").split())

    assert [line.rstrip() for line in shown.output.splitlines()] == output.splitlines()


def test_the_documented_query(platform: Platform, settings: Settings) -> None:
    # Given an archive in which one file is superseded by another with the same orders
    run(settings, "archive")
    platform.sources.add("tills", channel="store", actor="test")
    run(settings, "archive")
    assert len(list((settings.home / "archive").glob("*.parquet"))) == 2

    query = BLOCKS["sql"].replace("'archive/", f"'{settings.home}/archive/")

    assert duckdb.connect().execute(query).fetchall() == [("web", "TRY", 2, Decimal("35.00"))]


def test_a_segment_can_be_written_anew(platform: Platform, settings: Settings) -> None:
    run(settings, "archive")

    assert ".parquet is new" in run(settings, "archive", "--rewrite", "2").output
    missing = run(settings, "archive", "--rewrite", "999")
    assert missing.exit_code == 1
    assert "position 999 is not in the archive" in missing.output


@pytest.mark.parametrize("name", [*SCHEMA.names, *Manifest.__struct_fields__])
def test_every_column_and_field_is_documented(name: str) -> None:
    assert f"`{name}`" in DOCUMENT
