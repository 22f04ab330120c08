"""Searching: a page of the profiles that fit, and how many there are.

Two ways lead to a page. If few profiles fit one of the conditions, or not too many fit two of them, those are looked up
and the other conditions are checked on each. Otherwise profiles are gone through in the order asked for until the page
is full. Which way is taken follows from counts that are kept or cheap to make, not from the statistics of the server.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

import psycopg

from projections.contract import Connected
from projections.search.facets import ALL_FITTING, Facets, count_facets, fitting, fitting_combinations
from projections.search.plan import FEW, LOOKED_AT, MANY, Condition, Statements, way
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
        self._cursor = cursor
        self._position = cursor.position if cursor else _position(connection)
        self._combinations = fitting_combinations(connection, search) if search.by_combination else {}
        self._counts = self._count_conditions()
        self._way = way(search, self._counts)
        self._statements = Statements(search, self._way, is_later=cursor is not None)

    def page(self, limit: int) -> Page:
        """At most `limit` profiles, in the order that the search asks for."""
        rows = self._execute(self._statements.page, limit=limit + 1).fetchall()
        found = [Found(*row[:6]) for row in rows[:limit]]
        if len(rows) > limit:
            return Page(found, self._after(*rows[limit - 1]))
        return Page(found, None if self._way.by_rarest else self._where_looking_ended())

    def count(self) -> Count:
        """All that fit, from the first page on; exact unless many fit each condition."""
        if self._search.only_by_combination:
            total, facets = count_facets(self._connection, ALL_FITTING, fitting(self._search))
            return Count(total, True, facets)
        total, facets = count_facets(self._connection, self._statements.counted, self._parameters())
        return Count(total, self._led_to_all(), facets)

    def _led_to_all(self) -> bool:
        """Whether no profile was left out of those that the rarest conditions lead to."""
        if len(self._way.rarest) == 1:
            return self._counts[self._way.rarest[0]] <= FEW
        return self._one(self._statements.led_to) <= FEW

    def _after(self, profile: str, *said: Any) -> Cursor:
        *_, last_day, key = said
        return Cursor(self._search.order, self._text(last_day if self._by_day else key), profile, self._position)

    def _where_looking_ended(self) -> Cursor | None:
        """Where to go on if not all was looked at."""
        row = self._execute(self._statements.end).fetchone()
        return Cursor(self._search.order, self._text(row[1]), row[0], self._position) if row else None

    def _count_conditions(self) -> dict[Condition, int]:
        """How many profiles, up to a limit, each condition leads to; those given if any are."""
        search = self._search
        if search.profiles is not None:
            return {Condition("given"): 0}
        conditions = [Condition("word", place) for place in range(len(search.words))]
        conditions += [Condition("last_seen")] if search.last_seen else []
        conditions += [Condition("first_seen")] if search.first_seen else []
        counts = {condition: self._one(condition.counted) for condition in conditions}
        return counts | ({Condition("combination"): sum(self._combinations.values())} if search.by_combination else {})

    def _one(self, statement: str) -> int:
        row = self._execute(statement).fetchone()
        return int(row[0]) if row else 0

    def _execute(self, statement: str, **more: Any) -> psycopg.Cursor[tuple[Any, ...]]:
        """Never prepared: a plan for any parameters would not know how few they are meant for."""
        return self._connection.execute(statement, {**self._parameters(), **more}, prepare=False)

    @property
    def _by_day(self) -> bool:
        return self._search.order == LAST_SEEN

    def _text(self, key: Any) -> str:
        return key.isoformat() if isinstance(key, date) else str(key)

    def _parameters(self) -> dict[str, Any]:
        search, cursor = self._search, self._cursor
        words = {f"word_{place}": word for place, word in enumerate(search.words)}
        ends = {f"end_{place}": after(word) for place, word in enumerate(search.words)}
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
            "after_key": cursor.key if cursor else "infinity" if self._by_day else "",
            "after_profile": cursor.profile if cursor else "",
            "looked_at": LOOKED_AT,
            "few": FEW + 1,
            "many": MANY + 1,
        }


def _position(connection: Connected) -> int:
    """Up to which position of the log the rows say what was known."""
    row = connection.execute(_POSITION).fetchone()
    return int(row[0]) if row else 0
