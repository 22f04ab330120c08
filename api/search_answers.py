"""What a search answers, over HTTP and on the command line: profiles at a glance, how many there are, and facets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from uuid import UUID

from pydantic import BaseModel, Field

from api.profile_answers import SourceNamed, source_names
from cdp.platform import Platform
from cdp.policy.naming import IdentifierUnknown, Naming
from projections.contract import Connected
from projections.profiles.queries import holders
from projections.search.queries import Count, Found, Searcher
from projections.search.request import Cursor, Search


class FoundProfile(BaseModel):
    """A profile at a glance; `GET /api/profiles/{id}` says the rest."""

    id: str
    name: str | None
    city: str | None = Field(description="in the form in which it is compared: folded, without marks")
    channels: list[str] = Field(description="in which it was ever seen")
    sources: list[SourceNamed]
    first_seen: date
    last_seen: date


class FacetValue(BaseModel):
    """How many of the profiles found have this."""

    value: str
    profiles: int


class FacetsAnswer(BaseModel):
    """The profiles found by what they have in common, the most frequent first."""

    channel: list[FacetValue]
    source: list[FacetValue]
    city: list[FacetValue] = Field(description="the 20 most frequent")


class SearchAnswer(BaseModel):
    """A page of the profiles found. Total and facets are those of the whole search and come with its first page."""

    profiles: list[FoundProfile]
    total: int | None
    exact: bool | None = Field(description="whether total and facets are exact; if not, there are at least as many")
    facets: FacetsAnswer | None
    next: str | None = Field(description="the cursor of the next page; null on the last one")


def search_answer(
    platform: Platform,
    connection: Connected,
    search: Search,
    limit: int,
    cursor: str | None = None,
    identifier: str | None = None,
) -> SearchAnswer:
    """A page. `identifier` names one as `TYPE:VALUE`; then only the profiles are looked at that it leads to.

    Raises `InvalidSearch`, `InvalidCursor`, and what `Naming.find` raises for a name that it cannot read.
    """
    if identifier:
        search = replace(search, profiles=tuple(_holders(platform, connection, identifier)))
    searcher = Searcher(connection, search, Cursor.parse(cursor, search.order) if cursor else None)
    page = searcher.page(limit)
    count = None if cursor else searcher.count()
    return SearchAnswer(
        profiles=[_found(platform, each) for each in page.profiles],
        total=count.total if count else None,
        exact=count.exact if count else None,
        facets=_facets(platform, count) if count else None,
        next=str(page.next) if page.next else None,
    )


def _holders(platform: Platform, connection: Connected, identifier: str) -> list[str]:
    naming = Naming(platform.vault, platform.registry, platform.settings.default_region)
    try:
        return holders(connection, naming.find(identifier).number)
    except IdentifierUnknown:
        return []


def _found(platform: Platform, found: Found) -> FoundProfile:
    named = source_names(platform)
    return FoundProfile(
        id=found.profile,
        name=found.name,
        city=found.city or None,
        channels=found.channels,
        sources=[named(source) for source in found.sources],
        first_seen=found.first_seen,
        last_seen=found.last_seen,
    )


def _facets(platform: Platform, count: Count) -> FacetsAnswer:
    named = source_names(platform)
    return FacetsAnswer(
        channel=_values(count.facets.channels),
        source=_values(_by_name(count.facets.sources, {source: named(source).name for source in count.facets.sources})),
        city=_values(count.facets.cities),
    )


def _by_name(counts: Mapping[UUID, int], names: Mapping[UUID, str]) -> dict[str, int]:
    return {names[source]: count for source, count in counts.items()}


def _values(counts: Mapping[str, int]) -> list[FacetValue]:
    return [FacetValue(value=value, profiles=count) for value, count in counts.items()]
