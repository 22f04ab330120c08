"""The same questions answered by the library's own way of projecting: one event, one transaction.

A view is a `PostgresTrackingRecorder` of eventsourcing, a projection its `Projection`; identity joins what shares an
exclusive identifier, profiles keep the last value of each trait, the timeline has a row for each touchpoint. That is
less than ours keeps. Settings are the library's and PostgreSQL's own: each commit waits for the disk.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import msgspec
import psycopg
from eventsourcing.persistence import Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection
from psycopg import Cursor
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import DictRow

from cdp.identity.rules import DEFAULT_RULES
from cdp.log.events import RecordedEvent
from cdp.log.opening import Opener
from cdp.log.touchpoint import Touchpoint
from projections.profiles.claims import claims_of

_TABLES = """
create table member (number bigint primary key, profile bigint not null);
create index on member (profile);
create table field (
    profile bigint,
    attribute text,
    value jsonb not null,
    effective_at timestamptz not null,
    primary key (profile, attribute)
);
create table touchpoint (
    position bigint primary key,
    profile bigint,
    effective_at timestamptz not null,
    channel text not null,
    name text not null
);
create index on touchpoint (profile, effective_at);
"""
_PROFILES = "select distinct profile from member where number = any(%s)"
_JOIN = """
insert into member (number, profile)
select number, %s
from unnest(%s::bigint[]) as seen (number)
on conflict (number) do update set profile = excluded.profile
"""
_MERGE = (
    "update member set profile = %s where profile = any(%s)",
    "update touchpoint set profile = %s where profile = any(%s)",
    "delete from field where profile <> %s and profile = any(%s)",
)
_FIELD = """
insert into field (profile, attribute, value, effective_at)
values (%s, %s, %s, %s)
on conflict (profile, attribute) do update
set value = excluded.value, effective_at = excluded.effective_at
where excluded.effective_at >= field.effective_at
"""
_TOUCHPOINT = "insert into touchpoint values (%s, %s, %s, %s, %s)"


class View(PostgresTrackingRecorder):
    """Three tables and the library's tracking, kept in one transaction for each event."""

    def add(self, touchpoint: Touchpoint, tracking: Tracking) -> None:
        """One touchpoint."""
        with self.datastore.transaction(commit=True) as cursor:
            profile = self._identify(cursor, touchpoint)
            header = touchpoint.header
            row = (touchpoint.position, profile, header.effective_at, header.channel, header.name)
            cursor.execute(_TOUCHPOINT, row, prepare=True)
            for claim in claims_of(touchpoint):
                said = msgspec.json.encode(claim.value.obj).decode()
                cursor.execute(_FIELD, (profile, claim.attribute, said, claim.effective_at), prepare=True)
            self._insert_tracking(cursor, tracking)

    def _identify(self, cursor: Cursor[DictRow], touchpoint: Touchpoint) -> int | None:
        sightings = touchpoint.header.identifiers
        exclusive = [each.number for each in sightings if DEFAULT_RULES.exclusive(each.type)]
        numbers = exclusive or [each.number for each in sightings]
        if not numbers:
            return None
        found = [row["profile"] for row in cursor.execute(_PROFILES, (numbers,), prepare=True)]
        profile: int = min(found, default=numbers[0])
        if len(found) > 1:
            for statement in _MERGE:
                cursor.execute(statement, (profile, found), prepare=True)
        cursor.execute(_JOIN, (profile, [each.number for each in sightings]), prepare=True)
        return profile


class Profiles(Projection[View]):
    """The library's projection."""

    opener: Opener

    def process_event(self, domain_event: RecordedEvent, tracking: Tracking) -> None:
        """Opens the event and adds it to the view."""
        for touchpoint in self.opener.open([domain_event]):
            self.view.add(touchpoint, tracking)


def one_by_one(url: str, opener: Opener, events: Sequence[RecordedEvent]) -> float:
    """Projects them into a new database on this server; events a second."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("drop database if exists one_by_one")
        connection.execute("create database one_by_one")
    parts = {**conninfo_to_dict(url), "dbname": "one_by_one"}
    place = {name: str(parts[name]) for name in ("dbname", "host", "port", "user")}
    datastore = PostgresDatastore(**place, password="")  # type: ignore[arg-type]
    try:
        with datastore.transaction(commit=True) as cursor:
            cursor.execute(_TABLES)
        view = View(datastore)
        view.create_table()
        projection = Profiles(view)
        projection.opener = opener
        started = time.perf_counter()
        for event in events:
            projection.process_event(event, Tracking("log", event.position))
        return len(events) / (time.perf_counter() - started)
    finally:
        datastore.close()
