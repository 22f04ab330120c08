"""The fields of profiles: for each attribute the claim that survives, kept up set by set in the database.

Nothing expires here, because rows may not depend on a clock: a field may be shown until its `expires_at`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby, islice
from typing import Any, NamedTuple

from cdp.survivorship.choice import choose
from cdp.survivorship.rules import Survivorship
from projections.contract import Connected
from projections.profiles.candidates import GROUPED, candidate
from projections.profiles.weighing import COUNTED, EARLIEST, JOINED, LATEST, RULES, STANDING, ways_of, weights

BEFORE_ALL = datetime.min.replace(tzinfo=UTC)
"""The moment at which nothing has expired."""

AT_ONCE = 10_000
"""Winners that are written by one statement."""

_CLAIM = "value, source, event_id, position, occurred_at, effective_at, received_at, expires_at, standing"
_OVERWRITE = ", ".join(f"{column} = excluded.{column}" for column in _CLAIM.split(", "))
_FIRST = {LATEST: "effective_at desc, event_id desc", EARLIEST: "effective_at, event_id"}
_BETTER = {
    LATEST: """(excluded.standing, present.effective_at, present.event_id)
                < (present.standing, excluded.effective_at, excluded.event_id)""",
    EARLIEST: """(excluded.standing, excluded.effective_at, excluded.event_id)
                < (present.standing, present.effective_at, present.event_id)""",
}


class Chosen(NamedTuple):
    """Which claims a statement is about: a condition on `claims` and `memberships`, and its parameters."""

    condition: str
    parameters: dict[str, Any]


def moved(profiles: Collection[str]) -> Chosen:
    """All claims of these profiles."""
    return Chosen("memberships.profile = any(%(profiles)s)", {"profiles": sorted(profiles)})


def added(after: int, position: int) -> Chosen:
    """The claims of a batch."""
    condition = "claims.position > %(after)s and claims.position <= %(position)s"
    return Chosen(condition, {"after": after, "position": position})


def ruled_anew(attributes: Collection[str]) -> Chosen:
    """All claims of these attributes."""
    return Chosen("claims.attribute = any(%(changed)s)", {"changed": sorted(attributes)})


class FieldStore:
    """Writes the table `fields` of one version on the connection of the batch."""

    def __init__(self, connection: Connected, schema: str, identity: str) -> None:
        self._connection = connection
        self._schema = schema
        self._identity = identity

    def attributes(self) -> set[str]:
        """All attributes of which something is shown."""
        rows = self._connection.execute(f"select distinct attribute from {self._schema}.fields")
        return {attribute for (attribute,) in rows}

    def attributes_of(self, profiles: Collection[str]) -> set[str]:
        """All attributes of which these profiles have a claim."""
        query = f"""
            select distinct attribute
            from {self._claims()}
            where memberships.profile = any(%s)
        """
        return {attribute for (attribute,) in self._connection.execute(query, [sorted(profiles)], prepare=True)}

    def remove(self, chosen: Chosen) -> None:
        """Removes the fields of profiles (`moved`) or of attributes (`ruled_anew`)."""
        condition = chosen.condition.replace("memberships.", "").replace("claims.", "")
        query = f"delete from {self._schema}.fields where {condition}"
        self._connection.execute(query, chosen.parameters, prepare=True)

    def hold(self, chosen: Chosen, survivorship: Survivorship, attributes: Collection[str]) -> None:
        """Holds the claims chosen, which are of these attributes, against the present winners."""
        parameters = chosen.parameters | weights(survivorship, attributes)
        for way in sorted(ways_of(survivorship)):
            if way == COUNTED:
                self._choose(chosen.condition, parameters, survivorship)
            else:
                self._connection.execute(self._survivors(chosen.condition, way), parameters, prepare=True)

    def _survivors(self, condition: str, way: str) -> str:
        """The statement that finds the first claim of each profile and attribute, and keeps it if none is better."""
        return f"""
            with {self._held(condition)},
            {RULES}
            insert into {self._schema}.fields as present (profile, attribute, {_CLAIM})
            select distinct on (profile, attribute)
                profile,
                held.attribute,
                value,
                held.source,
                event_id,
                position,
                occurred_at,
                effective_at,
                received_at,
                effective_at + ttl,
                {STANDING} as standing
            from held
            {JOINED}
            where way = '{way}'
            order by profile, attribute, standing, {_FIRST[way]}
            on conflict (profile, attribute)
            do update set {_OVERWRITE}
            where {_BETTER[way]}
        """

    def _held(self, condition: str) -> str:
        """The claims chosen, found first: rules filter none of them, which the planner cannot know."""
        return f"""
            held as materialized (
                select memberships.profile, claims.*
                from {self._claims()}
                where {condition}
            )
        """

    def _claims(self) -> str:
        """All claims, with the profile that each belongs to."""
        return f"""{self._schema}.claims
            join {self._identity}.memberships
                on memberships.subject = claims.subject
                and (effective_at, event_id) >= (from_at, from_event)
                and (effective_at, event_id) < (to_at, to_event)
        """

    def _choose(self, condition: str, parameters: dict[str, Any], survivorship: Survivorship) -> None:
        """Chooses among all claims of the attributes of which one is chosen here."""
        query = f"""
            with {self._held(condition)},
            {RULES},
            touched as materialized (
                select distinct profile, held.attribute
                from held
                {JOINED}
                where way = '{COUNTED}'
            )
            select profile, {GROUPED}
            from {self._claims()}
            join touched using (profile, attribute)
            group by profile, 2, 3, 4
            order by profile, attribute
        """
        with self._connection.cursor("candidates") as cursor:
            cursor.itersize = AT_ONCE
            winners = _winners(cursor.execute(query, parameters), survivorship)
            while some := list(islice(winners, AT_ONCE)):
                self._replace(some)

    def _replace(self, winners: Collection[tuple[Any, ...]]) -> None:
        columns = [list(column) for column in zip(*winners, strict=True)]
        self._connection.execute(
            f"""
            insert into {self._schema}.fields (profile, attribute, {_CLAIM})
            select profile, attribute, chosen.value::jsonb, source, event_id, position, occurred_at, effective_at,
                received_at, chosen.expires_at, 0
            from unnest(%s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[])
                as chosen (profile, attribute, value, position, expires_at)
            join {self._schema}.claims using (position, attribute)
            on conflict (profile, attribute)
            do update set {_OVERWRITE}
            """,
            columns,
            prepare=True,
        )


def _winners(rows: Iterable[tuple[Any, ...]], survivorship: Survivorship) -> Iterator[tuple[Any, ...]]:
    """Of candidates in the order of profile and attribute: profile, attribute, value, position and expiry."""
    for (profile, attribute), group in groupby(rows, key=lambda row: row[:2]):
        candidates = [candidate(*row[2:]) for row in group]
        winner = choose(candidates, survivorship.of(attribute), BEFORE_ALL).winner
        if winner is not None:
            yield profile, attribute, winner.value, winner.said.position, winner.expires_at
