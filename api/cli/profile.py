"""`cdp profile`: find a unified profile and show it, now or at a past moment, with the source of every field."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

import typer
from pydantic import BaseModel
from rich.console import Console

from api.cli.profile_tables import render_difference, render_profile, render_timeline
from api.cli.session import opened
from api.point_in_time import point_in_time, read_moment
from api.profile_answers import found_groups, profile_answer, timeline_answer
from api.profile_difference import profile_difference
from api.profile_groups import GroupAt, ProfileReader
from api.profile_models import ProfileAnswer
from cdp.platform import Platform
from projections.reading import snapshot
from projections.timeline.queries import LATEST, Cursor, Filters, read_timeline

app = typer.Typer(help="Find and show unified profiles.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")]
AsOf = Annotated[str | None, typer.Option(help="What was true at this moment: a time or a day, ISO 8601.")]
KnownAt = Annotated[str | None, typer.Option(help="As known at this position of the log, or at this time.")]
Candidates = Annotated[bool, typer.Option("--candidates", help="Also what was claimed and lost, with why.")]
Id = Annotated[str, typer.Argument(metavar="ID", help="The id of a profile; of one that was merged, too.")]


class NotOneIdentifier(Exception):
    """The command line does not name exactly one identifier."""

    def __init__(self, given: Sequence[str]) -> None:
        named = ", ".join(given) or "none"
        super().__init__(f"expected exactly one identifier, such as --email ada@example.com; got {named}")


class ProfileUnknown(Exception):
    """No profile is known by what was given."""

    def __init__(self, given: str) -> None:
        super().__init__(f"no profile is known by {given}; `cdp status` shows whether the projections are up to date")


class SourceUnknown(Exception):
    """No source has this name."""

    def __init__(self, given: str) -> None:
        super().__init__(f"there is no source {given!r}; `cdp source list` shows all")


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
    as_of: AsOf = None,
    known_at: KnownAt = None,
    candidates: Candidates = False,
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
    with _asking(as_of, known_at) as reader:
        found = found_groups(reader, type_, value, namespace)
        if not found:
            raise ProfileUnknown(f"{type_} {value}")
        _print([profile_answer(reader, each) for each in found], as_json, candidates)


@app.command()
def show(
    profile_id: Id,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    candidates: Candidates = False,
    as_json: AsJson = False,
) -> None:
    """Show a profile by its id; the id of one that was merged leads to the merged one."""
    with _asking(as_of, known_at) as reader:
        _print([profile_answer(reader, _found(reader, profile_id))], as_json, candidates)


@app.command()
def diff(
    profile_id: Id,
    from_as_of: AsOf = None,
    from_known_at: KnownAt = None,
    to_as_of: AsOf = None,
    to_known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show what changed of a profile between two points in time; a side of which nothing is said is the present."""
    with opened() as platform, snapshot(platform.databases.read) as connection:
        sides = [(from_as_of, from_known_at, "from_"), (to_as_of, to_known_at, "to_")]
        before, after = [ProfileReader(platform, connection, point_in_time(platform, *side)) for side in sides]
        difference = profile_difference(before, after, profile_id)
        if difference is None:
            raise ProfileUnknown(f"id {profile_id}")
        if as_json:
            _print_json(difference)
        else:
            Console().print(render_difference(difference))


@app.command()
def timeline(
    profile_id: Id,
    channel: Annotated[list[str], typer.Option(help="Only these channels.")] = [],  # noqa: B006 - Typer copies it
    source: Annotated[list[str], typer.Option(help="Only these sources, by name.")] = [],  # noqa: B006
    name: Annotated[list[str], typer.Option(help="Only events of these names.")] = [],  # noqa: B006
    since: Annotated[str | None, typer.Option(help="What happened at this moment or later.")] = None,
    until: Annotated[str | None, typer.Option(help="What happened before this moment.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=500)] = 20,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before, from --json.")] = None,
    as_of: AsOf = None,
    known_at: KnownAt = None,
    as_json: AsJson = False,
) -> None:
    """Show the touchpoints of a profile, the latest first."""
    with _asking(as_of, known_at) as reader:
        platform = reader.platform
        zone = ZoneInfo(platform.settings.timezone)
        filters = Filters(
            channel,
            [_source(platform, each) for each in source],
            name,
            read_moment("since", since, zone) if since else None,
            read_moment("until", until, zone) if until else None,
        )
        found = _found(reader, profile_id)
        before = Cursor.parse(cursor) if cursor else LATEST
        page = read_timeline(reader.connection, found.members, limit, before, filters)
        answer = timeline_answer(platform, found, page)
        if as_json:
            _print_json(answer)
        else:
            Console().print(render_timeline(answer))


@contextlib.contextmanager
def _asking(as_of: str | None, known_at: str | None) -> Iterator[ProfileReader]:
    with opened() as platform, snapshot(platform.databases.read) as connection:
        yield ProfileReader(platform, connection, point_in_time(platform, as_of, known_at))


def _found(reader: ProfileReader, profile_id: str) -> GroupAt:
    found = reader.profile(profile_id)
    if found is None:
        raise ProfileUnknown(f"id {profile_id}" + ("" if reader.point.present else " at that point in time"))
    return found


def _source(platform: Platform, name: str) -> UUID:
    for source in platform.registry.sources():
        if name in (source.name, str(source.id)):
            return source.id
    raise SourceUnknown(name)


def _print(profiles: Sequence[ProfileAnswer], as_json: bool, candidates: bool) -> None:
    if as_json:
        _print_json(profiles[0] if len(profiles) == 1 else list(profiles))
        return
    for profile in profiles:
        Console().print(render_profile(profile, candidates))


def _print_json(answer: BaseModel | list[ProfileAnswer]) -> None:
    several = isinstance(answer, list)
    shown = [each.model_dump(mode="json") for each in (answer if isinstance(answer, list) else [answer])]
    Console(soft_wrap=True).print_json(json.dumps(shown if several else shown[0]))
