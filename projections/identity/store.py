"""Identity's tables: what was seen together, and what resolution made of it. Every access is for a whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.findings import Membership
from cdp.postgres.arrays import Bigints
from projections.contract import Connected
from projections.copying import copy_rows
from projections.identity import packing
from projections.identity.known import Authenticated, KnownIdentifier, Sighted

SIGHTINGS = ("subject", "source", "numbers", "first_at", "first_event")
LINKS = ("number", "subject")
AUTHENTICATIONS = ("subject", "effective_at", "event_id")
MEMBERSHIPS = ("subject", "from_at", "from_event", "to_at", "to_event", "profile")
IDENTIFIERS = {
    "number": "int8",
    "type": "text",
    "namespace": "text",
    "blocked": "bool",
    "first_position": "int8",
    "verdict": "text",
    "server": "bool",
    "in_turns": "bool",
    "profile": "text",
}


class IdentityStore:
    """Reads and writes the tables of one version on the connection of the batch."""

    def __init__(self, connection: Connected, schema: str) -> None:
        self.connection = connection
        self.schema = schema

    def sighted(self, subjects: Collection[int]) -> dict[int, Sighted]:
        """Those of the subjects that are known."""
        return self._sighted("subject = any(%s::bigint[])", subjects)

    def holders(self, numbers: Collection[int]) -> dict[int, Sighted]:
        """The subjects that hold one of these identifiers."""
        held = f"select subject from {self.schema}.links where number = any(%s::bigint[])"
        return self._sighted(f"subject in ({held})", numbers)

    def shown_by(self, sources: Collection[UUID]) -> list[int]:
        """The subjects that one of these sources showed."""
        query = f"select distinct subject from {self.schema}.sightings where source = any(%s)"
        return [subject for (subject,) in self.connection.execute(query, [list(sources)])]

    def identifiers(self, numbers: Collection[int]) -> dict[int, KnownIdentifier]:
        """Those of the identifiers that are known."""
        query = f"""
            select {", ".join(IDENTIFIERS)}
            from {self.schema}.identifiers
            where number = any(%s::bigint[])
        """
        return {row[0]: KnownIdentifier(Node(*row[:5]), *row[5:]) for row in self._select(query, numbers)}

    def numbers(self, types: Collection[str] | None, after: int, limit: int) -> list[KnownIdentifier]:
        """The next identifiers past a number, in the order of numbers; of these types, or of all."""
        query = f"""
            select {", ".join(IDENTIFIERS)}
            from {self.schema}.identifiers
            where number > %s
                and (%s::text[] is null or type = any(%s::text[]))
            order by number
            limit %s
        """
        wanted = None if types is None else list(types)
        rows = self.connection.execute(query, [after, wanted, wanted, limit], binary=True).fetchall()
        return [KnownIdentifier(Node(*row[:5]), *row[5:]) for row in rows]

    def in_turns(self, numbers: Collection[int]) -> list[int]:
        """Those of the identifiers on which several profiles take turns."""
        query = f"""
            select number
            from {self.schema}.identifiers
            where in_turns
                and number = any(%s::bigint[])
        """
        return [number for (number,) in self._select(query, numbers)]

    def hand_overs(self, authenticated: Sequence[Authenticated], every: bool) -> dict[int, tuple[Moment, ...]]:
        """When these subjects authenticated: of the moments of one profile that follow upon each other on an identifier
        the first, or with `every` all."""
        query = f"""
            with seen as (
                select
                    subject,
                    effective_at,
                    event_id,
                    profile is distinct from lag(profile) over (
                        partition by number
                        order by effective_at, event_id
                    ) as first
                from unnest(%s::bigint[], %s::bigint[], %s::text[]) as authenticated (number, subject, profile)
                join {self.schema}.authentications using (subject)
            )
            select distinct subject, effective_at, event_id
            from seen
            where first or %s
        """
        columns = [list(column) for column in zip(*authenticated, strict=True)]
        return moments_of(self.connection.execute(query, [*columns, every], binary=True).fetchall())

    def memberships(self, subjects: Collection[int]) -> set[Membership]:
        """The memberships of these subjects as they are stored."""
        query = f"""
            select subject, nullif(from_at, '-infinity'), from_event, nullif(to_at, 'infinity'), to_event, profile
            from {self.schema}.memberships
            where subject = any(%s::bigint[])
        """
        return {
            Membership(subject, _moment(from_at, from_event), _moment(to_at, to_event), profile)
            for subject, from_at, from_event, to_at, to_event, profile in self._select(query, subjects)
        }

    def add_sightings(self, sighted: Mapping[int, Sighted]) -> None:
        """Stores new subjects."""
        rows = [
            packing.sighting(subject, source, numbers, moment)
            for subject, (numbers, first) in sighted.items()
            for source, moment in first.items()
        ]
        self._copy("sightings", SIGHTINGS, rows)
        links = [packing.link(number, subject) for subject, each in sighted.items() for number in each.numbers]
        self._copy("links", LINKS, links)

    def renew_sightings(self, sighted: Mapping[int, Sighted]) -> None:
        """Stores the first moments of known subjects, of which some are new or earlier."""
        rows = [
            (subject, source, *moment) for subject, each in sighted.items() for source, moment in each.first.items()
        ]
        if rows:
            self.connection.execute(
                f"""
                insert into {self.schema}.sightings (subject, source, numbers, first_at, first_event)
                select subject, source, (
                    select numbers from {self.schema}.sightings where sightings.subject = changed.subject limit 1
                ), first_at, first_event
                from unnest(%s::bigint[], %s::uuid[], %s::timestamptz[], %s::text[])
                    as changed (subject, source, first_at, first_event)
                on conflict (subject, source) do update
                set first_at = excluded.first_at, first_event = excluded.first_event
                """,
                [list(column) for column in zip(*rows, strict=True)],
            )

    def add_authentications(self, authentications: Iterable[tuple[int, Moment]]) -> None:
        """Stores that subjects authenticated."""
        self._copy("authentications", AUTHENTICATIONS, [packing.authentication(*each) for each in authentications])

    def add_identifiers(self, identifiers: Iterable[KnownIdentifier]) -> None:
        """Stores new identifiers."""
        rows = [(*each.node, *each[1:]) for each in identifiers]
        if rows:
            copy_rows(self.connection, f"{self.schema}.identifiers", IDENTIFIERS, rows)

    def renew_identifiers(self, identifiers: Collection[KnownIdentifier]) -> None:
        """Stores what is said now of known identifiers."""
        if identifiers:
            rows = [(each.node.number, each.node.blocked, *each[1:]) for each in identifiers]
            self.connection.execute(
                f"""
                update {self.schema}.identifiers
                set
                    blocked = changed.blocked,
                    verdict = changed.verdict,
                    server = changed.server,
                    in_turns = changed.in_turns,
                    profile = changed.profile
                from unnest(%s::bigint[], %s::bool[], %s::text[], %s::bool[], %s::bool[], %s::text[])
                    as changed (number, blocked, verdict, server, in_turns, profile)
                where identifiers.number = changed.number
                """,
                [list(column) for column in zip(*rows, strict=True)],
                prepare=True,
            )

    def replace_memberships(self, old: Collection[Membership], new: Collection[Membership]) -> None:
        """Removes and adds memberships."""
        if old:
            starts = [each.start for each in old]
            self.connection.execute(
                f"""
                delete from {self.schema}.memberships
                using unnest(%s::bigint[], %s::timestamptz[], %s::text[]) as gone (subject, from_at, from_event)
                where memberships.subject = gone.subject
                    and memberships.from_at = coalesce(gone.from_at, '-infinity')
                    and memberships.from_event = gone.from_event
                """,
                [
                    [each.subject for each in old],
                    [start.at if start else None for start in starts],
                    [start.event if start else "" for start in starts],
                ],
                prepare=True,
            )
        self._copy("memberships", MEMBERSHIPS, [packing.membership(each) for each in new])

    def _sighted(self, condition: str, wanted: Collection[int]) -> dict[int, Sighted]:
        query = f"""
            select subject, source, numbers, first_at, first_event
            from {self.schema}.sightings
            where {condition}
        """
        found: dict[int, Sighted] = {}
        for subject, source, numbers, at, event in self._select(query, wanted):
            moment = Moment(at, event)
            if subject in found:
                found[subject] = Sighted(found[subject].numbers, {**found[subject].first, source: moment})
            else:
                found[subject] = Sighted(tuple(numbers), {source: moment})
        return found

    def _select(self, query: str, wanted: Collection[int]) -> list[tuple[Any, ...]]:
        if not wanted:
            return []
        return self.connection.execute(query, [Bigints(wanted)], prepare=True, binary=True).fetchall()

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
        packing.copy_packed(self.connection, f"{self.schema}.{table}", columns, rows)


class StoredSightings:
    """What the log showed up to the last batch, from identity's own tables."""

    def __init__(self, store: IdentityStore, public: Collection[UUID]) -> None:
        self._store = store
        self._public = public

    def holders(self, numbers: Collection[int]) -> list[SubjectSeen]:
        """The subjects that hold one of these identifiers."""
        return [each.seen(subject, self._public) for subject, each in self._store.holders(numbers).items()]

    def identifiers(self, numbers: Collection[int]) -> Mapping[int, KnownIdentifier]:
        """These identifiers."""
        return self._store.identifiers(numbers)

    def aged(self, nodes: Mapping[int, Node]) -> Mapping[int, Node]:
        """The identifiers as they are: each is stored with its first position."""
        return nodes

    def hand_overs(self, authenticated: Sequence[Authenticated], every: bool) -> Mapping[int, tuple[Moment, ...]]:
        """When these subjects authenticated."""
        return self._store.hand_overs(authenticated, every)


def moments_of(rows: Iterable[tuple[int, datetime, str]]) -> dict[int, tuple[Moment, ...]]:
    """The moments of each subject, of rows of a subject and one of its moments."""
    found: defaultdict[int, list[Moment]] = defaultdict(list)
    for subject, at, event in rows:
        found[subject].append(Moment(at, event))
    return {subject: tuple(moments) for subject, moments in found.items()}


def _moment(at: Any, event: str) -> Moment | None:
    return None if at is None else Moment(at, event)
