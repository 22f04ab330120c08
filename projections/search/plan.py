"""The statements of a search, put together from its conditions.

Conditions on a profile are scalar subqueries, which are always carried out profile by profile, by key, and only until
the page is full: a plan that first reads a whole table would be as slow as the table is long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from projections.search.request import LAST_SEEN, Search

FEW = 10_000
"""Profiles that are looked up one by one."""

LOOKED_AT = 20_000
"""Rows that are gone through for a page, and for a count."""

WORDS = """
select count(*)
from (
    select
    from search.words
    where word >= %(from)s
        and word < %(to)s
    limit %(few)s
) as found
"""
DAYS = """
select count(*)
from (
    select
    from search.days
    where day >= coalesce(%(from)s::date, '-infinity')
        and day <= coalesce(%(to)s::date, 'infinity')
    limit %(few)s
) as found
"""

_FIRST = "(select min(day) from search.days where days.profile = looked.profile and position <= %(position)s)"
_LAST = "(select max(day) from search.days where days.profile = looked.profile and position <= %(position)s)"
_COMBINATION = "(select combination from search.people where people.profile = looked.profile)"
_WORDS = "(select words from search.names where names.profile = looked.profile)"

_CANDIDATES = {
    "given": "select unnest(%(profiles)s::text[]) as profile",
    "word": """
        select distinct profile
        from search.words
        where word >= %(word_{place})s
            and word < %(end_{place})s
    """,
    "combination": """
        select profile
        from search.people
        where combination = any(%(combinations)s::bigint[])
    """,
    "last_seen": """
        select distinct profile
        from search.days
        where day >= %(last_from)s::date
            and day <= %(last_to)s::date
            and position <= %(position)s
    """,
    "first_seen": """
        select distinct profile
        from search.days
        where day >= %(first_from)s::date
            and day <= %(first_to)s::date
            and position <= %(position)s
    """,
}

_BY_DAY = """
    select profile, day
    from search.days
    where position <= %(position)s
        and (day, profile) < (%(after_key)s::date, %(after_profile)s)
        and day >= %(last_from)s::date
        and day <= %(last_to)s::date
    order by day desc, profile desc
"""
_BY_NAME = """
    select profile, key
    from search.names
    where (key, profile) > (%(after_key)s, %(after_profile)s)
    order by key, profile
"""


class Candidates(NamedTuple):
    """The condition that few profiles fit: `given`, `word` (which one), `combination`, `last_seen` or `first_seen`."""

    kind: str
    place: int = 0

    @property
    def profiles(self) -> str:
        """The statement that gives the profiles that fit it."""
        return _CANDIDATES[self.kind].format(place=self.place)


class Statements:
    """What is asked of the database for a search; `candidates` is the condition that few fit, None if there is none."""

    def __init__(self, search: Search, candidates: Candidates | None) -> None:
        self._search = search
        self._candidates = candidates

    @property
    def by_candidates(self) -> bool:
        """Whether the profiles of one condition are looked up, so that all that fit are counted."""
        return self._candidates is not None

    @property
    def page(self) -> str:
        """The profiles of a page, with the name's key."""
        fitting = self._fitting_candidates(self._candidates) if self._candidates else self._fitting_in_order()
        order = "last_day desc, profile desc" if self._search.order == LAST_SEEN else "key, profile"
        return f"""
            with fitting as materialized (
                {fitting}
            )
            select profile, name, city, places, first_day, last_day, key
            from fitting
            cross join lateral (
                select
                    (
                        select min(day)
                        from search.days
                        where days.profile = fitting.profile
                            and position <= %(position)s
                    ) as first_day,
                    (
                        select max(day)
                        from search.days
                        where days.profile = fitting.profile
                            and position <= %(position)s
                    ) as last_day,
                    (select name from search.names where names.profile = fitting.profile) as name,
                    (select key from search.names where names.profile = fitting.profile) as key
                offset 0
            ) as said
            join search.people
                using (profile)
            order by {order}
        """

    @property
    def counts(self) -> str:
        """How many fit, by combination; unless by candidates, among those looked at from the start."""
        looked = self._looked_at(self._candidates.profiles if self._candidates else self._walk())
        return f"""
            select combination, count(*)
            from (
                select {_COMBINATION} as combination
                from {looked}
            ) as counted
            group by combination
        """

    @property
    def end(self) -> str:
        """Where looking in order ended, if there was more."""
        return self._in_order() + " offset %(looked_at)s - 1 limit 1"

    def _fitting_candidates(self, candidates: Candidates) -> str:
        given = self._looked_at(candidates.profiles)
        if self._search.order == LAST_SEEN:
            after, key, order = (
                "(day, profile) < (%(after_key)s::date, %(after_profile)s)",
                f"{_LAST} as day",
                "day desc, profile desc",
            )
        else:
            key = "(select key from search.names where names.profile = looked.profile) as key"
            after, order = "(key, profile) > (%(after_key)s, %(after_profile)s)", "key, profile"
        return f"""
            select profile
            from (
                select profile, {key}
                from {given}
                offset 0
            ) as fitting
            where {after}
            order by {order}
            limit %(limit)s
        """

    def _fitting_in_order(self) -> str:
        return f"select profile from {self._looked_at(self._walk())} limit %(limit)s"

    def _looked_at(self, source: str) -> str:
        """The part of a statement that goes through the rows of `source` and keeps those that fit."""
        conditions = list(self._conditions())
        return f"({source}) as looked where {' and '.join(conditions)}"

    def _walk(self) -> str:
        return self._in_order() + " limit %(looked_at)s"

    def _in_order(self) -> str:
        return _BY_DAY if self._search.order == LAST_SEEN else _BY_NAME

    def _conditions(self) -> Iterator[str]:
        """What must be true of the profile `looked`, the cheapest first."""
        search, walked_by_day = self._search, not self._candidates and self._search.order == LAST_SEEN
        if search.by_combination:
            yield f"{_COMBINATION} = any(%(combinations)s::bigint[])"
        if search.words:
            yield f"{_WORDS} like all(%(patterns)s::text[])"
        if walked_by_day:
            yield f"{_LAST} = looked.day"
        elif search.last_seen:
            yield f"{_LAST} between %(last_from)s::date and %(last_to)s::date"
        if search.first_seen:
            yield f"{_FIRST} between %(first_from)s::date and %(first_to)s::date"
        elif not walked_by_day:
            yield f"{_FIRST} is not null"
