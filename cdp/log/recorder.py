"""The log's recorder: the eventsourcing library's contract on tables whose positions have no gaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Thread
from time import sleep
from typing import Any
from uuid import UUID

import psycopg
from eventsourcing.persistence import (
    ApplicationRecorder,
    DatabaseError,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    OperationalError,
    StoredEvent,
    Subscription,
)
from psycopg import Connection
from psycopg_pool import ConnectionPool

from cdp.log.events import NewEvent, Outcome, PartedEvent
from cdp.log.writer import Writer

_SELECT = """
select originator_id, originator_version, topic, header, business, personal, redacted
from event
where originator_id = %(originator_id)s
  and originator_version > %(gt)s
  and originator_version <= %(lte)s
order by originator_version {direction}
limit %(limit)s
"""
_NOTIFICATIONS = """
select position, originator_id, originator_version, topic, header
from event
where position >= %(start)s
  and position <= %(stop)s
  and (%(topics)s::text[] is null or topic = any(%(topics)s))
order by position
limit %(limit)s
"""
_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
_POLL_SECONDS = 0.05


class Recorder(ApplicationRecorder):
    """Two entries: `insert_events`, where the caller gives the versions, and `append`, where the log does.

    Both run under one advisory lock in one transaction, so that a reader by position never passes an event that
    commits later. Nothing is notified inside the transaction; subscribers poll.
    """

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self.pool = pool

    @contextmanager
    def writing(self, generation: int | None = None) -> Iterator[Writer]:
        """A transaction that holds the log's lock; what the writer appends commits at the end, or nothing does.

        Raises `StaleGeneration` when the vault's keys were erased since `generation`.
        """
        with (
            _library_errors(),
            self.pool.connection() as connection,
            connection.transaction(),
            connection.cursor(binary=True) as cursor,
        ):
            yield Writer(cursor, generation)

    def append(self, events: Sequence[NewEvent], generation: int | None = None) -> list[Outcome]:
        """Stores the events in one transaction of their own; see `Writer.append`."""
        with self.writing(generation) as writer:
            return writer.append(events)

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        """Stores events with the versions they carry; a version that exists raises the library's `IntegrityError`."""
        with self.writing() as writer:
            return writer.insert(
                (
                    _uuid(event.originator_id),
                    event.originator_version,
                    event.topic,
                    event.state,
                    event.business if isinstance(event, PartedEvent) else None,
                    event.personal if isinstance(event, PartedEvent) else None,
                )
                for event in stored_events
            )

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """The events of one stream in the order of their versions."""
        rows = self._fetch(
            _SELECT.format(direction="desc" if desc else "asc"),
            {
                "originator_id": originator_id,
                "gt": _SMALLEST if gt is None else gt,
                "lte": _LARGEST if lte is None else lte,
                "limit": limit,
            },
        )
        return [_stored(*row) for row in rows]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        """Headers by position, as the library's own tools read them; projections use `LogReader`."""
        first = _SMALLEST if start is None else start if inclusive_of_start else start + 1
        last = _LARGEST if stop is None else stop
        window = {"start": first, "stop": last, "topics": list(topics) or None, "limit": limit}
        return [
            Notification(id=position, originator_id=stream, originator_version=version, topic=topic, state=header)
            for position, stream, version, topic, header in self._fetch(_NOTIFICATIONS, window)
        ]

    def max_notification_id(self) -> int | None:
        """The last position, or None when the log is empty."""
        (row,) = self._fetch("select position from log_head", {})
        return row[0] or None

    def subscribe(self, gt: int | None = None, topics: Sequence[str] = ()) -> Subscription[ApplicationRecorder]:
        """Follows the log from position `gt`."""
        return PollingSubscription(recorder=self, gt=gt, topics=topics)

    def _fetch(self, query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
        with _library_errors(), self.pool.connection() as connection, connection.cursor(binary=True) as cursor:
            return cursor.execute(query, parameters).fetchall()


class PollingSubscription(ListenNotifySubscription[ApplicationRecorder]):
    """A subscription that looks for new events every 50 ms, since a NOTIFY would take a global lock at commit."""

    def __init__(self, recorder: ApplicationRecorder, gt: int | None = None, topics: Sequence[str] = ()) -> None:
        super().__init__(recorder=recorder, gt=gt, topics=topics)
        self._poll_thread = Thread(target=self._poll, daemon=True)
        self._poll_thread.start()

    def _poll(self) -> None:
        while not self._has_been_stopped:
            self._has_been_notified.set()
            sleep(_POLL_SECONDS)


def _uuid(originator_id: UUID | str) -> UUID:
    return originator_id if isinstance(originator_id, UUID) else UUID(originator_id)


def _stored(
    originator_id: UUID,
    version: int,
    topic: str,
    header: bytes,
    business: bytes | None,
    personal: bytes | None,
    redacted: list[str] | None,
) -> StoredEvent:
    if business is None and personal is None:
        return StoredEvent(originator_id, version, topic, header)
    return PartedEvent(originator_id, version, topic, header, business, personal, tuple(redacted or ()))


_TRANSLATED: tuple[tuple[type[psycopg.Error], Callable[[str], DatabaseError]], ...] = (
    (psycopg.IntegrityError, IntegrityError),
    (psycopg.OperationalError, OperationalError),
    (psycopg.InternalError, OperationalError),
    (psycopg.DatabaseError, DatabaseError),
)
"""An internal error is the server's own state, not the data's: a transaction or an idle session that took too long
(SQLSTATE 25P03, 25P04), a server that only reads (25006), a disk that fails. What was to be stored is sent again."""


@contextmanager
def _library_errors() -> Iterator[None]:
    """The library's error classes, so that its application retries and reports as with its own recorders.

    The message is the server's primary one only: its detail may quote a value.
    """
    try:
        yield
    except psycopg.Error as error:
        message = error.diag.message_primary or type(error).__name__
        for driver_class, library_class in _TRANSLATED:
            if isinstance(error, driver_class):
                raise library_class(message) from error
        raise
