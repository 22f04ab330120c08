"""`cdp profile`: find a unified profile and show it, with the source of every field."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from api.cli.session import opened
from api.profile_answers import ProfileAnswer, found_profiles, profile_answer
from cdp.identity.profile_id import identifier_number
from projections.profiles.queries import current_id
from projections.reading import snapshot

app = typer.Typer(help="Find and show unified profiles.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")]


class NotOneIdentifier(Exception):
    """The command line does not name exactly one identifier."""

    def __init__(self, given: Sequence[str]) -> None:
        named = ", ".join(given) or "none"
        super().__init__(f"expected exactly one identifier, such as --email ada@example.com; got {named}")


class ProfileUnknown(Exception):
    """No profile is known by what was given."""

    def __init__(self, given: str) -> None:
        super().__init__(f"no profile is known by {given}; `cdp status` shows whether the projections are up to date")


@app.command()
def find(
    email: str | None = None,
    phone: str | None = None,
    user_id: str | None = None,
    anonymous_id: str | None = None,
    loyalty_card: str | None = None,
    household_card: str | None = None,
    device_id: str | None = None,
    other: Annotated[str | None, typer.Option(help="TYPE=VALUE for any other type of identifier")] = None,
    namespace: Annotated[str | None, typer.Option(help="only there, not in the namespaces of all sources")] = None,
    as_json: AsJson = False,
) -> None:
    """Find the profiles that an identifier leads to, and show them."""
    named = {
        "email": email,
        "phone": phone,
        "user_id": user_id,
        "anonymous_id": anonymous_id,
        "loyalty_card": loyalty_card,
        "household_card": household_card,
        "device_id": device_id,
    }
    given = {type_: value for type_, value in named.items() if value}
    if other:
        type_, _, value = other.partition("=")
        given[type_] = value
    if len(given) != 1:
        raise NotOneIdentifier(sorted(given))
    [(type_, value)] = given.items()
    with opened() as platform, snapshot(platform.databases.read) as connection:
        found = found_profiles(platform, connection, type_, value, namespace)
        if not found:
            raise ProfileUnknown(f"{type_} {value}")
        _print([profile_answer(platform, connection, each) for each in found], as_json)


@app.command()
def show(profile_id: Annotated[str, typer.Argument(metavar="ID")], as_json: AsJson = False) -> None:
    """Show a profile by its id; the id of one that was merged leads to the merged one."""
    number = identifier_number(profile_id)
    with opened() as platform, snapshot(platform.databases.read) as connection:
        present = current_id(connection, profile_id.strip().lower(), number)
        if present is None:
            raise ProfileUnknown(f"id {profile_id}")
        _print([profile_answer(platform, connection, present)], as_json)


def _print(profiles: Sequence[ProfileAnswer], as_json: bool) -> None:
    console = Console(soft_wrap=as_json)
    if as_json:
        shown = [profile.model_dump(mode="json") for profile in profiles]
        console.print_json(json.dumps(shown if len(shown) != 1 else shown[0]))
        return
    for profile in profiles:
        console.print(render_profile(profile))


def render_profile(profile: ProfileAnswer) -> RenderableType:
    """A profile for the terminal: identifiers, each field with its source, and what happened in each channel."""
    seen = f"{profile.touchpoints:,} touchpoints"
    if profile.first_seen and profile.last_seen:
        seen += f", {_day(profile.first_seen)} to {_day(profile.last_seen)}"
    parts = (_identifiers(profile), _fields(profile), _channels(profile))
    return Panel(Group(*parts), title=f"Profile {profile.id}", subtitle=seen, title_align="left", expand=False)


def _identifiers(profile: ProfileAnswer) -> Table:
    table = _table("identifier", "value", "known in")
    for each in profile.identifiers:
        value = Text("(erased)" if each.value is None else each.value, "dim" if each.blocked else "")
        table.add_row(each.type + (" (blocked)" if each.blocked else ""), value, each.namespace)
    return table


def _fields(profile: ProfileAnswer) -> Table:
    table = _table()
    table.add_column("field", max_width=16, overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("source", no_wrap=True)
    table.add_column("since", no_wrap=True)
    table.add_column("position", justify="right", no_wrap=True)
    table.add_column("other\nclaims", justify="right", no_wrap=True)
    for field in profile.fields:
        table.add_row(
            field.attribute,
            Text(_shown(field.value)),
            field.source.name,
            _day(field.effective_at),
            f"{field.position:,}",
            str(field.losing or ""),
        )
    return table


def _channels(profile: ProfileAnswer) -> Table:
    table = _table("channel")
    table.add_column("touchpoints", justify="right")
    table.add_column("first seen")
    table.add_column("last seen")
    for each in profile.channels:
        table.add_row(each.channel, f"{each.touchpoints:,}", _day(each.first_seen), _day(each.last_seen))
    return table


def _table(*columns: str) -> Table:
    return Table(*columns, box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", title=" ")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
