"""`cdp source`: sources and their write keys."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from api.cli.session import ACTOR, opened
from api.descriptions import described_source
from cdp.setup import InvalidSetup
from cdp.sources.source import CHANNELS, TRUST

app = typer.Typer(help="Sources and their write keys.", no_args_is_help=True)


@app.command()
def add(
    name: Annotated[str, typer.Argument(help="a name of a-z, 0-9, '-', '_', '.'")],
    channel: Annotated[str, typer.Option(help=", ".join(CHANNELS))],
    namespace: Annotated[
        list[str] | None,
        typer.Option(metavar="TYPE=NAME", help="where identifiers of this type mean the same; may be repeated"),
    ] = None,
    brand: Annotated[str | None, typer.Option(help="the brand that its touchpoints belong to")] = None,
    trust: Annotated[str, typer.Option(help=f"{' or '.join(TRUST)}; public: the write key is in a browser")] = "server",
) -> None:
    """Set up a source and show its write key, once."""
    with opened() as platform:
        key = platform.sources.add(
            name, channel=channel, namespaces=_namespaces(namespace or []), brand=brand, trust=trust, actor=ACTOR
        )
    _show_key(name, key)


@app.command("list")
def list_() -> None:
    """List all sources."""
    with opened() as platform:
        sources = [described_source(source) for source in platform.registry.sources()]
    table = Table("source", "channel", "brand", "trust", "state", "created by")
    for each in sources:
        state = "disabled" if each["disabled"] else "active"
        table.add_row(each["name"], each["channel"], each["brand"] or "", each["trust"], state, each["created_by"])
    Console().print(table)


@app.command()
def show(name: str) -> None:
    """Show a source with the ids of its write keys."""
    with opened() as platform:
        source = described_source(platform.sources.get(name))
    table = Table(show_header=False, box=None)
    for field, value in source.items():
        if field == "write_keys":
            value = "\n".join(_key_line(key["id"], key["valid_until"]) for key in value)
        elif field == "namespaces":
            value = ", ".join(f"{type_}={namespace}" for type_, namespace in value.items())
        table.add_row(field.replace("_", " "), "" if value is None else str(value))
    Console().print(table)


@app.command()
def rotate_key(
    name: str,
    grace: Annotated[float, typer.Option(help="hours for which the old key stays valid")] = 24.0,
) -> None:
    """Give a source a new write key and show it, once."""
    with opened() as platform:
        key = platform.sources.rotate_key(name, actor=ACTOR, grace=timedelta(hours=grace))
    _show_key(name, key)
    Console().print(f"The old key is valid for {grace:g} hours more.")


@app.command()
def disable(name: str) -> None:
    """Refuse a source's write keys from now on; what it delivered stays."""
    with opened() as platform:
        platform.sources.disable(name, actor=ACTOR)
    Console().print(f"Source {name} is disabled.")


def _namespaces(options: list[str]) -> dict[str, str]:
    found = {}
    for option in options:
        type_, _, namespace = option.partition("=")
        if not type_ or not namespace:
            raise InvalidSetup(f"--namespace {option!r} cannot be read; expected TYPE=NAME such as loyalty_card=club")
        found[type_] = namespace
    return found


def _key_line(credential_id: str, valid_until: str | None) -> str:
    return f"{credential_id} until {valid_until}" if valid_until else credential_id


def _show_key(name: str, key: str) -> None:
    """The key alone goes to standard output, so that a shell can catch it."""
    Console(stderr=True).print(f"Write key of {name}, shown this once:")
    typer.echo(key)
