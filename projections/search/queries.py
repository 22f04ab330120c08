"""Searching: a page of the profiles that fit, and how many there are.

Two ways lead to a page. If few profiles fit one of the conditions, those are looked up and the other conditions are
checked on each. Otherwise many fit, so profiles are gone through in the order asked for until the page is full. Which
way is taken follows from counts that are kept or cheap to make, not from the statistics of the server.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from projections.contract import Connected
from projections.search import plan
from projections.search.facets import Facets, count_facets, matching_combinations
from projections.search.names import NAMELESS
from projections.search.plan import FEW, LOOKED_AT, Statements
from projections.search.request import LAST_SEEN, Cursor, Search
from projections.words import after

_POSITION = """
select coalesce(max(position), 0)
from engine.checkpoints
where projection = 'search'
    and published
"""


class Found(NamedTuple):
    """A profile that fits. Its days are those known when the first page was read."""

    profile: str
    name: str | None
    city: str
    places: list[str]
    first_seen: date
    last_seen: date

    @property
    def channels(self) -> list[str]:
        """The channels in which it was ever seen."""
        return sorted({place.split(" ")[0] for place in self.places})

    @property
    def sources(self) -> list[UUID]:
        """The sources that ever saw it."""
        return sorted({UUID(place.split(" ")[1]) for place in self.places})


class Page(NamedTuple):
    """Some of the profiles that fit, and where the next page begins; None on the last one.

    A page of a search that few profiles fit may hold fewer than asked for, even none, although there is a next one.
    """

    profiles: list[Found]
    next: Cursor | None


@dataclass(frozen=True)
class Count:
    """How many profiles fit, with their facets; if not `exact` there are at least as many."""

    total: int
    exact: bool
    facets: Facets


class Searcher:
    """Answers one search at one moment of the read database."""

    def __init__(self, connection: Connected, search: Search, cursor: Cursor | None = None) -> None:
        self._connection = connection
        self._search = search
        self._position = cursor.position if cursor else _position(connection)
        self._cursor = cursor
        self._combinations = matching_combinations(connection, search)
        self._statements = Statements(search, self._rarest())

    def page(self, limit: int) -> Page:
        """At most `limit` profiles, in the order that the search asks for."""
        parameters = {**self._parameters(), "limit": limit + 1}
        rows = self._connection.execute(self._statements.page, parameters).fetchall()
        found = [Found(*row[:6]) for row in rows[:limit]]
        if len(rows) > limit:
            return Page(found, self._after(rows[limit - 1]))
        return Page(found, self._where_looking_ended())

    def count(self) -> Count:
        """All that fit, from the first page on, counted exactly where that is cheap."""
        if self._search.only_by_combination:
            return self._counted(self._combinations, exact=True)
        rows = self._connection.execute(self._statements.counts, self._from_the_start()).fetchall()
        exact = self._statements.by_candidates or self._looked_at_all()
        return self._counted(dict(rows), exact=exact)

    def _counted(self, profiles: Mapping[int, int], *, exact: bool) -> Count:
        return Count(sum(profiles.values()), exact, count_facets(self._connection, profiles))

    def _after(self, row: Sequence[Any]) -> Cursor:
        key = row[5].isoformat() if self._search.order == LAST_SEEN else row[6]
        return Cursor(self._search.order, key, row[0], self._position)

    def _where_looking_ended(self) -> Cursor | None:
        """Where to go on if not all was looked at."""
        if self._statements.by_candidates:
            return None
        row = self._connection.execute(self._statements.end, self._parameters()).fetchone()
        if row is None:
            return None
        key = row[1].isoformat() if self._search.order == LAST_SEEN else row[1]
        return Cursor(self._search.order, key, row[0], self._position)

    def _looked_at_all(self) -> bool:
        return self._connection.execute(self._statements.end, self._from_the_start()).fetchone() is None

    def _rarest(self) -> plan.Candidates | None:
        """The condition that the fewest profiles fit, if they are few."""
        if self._search.profiles is not None:
            return plan.Candidates("given")
        counts: dict[plan.Candidates, int] = {}
        for place, word in enumerate(self._search.words):
            counts[plan.Candidates("word", place)] = self._few(plan.WORDS, {"from": word, "to": after(word)})
        if self._search.by_combination:
            counts[plan.Candidates("combination")] = sum(self._combinations.values())
        for kind, days in (("last_seen", self._search.last_seen), ("first_seen", self._search.first_seen)):
            if days and kind != self._search.order:
                counts[plan.Candidates(kind)] = self._few(plan.DAYS, {"from": days.first, "to": days.last})
        if not counts:
            return None
        rarest = min(counts, key=lambda each: counts[each])
        return rarest if counts[rarest] <= FEW else None

    def _few(self, statement: str, bounds: Mapping[str, Any]) -> int:
        row = self._connection.execute(statement, {**bounds, "few": FEW + 1}).fetchone()
        return int(row[0]) if row else 0

    def _parameters(self) -> dict[str, Any]:
        parameters = self._from_the_start()
        if self._cursor is not None:
            parameters |= {"after_key": self._cursor.key, "after_profile": self._cursor.profile}
        return parameters

    def _from_the_start(self) -> dict[str, Any]:
        search = self._search
        words = {f"word_{place}": word for place, word in enumerate(search.words)}
        ends = {f"end_{place}": after(word) for place, word in enumerate(search.words)}
        key = "infinity" if search.order == LAST_SEEN else ""
        return {
            **words,
            **ends,
            "patterns": [f"% {word}%" for word in search.words],
            "combinations": list(self._combinations),
            "profiles": list(search.profiles or ()),
            "last_from": search.last_seen.first or "-infinity",
            "last_to": search.last_seen.last or "infinity",
            "first_from": search.first_seen.first or "-infinity",
            "first_to": search.first_seen.last or "infinity",
            "position": self._position,
            "after_key": key,
            "after_profile": "",
            "looked_at": LOOKED_AT,
            "nameless": NAMELESS,
        }


def _position(connection: Connected) -> int:
    """Up to which position of the log the rows say what was known."""
    row = connection.execute(_POSITION).fetchone()
    return int(row[0]) if row else 0
