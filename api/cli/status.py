"""`cdp status`: the books of every source, the log's head, and how far the projections are behind."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console, Group, RenderableType
from rich.table import Table

from api.cli.session import opened
from api.descriptions import described_status
from cdp.ingest.outcomes import OUTCOMES
from cdp.platform import Platform


def status(
    as_json: Annotated[bool, typer.Option("--json", help="for programs")] = False,
) -> None:
    """Show what was received and what became of it."""
    with opened() as platform:
        state = described_status(platform)
    if as_json:
        typer.echo(json.dumps(state, default=str, indent=2))
    else:
        Console().print(render_status(state))


def status_of(platform: Platform) -> RenderableType:
    """The present state, ready to print."""
    return render_status(described_status(platform))


def render_status(state: dict[str, Any]) -> RenderableType:
    """Tables of a state as `described_status` gives it."""
    return Group(_books(state["sources"]), _projections(state), f"log at position {state['log']['position']:,}")


def _books(sources: list[dict[str, Any]]) -> Table:
    """The equation of each source; headings on two lines, so that it fits a terminal of 80 columns."""
    headings = ("received", "", "accept-\ned", "dupli-\ncate", "quaran-\ntined", "suppres-\nsed", "dis-\ncarded")
    table = Table("source", *headings, title="received = " + " + ".join(OUTCOMES), box=SIMPLE, padding=(0, 1, 0, 0))
    for column in table.columns:
        column.no_wrap = True
    for column in table.columns[1:]:
        column.justify = "right"
    for each in sources:
        amounts = [f"{each[outcome]:,}" for outcome in OUTCOMES]
        equals = "=" if each["balanced"] else "[bold red]≠[/]"
        table.add_row(each["source"], f"{each['received']:,}", equals, *amounts)
    return table


def _projections(state: dict[str, Any]) -> Table:
    table = Table("projection", "version", "position", "behind", "seconds", "parked", box=SIMPLE, padding=(0, 1, 0, 0))
    for each in state["projections"]:
        row = (each["version"], each["position"], each["events"], round(each["seconds"], 1), each["parked"])
        table.add_row(each["projection"], *(f"{value:,}" for value in row))
    return table
