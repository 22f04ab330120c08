"""Search over HTTP: profiles by name, identifier, city, channel, source and days, with counts."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from api.search_answers import SearchAnswer, search_answer
from api.security import Refused, platform_of, reading, refusals, require
from cdp.identity.normalise import InvalidIdentifier
from cdp.platform import Platform
from cdp.policy.naming import NotNamed, SeveralMeant
from projections.search.request import Days, InvalidCursor, InvalidSearch, Search

router = APIRouter(
    tags=["search"],
    dependencies=[Depends(require("search:read"))],
    responses=refusals(400, 401, 403, 404, 422, 503),
)

Plat = Annotated[Platform, Depends(platform_of)]
Day = Annotated[date | None, Query(description="a day in the platform's time zone, included")]


@router.get("/search")
def search(
    platform: Plat,
    name: Annotated[str, Query(description="beginnings of words of the name, in any order; marks do not matter")] = "",
    identifier: Annotated[str | None, Query(description="exactly this one: TYPE:VALUE or TYPE@NAMESPACE:VALUE")] = None,
    city: Annotated[str | None, Query(description="exactly this city; case and marks do not matter")] = None,
    channel: Annotated[str | None, Query(description="ever seen in this channel")] = None,
    source: Annotated[str | None, Query(description="ever seen by this source: its name or id")] = None,
    last_seen_from: Day = None,
    last_seen_to: Day = None,
    first_seen_from: Day = None,
    first_seen_to: Day = None,
    order: Annotated[Literal["last_seen", "name"], Query(description="the one seen last first, or by name")] = (
        "last_seen"
    ),
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(description="`next` of the page before, of the same search")] = None,
) -> SearchAnswer:
    """Profiles that fit everything given, with counts. What comes in between two pages repeats and hides nobody."""
    last_seen, first_seen = Days(last_seen_from, last_seen_to), Days(first_seen_from, first_seen_to)
    source_id = source_named(platform, source) if source else None
    try:
        wanted = Search(name, city, channel, source_id, last_seen, first_seen, order)
        with reading(platform) as connection:
            return search_answer(platform, connection, wanted, limit, cursor, identifier)
    except InvalidCursor as error:
        raise Refused(400, "invalid_cursor", str(error)) from error
    except InvalidSearch as error:
        raise Refused(422, "invalid", str(error)) from error
    except (NotNamed, InvalidIdentifier) as error:
        raise Refused(422, "invalid_identifier", str(error)) from error
    except SeveralMeant as error:
        raise Refused(422, "several_namespaces", str(error)) from error


def source_named(platform: Platform, named: str) -> UUID:
    """The id of the source with this name or id; refused where there is none."""
    for source in platform.registry.sources():
        if named in (source.name, str(source.id)):
            return source.id
    raise Refused(404, "source_not_found", f"there is no source {named!r}; `cdp source list` shows all")
