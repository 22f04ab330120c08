"""Identity's tables: what was seen together, and what resolution made of it. Every access is for a whole batch."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cdp.identity.resolution import Membership, Moment, Node
from projections.contract import Connected
from projections.copying import copy_rows

BEGINNING, END = -(2**63), 2**63 - 1
"""PostgreSQL's -infinity and infinity as it takes times: microseconds since `EPOCH`. Python's times cannot say them."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

SUBJECTS = {"subject": "int8", "numbers": "int8[]", "exclusive": "bool", "shareable": "bool"}
LINKS = {"number": "int8", "subject": "int8"}
AUTHENTICATIONS = {"subject": "int8", "effective_at": "timestamptz", "event_id": "text"}
MEMBERSHIPS = {
    "subject": "int8",
    "from_at": "int8",
    "from_event": "text",
    "to_at": "int8",
    "to_event": "text",
    "profile": "text",
}
IDENTIFIERS = {
    "number": "int8",
    "type": "text",
    "namespace": "text",
    "blocked": "bool",
    "first_position": "int8",
    "profile": "text",
}


class Subject(NamedTuple):
    """A set of identifiers seen together, and whether usable ones of either kind are among them."""

    number: int
    identifiers: tuple[int, ...]
    exclusive: bool
    shareable: bool

    @property
    def authenticates(self) -> bool:
        """Whether its touchpoints say who is behind a shareable identifier."""
        return self.exclusive and self.shareable


class KnownIdentifier(NamedTuple):
    """An identifier and its profile, if it has exactly one."""

    node: Node
    profile: str | None


class IdentityStore:
    """Reads and writes the tables of one version on the connection of the batch."""

    def __init__(self, connection: Connected, schema: str) -> None:
        self._connection = connection
        self._schema = schema

    def identifiers(self, numbers: Collection[int]) -> dict[int, KnownIdentifier]:
        """Those of the identifiers that are known."""
        return self._identifiers("number = any(%s::bigint[])", numbers)

    def anonymous_members(self, profiles: Collection[str]) -> dict[int, KnownIdentifier]:
        """The identifiers of these groups."""
        return self._identifiers("profile = any(%s)", profiles)

    def subjects(self, numbers: Collection[int]) -> dict[int, Subject]:
        """Those of the subjects that are known."""
        return self._subjects("subject = any(%s::bigint[])", numbers)

    def strangers(self, identifiers: Collection[int]) -> dict[int, Subject]:
        """The subjects without an exclusive identifier that hold one of these."""
        return self._holders("not exclusive", identifiers)

    def authenticating(self, identifiers: Collection[int]) -> dict[int, Subject]:
        """The subjects that hold one of these shareable identifiers and an exclusive one."""
        return self._holders("exclusive and shareable", identifiers)

    def members(self, profiles: Collection[str]) -> dict[int, Subject]:
        """The subjects that belong to one of these profiles at any time."""
        condition = f"subject in (select subject from {self._schema}.memberships where profile = any(%s))"
        return self._subjects(condition, profiles)

    def in_turns(self, identifiers: Collection[int]) -> dict[int, Subject]:
        """The subjects that hold one of these and belong to several profiles in turns."""
        condition = f"""subject in (
            select memberships.subject
            from {self._schema}.memberships
            join {self._schema}.links using (subject)
            where from_at <> '-infinity'
                and number = any(%s::bigint[])
        )"""
        return self._subjects(condition, identifiers)

    def moments(self, subjects: Collection[int]) -> dict[int, tuple[Moment, ...]]:
        """When each of these subjects authenticated."""
        query = f"""
            select subject, effective_at, event_id
            from {self._schema}.authentications
            where subject = any(%s::bigint[])
        """
        found: defaultdict[int, list[Moment]] = defaultdict(list)
        for subject, at, event in self._select(query, subjects):
            found[subject].append(Moment(at, event))
        return {subject: tuple(moments) for subject, moments in found.items()}

    def memberships(self, subjects: Collection[int]) -> set[Membership]:
        """The memberships of these subjects as they are stored."""
        query = f"""
            select subject, nullif(from_at, '-infinity'), from_event, nullif(to_at, 'infinity'), to_event, profile
            from {self._schema}.memberships
            where subject = any(%s::bigint[])
        """
        return {
            Membership(subject, _moment(from_at, from_event), _moment(to_at, to_event), profile)
            for subject, from_at, from_event, to_at, to_event, profile in self._select(query, subjects)
        }

    def add_subjects(self, subjects: Collection[Subject]) -> None:
        """Stores new subjects."""
        rows = [(each.number, list(each.identifiers), each.exclusive, each.shareable) for each in subjects]
        self._copy("subjects", SUBJECTS, rows)
        self._copy("links", LINKS, [(number, each.number) for each in subjects for number in each.identifiers])

    def add_authentications(self, authentications: Iterable[tuple[int, Moment]]) -> None:
        """Stores that subjects authenticated."""
        self._copy("authentications", AUTHENTICATIONS, [(subject, *moment) for subject, moment in authentications])

    def add_identifiers(self, identifiers: Iterable[KnownIdentifier]) -> None:
        """Stores new identifiers."""
        self._copy("identifiers", IDENTIFIERS, [(*node, profile) for node, profile in identifiers])

    def regroup(self, profiles: Mapping[int, str | None]) -> None:
        """Changes the profile of single identifiers."""
        if profiles:
            self._connection.execute(
                f"""
                update {self._schema}.identifiers
                set profile = changed.profile
                from unnest(%s::bigint[], %s::text[]) as changed (number, profile)
                where identifiers.number = changed.number
                """,
                [list(profiles), list(profiles.values())],
                prepare=True,
            )

    def rename(self, names: Mapping[str, str]) -> None:
        """Changes the profile of all identifiers of merged groups, from old to new."""
        if names:
            self._connection.execute(
                f"""
                update {self._schema}.identifiers
                set profile = merged.new
                from unnest(%s::text[], %s::text[]) as merged (old, new)
                where profile = merged.old
                """,
                [list(names), list(names.values())],
                prepare=True,
            )

    def replace_memberships(self, old: Collection[Membership], new: Collection[Membership]) -> None:
        """Removes and adds memberships."""
        if old:
            starts = [each.start for each in old]
            self._connection.execute(
                f"""
                delete from {self._schema}.memberships
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
        rows = [(m.subject, *_bound(m.start, BEGINNING), *_bound(m.end, END), m.profile) for m in new]
        self._copy("memberships", MEMBERSHIPS, rows)

    def _identifiers(self, condition: str, wanted: Collection[Any]) -> dict[int, KnownIdentifier]:
        query = f"""
            select number, type, namespace, blocked, first_position, profile
            from {self._schema}.identifiers
            where {condition}
        """
        return {row[0]: KnownIdentifier(Node(*row[:5]), row[5]) for row in self._select(query, wanted)}

    def _holders(self, kind: str, identifiers: Collection[int]) -> dict[int, Subject]:
        held = f"select subject from {self._schema}.links where number = any(%s::bigint[])"
        return self._subjects(f"{kind} and subject in ({held})", identifiers)

    def _subjects(self, condition: str, wanted: Collection[Any]) -> dict[int, Subject]:
        query = f"""
            select subject, numbers, exclusive, shareable
            from {self._schema}.subjects
            where {condition}
        """
        return {row[0]: Subject(row[0], tuple(row[1]), *row[2:]) for row in self._select(query, wanted)}

    def _select(self, query: str, wanted: Collection[Any]) -> list[tuple[Any, ...]]:
        if not wanted:
            return []
        return self._connection.execute(query, [list(wanted)], prepare=True, binary=True).fetchall()

    def _copy(self, table: str, columns: Mapping[str, str], rows: Collection[tuple[Any, ...]]) -> None:
        if rows:
            copy_rows(self._connection, f"{self._schema}.{table}", columns, rows)


def _moment(at: Any, event: str) -> Moment | None:
    return None if at is None else Moment(at, event)


def _bound(moment: Moment | None, otherwise: int) -> tuple[int, str]:
    return (otherwise, "") if moment is None else ((moment.at - EPOCH) // MICROSECOND, moment.event)
