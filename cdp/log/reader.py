"""Reading the log by position: the one way in which projections, exports and checks see events."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from cdp.log.events import Head, LogHeadMissing, RecordedEvent
from cdp.log.touchpoint import TOPIC

_COLUMNS = """position, originator_id, originator_version, topic, recorded_at, header, business, personal, redacted"""

_READ = f"""
select {_COLUMNS}
from event
where position > %(after)s and position <= %(up_to)s
order by position
limit %(limit)s
"""
_READ_CONTROL = f"""
select {_COLUMNS}
from event
where position > %(after)s and topic <> '{TOPIC}'
order by position
"""
_READ_LAST = f"""
select {_COLUMNS}
from event
where originator_id = %(stream)s and originator_version < %(before)s
order by originator_version desc
limit %(limit)s
"""
_READ_LATEST = f"""
select {_COLUMNS}
from event
where position < %(before)s and topic <> '{TOPIC}' and topic = any(%(topics)s)
order by position desc
limit %(limit)s
"""
_HEAD = """
select position, nullif(recorded_at, '-infinity'), incarnation
from log_head
"""
_LAST = 2**63 - 1


class LogCorrupt(Exception):
    """Positions of the log have a gap, which no crash or rollback can leave: restore the log from a backup."""

    def __init__(self, expected: int, found: int) -> None:
        super().__init__(f"the log has no event at position {expected}, the next is at {found}; restore a backup")


class LogReader:
    """Reads events in the order of their positions. Safe to share between threads."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """At most `limit` events past position `after`, up to `up_to` inclusive.

        Raises `LogCorrupt` where a position is missing.
        """
        window = {"after": after, "limit": limit, "up_to": _LAST if up_to is None else up_to}
        events = self._fetch(_READ, window)
        for expected, event in enumerate(events, start=after + 1):
            if event.position != expected:
                raise LogCorrupt(expected, event.position)
        return events

    def read_control(self, after: int) -> list[RecordedEvent]:
        """All events past `after` that are not touchpoints: what aggregates recorded."""
        return self._fetch(_READ_CONTROL, {"after": after})

    def read_last(self, stream: UUID, limit: int, before: int | None = None) -> list[RecordedEvent]:
        """The last `limit` events of a stream, newest first; only those below version `before`, to read on."""
        return self._fetch(
            _READ_LAST, {"stream": stream, "limit": limit, "before": _LAST if before is None else before}
        )

    def read_latest(self, topics: Collection[str], limit: int, before: int | None = None) -> list[RecordedEvent]:
        """The last `limit` events of these topics of aggregates, newest first; only those below position `before`."""
        window: dict[str, int | UUID | list[str]] = {"topics": list(topics), "limit": limit, "before": before or _LAST}
        return self._fetch(_READ_LATEST, window)

    def head(self) -> Head:
        """The last position (0 when empty), its time, and the log's incarnation."""
        with self._pool.connection() as connection:
            row = connection.execute(_HEAD).fetchone()
        if row is None:
            raise LogHeadMissing
        return Head(*row)

    def _fetch(self, query: str, parameters: Mapping[str, int | UUID | list[str]]) -> list[RecordedEvent]:
        with self._pool.connection() as connection, connection.cursor(binary=True) as cursor:
            rows = cursor.execute(query, parameters, prepare=True).fetchall()
        return [RecordedEvent._make((*row[:8], tuple(row[8] or ()))) for row in rows]
