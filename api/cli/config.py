"""`cdp config`: sources, plans and rules as files that can be reviewed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from api.cli.plan import show_changes
from api.cli.session import ACTOR, opened
from cdp.configuration.folder import read_folder, write_folder
from cdp.configuration.state import present, steps

app = typer.Typer(help="Sources, plans and rules as files that can be reviewed.", no_args_is_help=True)

Folder = Annotated[Path, typer.Argument(metavar="DIR", file_okay=False)]


@app.command()
def export(folder: Folder) -> None:
    """Write sources (never their keys), the plans in force and the rules in force to files."""
    with opened() as platform:
        written = write_folder(folder, present(platform))
    Console(soft_wrap=True).print(f"{len(written)} files in {folder}")


@app.command()
def apply(
    folder: Folder,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="only show what would change")] = False,
) -> None:
    """Bring about what the files say. What they do not name stays; a second time changes nothing."""
    wanted = read_folder(folder)
    console = Console(stderr=True, soft_wrap=True)
    with opened() as platform:
        planned = steps(platform, wanted)
        for step in planned:
            console.print(Text(f"{step.action} {step.name}", "bold"))
            show_changes(console, list(step.changes))
        if not planned:
            console.print("nothing to change")
        for step in () if dry_run else planned:
            done = step.carry_out(ACTOR)
            if done.write_key is not None:
                console.print(f"Write key of {step.name}, shown this once:")
                typer.echo(f"{step.name} {done.write_key}")
            if done.version is not None:
                console.print(f"{step.name}: version {done.version} is active")
