"""`cdp search`: profiles by name, identifier, city, channel, source and days, with counts."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from api.cli.session import opened
from api.search_answers import FacetValue, SearchAnswer, search_answer
from cdp.platform import Platform
from projections.reading import snapshot
from projections.search.request import LAST_SEEN, ORDERS, Days, InvalidSearch, Search

_DAY = "%Y-%m-%d"
Day = Annotated[datetime | None, typer.Option(formats=[_DAY], help="a day in the platform's time zone, included")]


class SourceUnknown(LookupError):
    """No source has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no source {name!r}; `cdp source list` shows all")


def search(
    name: Annotated[str, typer.Argument(help="beginnings of words of the name, in any order, without marks")] = "",
    identifier: Annotated[str | None, typer.Option(help="TYPE:VALUE, exactly; TYPE@NAMESPACE:VALUE says where")] = None,
    city: Annotated[str | None, typer.Option(help="exactly this city, without marks")] = None,
    channel: Annotated[str | None, typer.Option(help="ever seen in this channel")] = None,
    source: Annotated[str | None, typer.Option(help="ever seen by this source")] = None,
    last_seen_from: Day = None,
    last_seen_to: Day = None,
    first_seen_from: Day = None,
    first_seen_to: Day = None,
    order: Annotated[str, typer.Option(help=" or ".join(ORDERS))] = LAST_SEEN,
    limit: Annotated[int, typer.Option(min=1, max=200)] = 20,
    cursor: Annotated[str | None, typer.Option(help="`next` of the page before, of the same search")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as the API answers it.")] = False,
) -> None:
    """Find profiles, and count those that fit by channel, source and city."""
    if order not in ORDERS:
        raise InvalidSearch(f"{order!r} is no order; expected {' or '.join(ORDERS)}")
    last_seen, first_seen = _days(last_seen_from, last_seen_to), _days(first_seen_from, first_seen_to)
    with opened() as platform, snapshot(platform.databases.read) as connection:
        source_id = _source(platform, source) if source else None
        wanted = Search(name, city, channel, source_id, last_seen, first_seen, order)
        answer = search_answer(platform, connection, wanted, limit, cursor, identifier)
    if as_json:
        typer.echo(answer.model_dump_json(indent=2))
    else:
        Console().print(render_search(answer))


def render_search(answer: SearchAnswer) -> RenderableType:
    """The profiles found, how many there are, and what they have in common."""
    parts: list[RenderableType] = [_profiles(answer)]
    if answer.total is not None and answer.facets is not None:
        at_least = "" if answer.exact else "at least "
        parts.append(Text(f"\n{at_least}{answer.total:,} profiles", "bold"))
        for facet, values in answer.facets:
            parts.append(Text(f"{facet}: {_counted(values)}"))
    if answer.next:
        parts.append(Text(f"\nmore with --cursor {answer.next}", "dim", overflow="fold"))
    return Group(*parts)


def _profiles(answer: SearchAnswer) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("profile", "last seen", "name", "city", "channels"):
        table.add_column(heading, no_wrap=heading in ("profile", "last seen"), overflow="fold")
    for each in answer.profiles:
        name, city = Text(each.name or "", overflow="fold"), Text(each.city or "")
        table.add_row(each.id, f"{each.last_seen}", name, city, ", ".join(each.channels))
    return table


def _counted(values: list[FacetValue]) -> str:
    return ", ".join(f"{each.value} {each.profiles:,}" for each in values) or "none"


def _days(first: datetime | None, last: datetime | None) -> Days:
    return Days(_date(first), _date(last))


def _date(day: datetime | None) -> date | None:
    return day.date() if day else None


def _source(platform: Platform, name: str) -> UUID:
    for source in platform.registry.sources():
        if name in (source.name, str(source.id)):
            return source.id
    raise SourceUnknown(name)
