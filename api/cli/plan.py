"""`cdp plan`: what a source may send, event by event."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.session import ACTOR, opened
from api.plan_answers import described_plan, difference, proposal
from cdp.plans.comparison import Change, Effect
from cdp.plans.document import MODES, InvalidPlan, PlanDocument
from cdp.plans.seen import LAST
from cdp.plans.toml_form import read_plan, write_plan

app = typer.Typer(help="Tracking plans: what a source may send, event by event.", no_args_is_help=True)

Source = Annotated[str, typer.Argument(metavar="SOURCE")]
Last = Annotated[int, typer.Option(min=1, help="how many of its last touchpoints to look at")]

_SHOWN = 60
"""How much of a value is shown."""


@app.command()
def infer(source: Source, last: Last = LAST) -> None:
    """Propose a plan from what a source sent: TOML to review, on standard output."""
    with opened() as platform:
        found = proposal(platform, source, last)
    heading = (
        f"Tracking plan of the source {source}, proposed from what it sent: review it.\n"
        "business facts are stored in the clear; give what says something of a person a class instead."
    )
    typer.echo(write_plan(found.document, heading, found.notes), nl=False)
    Console(stderr=True).print(f"{len(found.document.events)} events; next: cdp plan draft {source} FILE")


@app.command()
def draft(source: Source, file: Annotated[str, typer.Argument(help="a TOML file, or - for standard input")]) -> None:
    """Write a version of a plan down; nothing is judged by it before it is activated."""
    document = _read(file)
    with opened() as platform:
        drafted = platform.plans.draft(source, document, actor=ACTOR)
    same = "" if drafted.new else ", which says the same"
    Console().print(
        f"{source}: version {drafted.number}{same}; next: cdp plan diff {source}, cdp plan activate {source}"
    )


@app.command()
def diff(
    source: Source,
    with_: Annotated[str | None, typer.Option("--with", metavar="FILE", help="else the last version")] = None,
    last: Last = LAST,
) -> None:
    """Show what a file, or the last version, would change against the plan in force, and what it would flag."""
    document = None if with_ is None else _read(with_)
    with opened() as platform:
        changes, found, _ = difference(platform, source, document, last)
    console = Console(soft_wrap=True)
    show_changes(console, changes)
    _show_effect(console, found)


@app.command()
def activate(
    source: Source,
    version: Annotated[int | None, typer.Argument(help="the last one if left out")] = None,
    mode: Annotated[str | None, typer.Option(help=f"{', '.join(MODES)}; else as drafted")] = None,
) -> None:
    """Put a version in force; an older one may come back."""
    with opened() as platform:
        active = platform.plans.activate(source, version, mode=mode, actor=ACTOR)
    Console().print(f"{source}: version {active.number} is active, mode {active.mode}")


@app.command()
def mode(source: Source, mode: Annotated[str, typer.Argument(help=", ".join(MODES))]) -> None:
    """Choose what becomes of violations: off, warn (accepted, flagged) or block (to quarantine)."""
    with opened() as platform:
        active = platform.plans.set_mode(source, mode, actor=ACTOR)
    Console().print(f"{source}: version {active.number} is active, mode {active.mode}")


@app.command()
def show(
    source: Source, version: Annotated[int | None, typer.Argument(help="the one in force if left out")] = None
) -> None:
    """Show a version of a plan as TOML."""
    with opened() as platform:
        document = platform.plans.document(source, version)
    typer.echo(write_plan(document, f"Tracking plan of the source {source}."), nl=False)


@app.command("list")
def list_() -> None:
    """List all plans."""
    with opened() as platform:
        plans = [described_plan(plan) for plan in platform.registry.tracking_plans()]
    table = Table("source", "active", "mode", "versions", "changed")
    for each in plans:
        active = "none" if each["active"] is None else str(each["active"])
        table.add_row(each["source"], active, each["mode"] or "", str(len(each["versions"])), each["changed_at"][:16])
    Console().print(table)


def show_changes(console: Console, changes: list[Change]) -> None:
    """One line for each change, under the names of the events."""
    if not changes:
        console.print("nothing changes in the plan")
    event: str | None = None
    for each in changes:
        if each.event != event:
            event = each.event
            console.print(Text(event or "", "bold"))
        console.print(_line(each))


def _line(change: Change) -> Text:
    indent = "" if change.event is None else "  "
    if change.before is None:
        return Text(f"{indent}+ {change.path}: {_short(change.after)}", "green")
    if change.after is None:
        return Text(f"{indent}- {change.path}: {_short(change.before)}", "red")
    return Text(f"{indent}~ {change.path}: {_short(change.before)} → {_short(change.after)}", "yellow")


def _short(value: str | None) -> str:
    text = value or ""
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _show_effect(console: Console, effect: Effect) -> None:
    console.print(f"Of the last {effect.looked_at:,} touchpoints {effect.total:,} would be flagged.")
    if effect.unknown:
        console.print(f"{effect.unknown:,} can no longer be read in full, as keys of theirs are destroyed.")
    for event, flags in effect.flagged.items():
        console.print(Text(f"  {event}: " + ", ".join(f"{count:,} {flag}" for flag, count in flags.items())))


def _read(file: str) -> PlanDocument:
    if file == "-":
        return read_plan(sys.stdin.read())
    try:
        return read_plan(Path(file).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidPlan(f"{file} cannot be read: {error}; expected a TOML file in UTF-8") from None
