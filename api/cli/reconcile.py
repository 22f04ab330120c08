"""`cdp reconcile`: proof that what projections show is what the archive gives in batch."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from api.cli.archive import FOLDER, Bar
from api.cli.session import opened
from pipelines.comparison import Columns, Difference
from pipelines.opening import WithVault
from pipelines.reconciliation import Reconciled, Reconciler, reconcilable
from pipelines.runner import Beam
from projections.contract import Surroundings


def reconcile(
    projection: Annotated[
        str | None, typer.Argument(help="one projection; without it all that can be compared")
    ] = None,
    folder: Annotated[Path | None, typer.Option(help="where the archive is; by default `archive` in CDP_HOME")] = None,
    options: Annotated[str, typer.Option(help="options for Apache Beam, such as another runner")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Compare every row of a projection with what batch makes of the archive; exit code 1 where any differs."""
    chosen = reconcilable(projection)
    with opened() as platform, Bar("archiving", None) as bar:
        zone = ZoneInfo(platform.settings.timezone)
        surroundings = Surroundings(zone, platform.vault.values, platform.policies)
        where = folder or platform.settings.home / FOLDER
        sides = (platform.databases.read, platform.reader, where)
        reconciler = Reconciler(*sides, surroundings, Beam(options), WithVault(platform.settings))
        found = [reconciler.reconcile(each, bar.report) for each in chosen]
    if as_json:
        typer.echo(msgspec.json.format(msgspec.json.encode([_described(each) for each in found]), indent=2).decode())
    else:
        _show(found)
    if any(each.differing for each in found):
        raise typer.Exit(1)


def _show(found: list[Reconciled]) -> None:
    console = Console(soft_wrap=True)
    for each in found:
        console.print(_table(each))
        for difference in each.differences:
            console.print(_line(each.projection, difference), highlight=False, markup=False)
        rows, count = sum(table.live_rows for table in each.tables), each.differing
        if unnamed := count - len(each.differences):
            console.print(f"{each.projection}: {unnamed:,} more rows that differ are not named")
        said = "equal" if not count else "1 row differs" if count == 1 else f"{count:,} rows differ"
        parked = f", {each.parked:,} parked events left out" if each.parked else ""
        console.print(f"{each.projection}: {said}, {rows:,} rows compared at position {each.position:,}{parked}")


def _table(reconciled: Reconciled) -> Table:
    title = f"{reconciled.projection} version {reconciled.version}"
    table = Table("table", "live rows", "batch rows", "differ", title=title, title_justify="left", box=SIMPLE)
    for column in table.columns[1:]:
        column.justify = "right"
    for each in reconciled.tables:
        colour = "bold red" if each.differing else ""
        table.add_row(each.table, f"{each.live_rows:,}", f"{each.batch_rows:,}", f"{each.differing:,}", style=colour)
    return table


def _line(projection: str, difference: Difference) -> str:
    """A row that differs, in one line: where it is, and what each side says of the columns that differ."""
    key = ", ".join(f"{name}={value}" for name, value in difference.key.items())
    return f"{projection}.{difference.table} {key}: {_contrast(difference)}"


def _contrast(difference: Difference) -> str:
    live, batch = difference.live, difference.batch
    if live is None:
        return f"missing live, batch has {_values(batch, None)}"
    if batch is None:
        return f"live has {_values(live, None)}, missing in batch"
    columns = difference.columns
    return f"live {_values(live, columns)}, batch {_values(batch, columns)}"


def _values(row: Columns | None, columns: list[str] | None) -> str:
    chosen = row or {}
    return ", ".join(f"{name}={chosen[name]}" for name in (columns or chosen))


def _described(reconciled: Reconciled) -> dict[str, Any]:
    return {
        "projection": reconciled.projection,
        "version": reconciled.version,
        "position": reconciled.position,
        "parked": reconciled.parked,
        "equal": not reconciled.differing,
        "tables": [
            {
                "table": each.table,
                "live_rows": each.live_rows,
                "batch_rows": each.batch_rows,
                "differing": each.differing,
                "differences": [
                    {"key": difference.key, "live": difference.live, "batch": difference.batch}
                    for difference in each.differences
                ],
            }
            for each in reconciled.tables
        ],
    }
