"""The way to the profiles that a search finds, and its statements.

Conditions on a profile are scalar subqueries, which are always carried out profile by profile, by key, and only until
the page is full: a plan that first reads a whole table would be as slow as the table is long.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from projections.search.request import LAST_SEEN, Search

FEW = 5_000
"""Profiles that are looked up one by one for a page, and for a count."""

MANY = 30_000
"""Profiles of one condition that are read in order to find those that fit another one too."""

LOOKED_AT = 10_000
"""Rows that are gone through in the order asked for, for one page."""


class Condition(NamedTuple):
    """Something that leads to profiles: `given`, `word` (which one), `combination`, `last_seen` or `first_seen`."""

    kind: str
    place: int = 0

    def profiles(self, limit: str) -> str:
        """The statement that gives the profiles that may fit it, some perhaps twice, up to a limit: `few` or `many`."""
        return f"{_LEADS_TO[self.kind].format(place=self.place)} limit %({limit})s"

    @property
    def counted(self) -> str:
        """The statement that says how many these are, up to a limit."""
        return f"select count(*) from ({self.profiles('many')}) as found"


_LEADS_TO = {
    "given": """
        select profile
        from unnest(%(profiles)s::text[]) as profile
    """,
    "word": """
        select profile
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
        select profile
        from search.days
        where day >= %(last_from)s::date
            and day <= %(last_to)s::date
    """,
    "first_seen": """
        select profile
        from search.days
        where day >= %(first_from)s::date
            and day <= %(first_to)s::date
    """,
}
_BY_DAY = """
    select profile, day
    from search.days
    where (day, profile) < (%(after_key)s::date, %(after_profile)s)
        and day >= %(last_from)s::date
        and day <= %(last_to)s::date
        {known}
    order by day desc, profile desc
"""
_BY_NAME = """
    select profile, key
    from search.names
    where (key, profile) > (%(after_key)s, %(after_profile)s)
    order by key, profile
"""
_KNOWN = "and position <= %(position)s"
_DAY = "(select {which}(day) from search.days where days.profile = {of}.profile {known})"
_COMBINATION = "(select combination from search.people where people.profile = looked.profile)"
_WORDS = "(select words from search.names where names.profile = looked.profile)"
_KEY = "(select key from search.names where names.profile = {of}.profile)"


@dataclass(frozen=True)
class Way:
    """How the profiles of a search are found.

    `rarest` are the conditions, one or two, that the fewest profiles fit, none where nothing is asked; with
    `by_rarest` they lead to the page too, otherwise profiles are gone through in order.
    """

    rarest: tuple[Condition, ...]
    by_rarest: bool


def way(search: Search, counts: Mapping[Condition, int]) -> Way:
    """The way to a page, given how many profiles fit each condition."""
    ranked = sorted(counts, key=lambda each: (counts[each], each))
    if not ranked:
        return Way((), by_rarest=False)
    if counts[ranked[0]] <= FEW:
        return Way((ranked[0],), by_rarest=not _in_order_anyway(search, ranked[0]))
    if len(ranked) > 1 and counts[ranked[1]] <= MANY:
        return Way((ranked[0], ranked[1]), by_rarest=True)
    return Way((ranked[0],), by_rarest=False)


def _in_order_anyway(search: Search, condition: Condition) -> bool:
    """Whether going through profiles in order is to read just those that the condition leads to."""
    return condition.kind == search.order == LAST_SEEN


class Statements:
    """What is asked of the database for a search.

    On the first page all that is known counts; on a later one (`is_later`) only what was known when the first was read.
    """

    def __init__(self, search: Search, taken: Way, *, is_later: bool) -> None:
        self._search = search
        self._way = taken
        self._known = _KNOWN if is_later else ""
        self._is_later = is_later

    @property
    def page(self) -> str:
        """The profiles of a page, with the name's key."""
        fitting = self._by_rarest() if self._way.by_rarest else self._in_order()
        order = "last_day desc, profile desc" if self._search.order == LAST_SEEN else "key, profile"
        return f"""
            with fitting as materialized (
                {fitting}
            )
            select profile, name, city, places, first_day, last_day, key
            from fitting
            cross join lateral (
                select
                    {self._day("min", "fitting")} as first_day,
                    {self._day("max", "fitting")} as last_day,
                    (select name from search.names where names.profile = fitting.profile) as name,
                    {_KEY.format(of="fitting")} as key
                offset 0
            ) as said
            join search.people
                using (profile)
            order by {order}
        """

    @property
    def counted(self) -> str:
        """The combinations of those profiles that fit, among the few that the rarest conditions lead to first."""
        rarest = self._way.rarest
        return f"""
            select city, channels, sources, fitting.profiles
            from (
                select combination, count(*) as profiles
                from (
                    select {_COMBINATION} as combination
                    from {self._fitting(f"{self._led_to()} limit %(few)s", rarest)}
                ) as fitting
                group by combination
            ) as fitting
            join search.combinations
                using (combination)
        """

    @property
    def led_to(self) -> str:
        """How many profiles the rarest conditions lead to, up to a limit."""
        return f"select count(*) from ({self._led_to()} limit %(few)s) as found"

    @property
    def end(self) -> str:
        """Where looking in order ended, if there was more."""
        return self._walk() + " offset %(looked_at)s - 1 limit 1"

    def _by_rarest(self) -> str:
        by_day = self._search.order == LAST_SEEN
        key = self._day("max", "looked") if by_day else _KEY.format(of="looked")
        after = (
            "(key, profile) < (%(after_key)s::date, %(after_profile)s)"
            if by_day
            else "(key, profile) > (%(after_key)s, %(after_profile)s)"
        )
        return f"""
            select profile
            from (
                select profile, {key} as key
                from {self._fitting(self._led_to(), self._way.rarest)}
                offset 0
            ) as fitting
            where {after}
            order by {"key desc, profile desc" if by_day else "key, profile"}
            limit %(limit)s
        """

    def _in_order(self) -> str:
        conditions = [f"{self._day('max', 'looked')} = looked.day"] if self._search.order == LAST_SEEN else []
        looked = self._fitting(f"{self._walk()} limit %(looked_at)s", (), *conditions)
        return f"select profile from {looked} limit %(limit)s"

    def _led_to(self) -> str:
        """The profiles that the rarest conditions lead to, each once; of a single condition at most a few."""
        if len(self._way.rarest) == 1:
            return f"select distinct profile from ({self._way.rarest[0].profiles('few')}) as found"
        return " intersect ".join(f"({each.profiles('many')})" for each in self._way.rarest)

    def _walk(self) -> str:
        return _BY_DAY.format(known=self._known) if self._search.order == LAST_SEEN else _BY_NAME

    def _day(self, which: str, of: str) -> str:
        return _DAY.format(which=which, of=of, known=self._known)

    def _fitting(self, source: str, met: tuple[Condition, ...], *conditions: str) -> str:
        """The part of a statement that goes through the rows of `source` and keeps those that fit."""
        checked = [*self._conditions(met), *conditions]
        return f"({source}) as looked where {' and '.join(checked) or 'true'}"

    def _conditions(self, met: tuple[Condition, ...]) -> Iterator[str]:
        """What must be true of the profile `looked`, the cheapest first; `met` are those that are true anyway."""
        search = self._search
        if search.by_combination and Condition("combination") not in met:
            yield f"{_COMBINATION} = any(%(combinations)s::bigint[])"
        if not set(map(Condition, ["word"] * len(search.words), range(len(search.words)))) <= set(met):
            yield f"{_WORDS} like all(%(patterns)s::text[])"
        if search.last_seen:
            yield f"{self._day('max', 'looked')} between %(last_from)s::date and %(last_to)s::date"
        if search.first_seen:
            yield f"{self._day('min', 'looked')} between %(first_from)s::date and %(first_to)s::date"
        elif self._is_later and not search.last_seen:
            yield f"{self._day('min', 'looked')} is not null"
