"""The one way into the log: under its lock, in one transaction, positions without gaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from struct import Struct
from typing import Any
from uuid import UUID

from psycopg import Cursor

from cdp.log.events import ACCEPTED, CONFLICT, DUPLICATE, LogHeadMissing, NewEvent, Outcome

LOCK = 0x6C6F67
"""Key of the advisory transaction lock under which positions are given out."""

_OPEN = """
select position, greatest(recorded_at, clock_timestamp()), vault_generation
from log_head
"""
_CLOSE = """
update log_head
set position = %s, recorded_at = %s
"""
_RAISE_GENERATION = """
update log_head
set vault_generation = greatest(vault_generation, %s)
"""
_KNOWN = """
select message, position, fingerprint
from dedupe
where message = any(%s)
"""
_STREAMS = """
select originator_id, version
from stream
where originator_id = any(%s)
"""
_SAVE_STREAMS = """
insert into stream (originator_id, version)
select * from unnest(%s::uuid[], %s::bigint[])
on conflict (originator_id) do update
set version = greatest(stream.version, excluded.version)
"""
_COPY_EVENTS = """
copy event (position, originator_id, originator_version, topic, recorded_at, header, business, personal)
from stdin (format binary)
"""
_COPY_DEDUPE = """
copy dedupe (message, position, fingerprint)
from stdin (format binary)
"""

_COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
_COPY_TRAILER = b"\xff\xff"
_EVENT_ROW = Struct(">hiqi16siqi")
_DEDUPE_ROW = Struct(">hi16siqi16s")
_TIMESTAMP = Struct(">iq")
_LENGTH = Struct(">i")
_NULL = b"\xff\xff\xff\xff"
_POSTGRES_EPOCH = datetime.fromisoformat("2000-01-01T00:00:00+00:00")


class StaleGeneration(Exception):
    """Keys were erased after this batch looked them up: look its identifiers up again and repeat the append."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(
            f"the batch was resolved under vault generation {expected}, the log is at {found}; resolve again"
        )
        self.found = found


class Writer:
    """Appends within one open transaction that holds the log's lock. Made by `Recorder.writing`.

    `cursor` is for rows that must commit together with the events.
    """

    def __init__(self, cursor: Cursor[Any], generation: int | None) -> None:
        cursor.execute("select pg_advisory_xact_lock(%s)", (LOCK,), prepare=True)
        row = cursor.execute(_OPEN, prepare=True).fetchone()
        if row is None:
            raise LogHeadMissing
        self.cursor = cursor
        self.position, self.recorded_at, found = row
        if generation is not None and generation < found:
            raise StaleGeneration(generation, found)

    def raise_generation(self, generation: int) -> None:
        """Refuses from now on what was resolved under an earlier generation of the vault, in whatever process."""
        self.cursor.execute(_RAISE_GENERATION, (generation,))

    def append(self, events: Sequence[NewEvent]) -> list[Outcome]:
        """Stores what is new and says for each event what became of it, in the order given.

        Versions are assigned per stream. An event whose message id is known is a duplicate when its fingerprint is the
        same and a conflict otherwise, also within one call.
        """
        known = self._known(events)
        outcomes: list[Outcome] = []
        fresh: list[NewEvent] = []
        first = self.position
        for event in events:
            earlier = known.get(event.message)
            if earlier is None:
                position = first + len(fresh) + 1
                known[event.message] = (position, event.fingerprint)
                fresh.append(event)
                outcomes.append(Outcome(ACCEPTED, position))
            else:
                kind = DUPLICATE if earlier[1] == event.fingerprint else CONFLICT
                outcomes.append(Outcome(kind, earlier[0]))
        if fresh:
            self._store(fresh)
        return outcomes

    def insert(self, rows: Iterable[tuple[UUID, int, str, bytes, bytes | None, bytes | None]]) -> list[int]:
        """Stores events whose stream, version and topic are given, and returns their positions."""
        rows = list(rows)
        first = self.position
        self._copy_events(rows)
        return list(range(first + 1, first + len(rows) + 1))

    def _known(self, events: Sequence[NewEvent]) -> dict[bytes, tuple[int, bytes]]:
        found = self.cursor.execute(_KNOWN, ([event.message for event in events],), prepare=True)
        return {message: (position, fingerprint) for message, position, fingerprint in found}

    def _store(self, events: list[NewEvent]) -> None:
        first = self.position
        versions = self._versions({event.originator_id for event in events})
        rows = []
        for event in events:
            version = versions[event.originator_id] = versions[event.originator_id] + 1
            rows.append((event.originator_id, version, event.topic, event.header, event.business, event.personal))
        self._copy_events(rows)
        self._copy_dedupe(first, events)
        self.cursor.execute(_SAVE_STREAMS, (list(versions), list(versions.values())), prepare=True)

    def _versions(self, streams: set[UUID]) -> dict[UUID, int]:
        found = self.cursor.execute(_STREAMS, (list(streams),), prepare=True).fetchall()
        return dict.fromkeys(streams, 0) | dict(found)

    def _copy_events(self, rows: Sequence[tuple[UUID, int, str, bytes, bytes | None, bytes | None]]) -> None:
        microseconds = _microseconds(self.recorded_at)
        timestamp = _TIMESTAMP.pack(8, microseconds)
        buffer = bytearray(_COPY_HEADER)
        position = self.position
        topics: dict[str, bytes] = {}
        for stream, version, topic, header, business, personal in rows:
            position += 1
            encoded = topics.get(topic) or topics.setdefault(topic, topic.encode())
            buffer += _EVENT_ROW.pack(8, 8, position, 16, stream.bytes, 8, version, len(encoded))
            buffer += encoded
            buffer += timestamp
            for part in (header, business, personal):
                if part is None:
                    buffer += _NULL
                else:
                    buffer += _LENGTH.pack(len(part))
                    buffer += part
        buffer += _COPY_TRAILER
        with self.cursor.copy(_COPY_EVENTS) as copy:
            copy.write(bytes(buffer))
        self.position = position
        self.cursor.execute(_CLOSE, (self.position, self.recorded_at), prepare=True)

    def _copy_dedupe(self, first: int, events: Sequence[NewEvent]) -> None:
        buffer = bytearray(_COPY_HEADER)
        rows = sorted((event.message, position, event.fingerprint) for position, event in enumerate(events, first + 1))
        for message, position, fingerprint in rows:
            buffer += _DEDUPE_ROW.pack(3, 16, message, 8, position, 16, fingerprint)
        buffer += _COPY_TRAILER
        with self.cursor.copy(_COPY_DEDUPE) as copy:
            copy.write(bytes(buffer))


def _microseconds(moment: datetime) -> int:
    """Microseconds since 2000, the form in which PostgreSQL stores and copies a timestamp."""
    since = moment - _POSTGRES_EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
