"""How many profiles there are with a city, in a channel, of a source: counted by what profiles have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from projections.contract import Connected
from projections.search.request import Search

MOST_CITIES = 20

_FITTING = """
(%(city)s::text is null or city = %(city)s)
    and (%(channel)s::text is null or channels @> array[%(channel)s::text])
    and (%(source)s::text is null or sources @> array[%(source)s::text])
    and (%(place)s::text is null or places @> array[%(place)s::text])
"""
_COMBINATIONS = f"""
select combination, profiles
from search.combinations
where {_FITTING}
"""
ALL_FITTING = f"""
select city, channels, sources, profiles
from search.combinations
where {_FITTING}
"""
"""The combinations that fit a search, with how many profiles have each."""

_COUNTED = """
with counted as materialized (
    {counted}
),
by_place as materialized (
    select channels, sources, sum(profiles) as profiles
    from counted
    group by channels, sources
)
select 'total', '', coalesce(sum(profiles), 0)
from by_place
union all
select 'channel', channel, sum(profiles)
from by_place
cross join unnest(channels) as channel
group by channel
union all
select 'source', source, sum(profiles)
from by_place
cross join unnest(sources) as source
group by source
union all (
    select 'city', city, sum(profiles)
    from counted
    where city <> ''
    group by city
    order by sum(profiles) desc, city
    limit %(most)s
)
"""


@dataclass(frozen=True)
class Facets:
    """How many of the profiles found there are in each channel, of each source, and in the cities with the most."""

    channels: Mapping[str, int]
    sources: Mapping[UUID, int]
    cities: Mapping[str, int]


def fitting(search: Search) -> dict[str, Any]:
    """What a combination must have, as parameters."""
    source = str(search.source) if search.source else None
    place = f"{search.channel} {source}" if search.channel and source else None
    return {"city": search.folded_city, "channel": search.channel or None, "source": source, "place": place}


def fitting_combinations(connection: Connected, search: Search) -> dict[int, int]:
    """The combinations that fit a search, each with the number of profiles that have it."""
    return dict(connection.execute(_COMBINATIONS, fitting(search), prepare=False).fetchall())


def count_facets(connection: Connected, counted: str, parameters: Mapping[str, Any]) -> tuple[int, Facets]:
    """The total and the facets of `counted`, a statement that gives city, channels, sources and number of profiles."""
    found: dict[str, Counter[str]] = {"total": Counter(), "channel": Counter(), "source": Counter(), "city": Counter()}
    for facet, value, count in connection.execute(
        _COUNTED.format(counted=counted), {**parameters, "most": MOST_CITIES}
    ):
        found[facet][value] = int(count)
    total, channels, sources, cities = (dict(sorted(each.items(), key=_place)) for each in found.values())
    return total[""], Facets(channels, {UUID(source): count for source, count in sources.items()}, cities)


def _place(counted: tuple[str, int]) -> tuple[int, str]:
    value, count = counted
    return -count, value
