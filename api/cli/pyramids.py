"""`cdp sales pyramids`: definitions of customer value, in versions, and which is in force."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from api.cli.session import ACTOR, opened
from api.cli.text_file import read_text
from api.sales_pyramids import described_pyramid
from cdp.value.definition import read_definition
from cdp.value.pyramids import DEFAULT_NAME

app = typer.Typer(help="Definitions of value pyramids: versions, and which is in force.", no_args_is_help=True)

Name = Annotated[str, typer.Option("--name", help="which pyramid")]
Why = Annotated[str, typer.Option("--reason", help="why, for whoever asks later")]


@app.command("list")
def list_(name: Name = DEFAULT_NAME) -> None:
    """List a pyramid's versions, and who put which in force."""
    with opened() as platform:
        found = described_pyramid(platform.pyramids, name)
    table = Table("version", "what", "when", "who", "why")
    events = [(each, "drafted") for each in found["versions"]] + [(each, "activated") for each in found["activations"]]
    for each, what in sorted(events, key=lambda event: event[0]["at"]):
        who, why = (Text("(erased)", "dim") if each[key] is None else Text(each[key]) for key in ("actor", "reason"))
        table.add_row(f"{name}@{each['version']}", what, each["at"][:16], who, why)
    table.caption = f"{name}@{found['active']} is in force" if found["active"] else "no version is in force"
    Console().print(table)


@app.command()
def show(label: Annotated[str, typer.Argument(metavar="[NAME[@VERSION]]")] = DEFAULT_NAME) -> None:
    """Show a definition as TOML, the one in force unless a version is named."""
    with opened() as platform:
        defined = platform.pyramids.defined(label)
    typer.echo(f"# {defined.label}\n{defined.definition.toml()}", nl=False)


@app.command()
def draft(
    file: Annotated[str, typer.Argument(metavar="FILE", help="a TOML file, or - for standard input")],
    name: Name = DEFAULT_NAME,
    reason: Why = "",
) -> None:
    """Write a version down; figures go by it where it is named, or once it is activated."""
    definition = read_definition(read_text(file))
    with opened() as platform:
        drafted = platform.pyramids.draft(name, definition, actor=ACTOR, reason=reason)
    same = "" if drafted.new else " says the same already"
    Console().print(f"{name}@{drafted.number}{same}; next: cdp sales pyramid --pyramid {name}@{drafted.number}")


@app.command()
def activate(
    version: Annotated[int | None, typer.Argument(help="the last one if left out")] = None,
    name: Name = DEFAULT_NAME,
    reason: Why = "",
) -> None:
    """Put a version in force; an older one may come back."""
    with opened() as platform:
        active = platform.pyramids.activate(name, version, actor=ACTOR, reason=reason)
    Console().print(f"{name}@{active.number} {'is in force' if active.new else 'was in force already'}")
