"""`cdp token`: service tokens, which open the query API."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli.session import ACTOR, opened
from api.descriptions import described_token
from cdp.access import SCOPES

app = typer.Typer(help="Service tokens, which open the query API.", no_args_is_help=True)


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="a name of a-z, 0-9, '-', '_', '.'")],
    scope: Annotated[list[str], typer.Option(help=f"what it may do, repeated: {', '.join(SCOPES)}")],
) -> None:
    """Make a service token and show it, once."""
    with opened() as platform:
        secret = platform.tokens.create(name, scopes=scope, actor=ACTOR)
    Console(stderr=True).print(f"Service token {name}, shown this once:")
    typer.echo(secret)


@app.command("list")
def list_() -> None:
    """List all service tokens."""
    with opened() as platform:
        tokens = [described_token(token) for token in platform.registry.tokens()]
    table = Table("token", "scopes", "state", "created by")
    for each in tokens:
        state = "revoked" if each["revoked"] else "active"
        table.add_row(each["name"], ", ".join(each["scopes"]), state, each["created_by"])
    Console().print(table)


@app.command()
def revoke(name: str) -> None:
    """Refuse a token from now on."""
    with opened() as platform:
        platform.tokens.revoke(name, actor=ACTOR)
    Console().print(f"Token {name} is revoked.")
