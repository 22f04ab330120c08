"""`cdp projection`: how projections stand, what they left out, and building one anew."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from api.cli.session import opened
from api.projection_answers import ProjectionAnswer, parked_of, projection_of, projections_of
from cdp.platform import Platform
from projections.lag import FAILED
from projections.requests import REBUILD, RETRY, Request, ask_leader, read_requests

app = typer.Typer(help="Projections: how they stand, and building one anew.", no_args_is_help=True)

POLL_SECONDS = 0.2
PATIENCE = 60.0

Name = Annotated[str, typer.Argument(help="as `cdp projection list` shows it")]
Json = Annotated[bool, typer.Option("--json", help="for programs")]
Detach = Annotated[bool, typer.Option("--detach", help="only ask, do not wait for the end")]


class NoProjector(Exception):
    """Nobody does what was asked."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"no projector has taken up the request for {name} within {PATIENCE:.0f} seconds; it stays asked for. "
            "Start one with: cdp up (or cdp projector)"
        )


class BuildFailed(Exception):
    """The build was given up."""

    def __init__(self, answer: ProjectionAnswer) -> None:
        failure = answer.failure
        where = f" with {failure.error} on the event at position {failure.position:,}" if failure else ""
        super().__init__(
            f"building {answer.name} failed{where}; version {answer.version} is served as before. Mend the projection, "
            f"restart the projector, then: cdp projection rebuild {answer.name}"
        )


@app.command("list")
def list_(as_json: Json = False) -> None:
    """Show what is served, what is built, how far behind it is and what was left out."""
    with opened() as platform:
        answers = projections_of(platform)
    if as_json:
        typer.echo(json.dumps([answer.model_dump() for answer in answers], indent=2))
        return
    table = Table("projection", "state", "version", "position", "behind", "parked", "keys", box=SIMPLE)
    for column in table.columns[2:]:
        column.justify = "right"
    for each in answers:
        counts = (each.position, each.events_behind, each.parked, each.parked_keys)
        table.add_row(each.name, _state(each), str(each.version), *(f"{count:,}" for count in counts))
    Console().print(table)


def _state(answer: ProjectionAnswer) -> str:
    if answer.build is not None:
        share = answer.build.position / answer.build.head if answer.build.head else 1.0
        return f"building version {answer.build.version}: {share:.0%}"
    if answer.failure is not None:
        return f"[bold red]failed[/] at {answer.failure.position:,}: {answer.failure.error}"
    return answer.state


@app.command()
def parked(name: Name, as_json: Json = False) -> None:
    """Show the events that a projection left out, and why: positions and types of errors, no data."""
    with opened() as platform:
        answer = parked_of(platform, name)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
        return
    table = Table("position", "error", box=SIMPLE)
    for each in answer.events:
        table.add_row(f"{each.position:,}", each.error)
    console = Console()
    console.print(table)
    console.print(f"{answer.parked:,} events of {name} are parked")


@app.command()
def rebuild(name: Name, detach: Detach = False) -> None:
    """Build a projection anew, beside what is served, with those that require it; swap it in when it is complete."""
    _ask(name, REBUILD, detach)


@app.command()
def retry(name: Name, detach: Detach = False) -> None:
    """Take in what was parked, after the projection was mended and the projector restarted."""
    _ask(name, RETRY, detach)


def _ask(name: str, kind: str, detach: bool) -> None:
    console = Console()
    with opened() as platform:
        ask_leader(platform.databases.read, Request(name, kind))
        answer = projection_of(platform, name) if detach else _await(platform, name)
    if detach:
        console.print(f"asked for a {kind} of {name}; see: cdp projection list")
        return
    if answer.state == FAILED:
        raise BuildFailed(answer)
    left = f"; {answer.parked:,} events are still parked, see: cdp projection parked {name}" if answer.parked else ""
    console.print(f"{name} version {answer.version} is served, at position {answer.position:,}{left}")


def _await(platform: Platform, name: str) -> ProjectionAnswer:
    """Shows how far the build is until what was asked for is done. Raises `NoProjector` where nothing begins."""
    columns = (BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    began, moved = time.monotonic(), False
    with Progress(TextColumn(f"building {name}"), *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(name, total=None)
        while _asked(platform, name):
            answer = projection_of(platform, name)
            if answer.build is not None:
                moved = True
                bar.update(task, completed=answer.build.position, total=answer.build.head)
            if not moved and time.monotonic() - began > PATIENCE:
                raise NoProjector(name)
            time.sleep(POLL_SECONDS)
    return projection_of(platform, name)


def _asked(platform: Platform, name: str) -> bool:
    with platform.databases.read.connection() as connection:
        return any(request.projection == name for request in read_requests(connection))
