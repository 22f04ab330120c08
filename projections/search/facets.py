"""How many profiles there are with a city, in a channel, of a source: counted by what profiles have in common."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from projections.contract import Connected
from projections.search.request import Search

MOST_CITIES = 20

_MATCHING = """
select combination, profiles
from search.combinations
where (%(city)s::text is null or city = %(city)s)
    and (%(channel)s::text is null or exists (
        select
        from unnest(places) as place
        where split_part(place, ' ', 1) = %(channel)s
            and (%(source)s::text is null or split_part(place, ' ', 2) = %(source)s)
    ))
    and (%(source)s::text is null or exists (
        select
        from unnest(places) as place
        where split_part(place, ' ', 2) = %(source)s
    ))
"""
_COUNTED = """
with counted as materialized (
    select city, places, sum(counted.profiles)::bigint as profiles
    from unnest(%(combinations)s::bigint[], %(profiles)s::bigint[]) as counted (combination, profiles)
    join search.combinations
        using (combination)
    group by city, places
),
channels as (
    select channel, sum(profiles)
    from counted
    cross join lateral (
        select distinct split_part(place, ' ', 1) as channel
        from unnest(places) as place
    ) as seen
    group by channel
),
sources as (
    select source, sum(profiles)
    from counted
    cross join lateral (
        select distinct split_part(place, ' ', 2) as source
        from unnest(places) as place
    ) as seen
    group by source
),
cities as (
    select city, sum(profiles)
    from counted
    where city <> ''
    group by city
    order by sum(profiles) desc, city
    limit %(most)s
)
select 'channel', * from channels
union all
select 'source', * from sources
union all
select 'city', * from cities
"""


@dataclass(frozen=True)
class Facets:
    """How many of the profiles found there are in each channel, of each source, and in the cities with the most."""

    channels: Mapping[str, int]
    sources: Mapping[UUID, int]
    cities: Mapping[str, int]


def matching_combinations(connection: Connected, search: Search) -> dict[int, int]:
    """The combinations that fit a search, each with the number of profiles that have it."""
    chosen = {
        "city": search.folded_city,
        "channel": search.channel,
        "source": str(search.source) if search.source else None,
    }
    return dict(connection.execute(_MATCHING, chosen).fetchall())


def count_facets(connection: Connected, profiles: Mapping[int, int]) -> Facets:
    """The facets of profiles that are counted by combination. The most frequent come first."""
    chosen = {"combinations": list(profiles), "profiles": list(profiles.values()), "most": MOST_CITIES}
    counted: dict[str, Counter[str]] = {"channel": Counter(), "source": Counter(), "city": Counter()}
    for facet, value, count in connection.execute(_COUNTED, chosen):
        counted[facet][value] = int(count)
    channels, sources, cities = (dict(sorted(each.items(), key=_place)) for each in counted.values())
    return Facets(channels, {UUID(source): count for source, count in sources.items()}, cities)


def _place(counted: tuple[str, int]) -> tuple[int, str]:
    value, count = counted
    return -count, value
