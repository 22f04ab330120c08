"""The engine: brings projections up to the head of the log, batch by batch, the same way live and in a replay.

The projection that is furthest behind sets the pace: a batch begins at the lowest checkpoint and ends where the next
projection stands, so each batch is read and decoded once for all that are due. Rows and checkpoints of a batch commit
in one transaction.
"""

from __future__ import annotations

import dataclasses
import logging
import traceback
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol

import psycopg

from cdp.log.events import Head, RecordedEvent
from cdp.log.touchpoint import Touchpoint
from projections.checkpoint import Checkpoint, advance_checkpoint, park
from projections.contract import Batch, Connected, Projection, Surroundings, Writer, schema_of
from projections.preparation import prepare, publish_ready

BATCH_SIZE = 5_000

_logger = logging.getLogger(__name__)


class Reader(Protocol):
    """The part of the log's reader that the engine needs."""

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """At most `limit` events past `after`, in order, without a gap, up to `up_to` inclusive."""
        ...

    def head(self) -> Head:
        """The last position, its time, and the log's incarnation."""
        ...


class Opener(Protocol):
    """What turns recorded events into touchpoints."""

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among the events, in order."""
        ...


class ProjectionFailed(Exception):
    """A projection cannot digest an event. While it is built anew this is fatal: mend the projection, start again."""

    def __init__(self, names: Sequence[str], after: int, position: int, error: Exception) -> None:
        super().__init__(
            f"{', '.join(names)} failed with {type(error).__name__} on the events past position {after} up to "
            f"{position}; a projection that is built anew must digest every event: mend it and start again"
        )
        self.names = tuple(names)
        self.error = error


class Engine:
    """Runs projections on one connection, which holds the leadership. Not safe to share between threads."""

    def __init__(
        self,
        connection: Connected,
        reader: Reader,
        opener: Opener,
        projections: Sequence[Projection],
        surroundings: Surroundings,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        self._connection = connection
        self._reader = reader
        self._opener = opener
        self._projections = {projection.name: projection for projection in projections}
        self._surroundings = surroundings
        self._batch_size = batch_size
        self._schemas = {projection.name: schema_of(projection) for projection in projections}
        self._head = reader.head()
        self._checkpoints: dict[str, Checkpoint] = {}
        self._writers: dict[str, Writer] = {}
        self._prepare()

    @property
    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Where each projection stands."""
        return dict(self._checkpoints)

    def step(self) -> int:
        """Applies the next batch and gives its number of events; 0 when every projection was at the head already.

        Raises `LeadershipLost`, `ProjectionFailed` for an error in a rebuild, and what psycopg raises when a database
        is away; then nothing of the batch was written, and the engine must not be used further.
        """
        self._head = self._reader.head()
        if self._log_changed():
            self._prepare()
        lowest = min(checkpoint.position for checkpoint in self._checkpoints.values())
        if lowest >= self._head.position:
            return 0
        due = [name for name, checkpoint in self._checkpoints.items() if checkpoint.position == lowest]
        events = self._reader.read(lowest, self._batch_size, self._next_stop(lowest))
        self._advance(due, events)
        self._checkpoints = publish_ready(self._connection, self._projections, self._checkpoints)
        return len(events)

    def _prepare(self) -> None:
        self._checkpoints = prepare(self._connection, self._projections, self._surroundings, self._head)
        self._renew_writers()

    def _log_changed(self) -> bool:
        return any(
            checkpoint.incarnation != self._head.incarnation or checkpoint.position > self._head.position
            for checkpoint in self._checkpoints.values()
        )

    def _next_stop(self, lowest: int) -> int:
        """Where the next projection stands, so that a batch never runs past it; else the head."""
        above = [each.position for each in self._checkpoints.values() if each.position > lowest]
        return min(above, default=self._head.position)

    def _renew_writers(self) -> None:
        """Forgets what writers remember: it may come from a transaction that was rolled back."""
        self._writers = {
            name: projection.writer(self._schemas, self._surroundings) for name, projection in self._projections.items()
        }

    def _advance(
        self, due: Sequence[str], events: Sequence[RecordedEvent], parked: Mapping[str, Exception] | None = None
    ) -> None:
        """Applies events to the projections due; halves them until an event that one cannot digest stands alone.

        For those in `parked` that event is left out, with the error that it gave.
        """
        parked = parked or {}
        try:
            self._apply(due, events, parked)
        except ProjectionFailed as failure:
            self._renew_writers()
            if not all(self._checkpoints[name].live and name not in parked for name in failure.names):
                raise
            if len(events) > 1:
                half = len(events) // 2
                self._advance(due, events[:half])
                self._advance(due, events[half:])
            else:
                self._advance(due, events, {**parked, **dict.fromkeys(failure.names, failure.error)})

    def _apply(self, due: Sequence[str], events: Sequence[RecordedEvent], parked: Mapping[str, Exception]) -> None:
        last = events[-1]
        batch = Batch(self._open(due, events, parked), events[0].position - 1, last.position)
        nothing = dataclasses.replace(batch, touchpoints=())
        with self._connection.transaction():
            moved = [self._move(name, last.position, last.recorded_at) for name in due]
            for name in due:
                self._write(name, nothing if name in parked else batch)
            for name, error in parked.items():
                park(self._connection, self._checkpoints[name], last.position, error)
        self._checkpoints.update({checkpoint.projection: checkpoint for checkpoint in moved})
        for name in parked:
            _logger.error("parked the event at position %d for %s", last.position, name)

    def _open(
        self, due: Sequence[str], events: Sequence[RecordedEvent], parked: Mapping[str, Exception]
    ) -> list[Touchpoint]:
        if parked.keys() >= set(due):
            return []
        try:
            return self._opener.open(events)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an event does to its decoder, it may not stop the others
            raise self._failure(due, events[0].position - 1, events[-1].position, error) from None

    def _write(self, name: str, batch: Batch) -> None:
        try:
            batch.moved[name] = self._writers[name].write(batch, self._connection)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an event does to a projection, it may not stop the others
            raise self._failure([name], batch.after, batch.position, error) from None

    def _failure(self, names: Sequence[str], after: int, position: int, error: Exception) -> ProjectionFailed:
        failure = ProjectionFailed(names, after, position, error)
        place = "".join(traceback.format_tb(error.__traceback__)[-3:])
        _logger.warning("%s failed with %s, events %d to %d, at\n%s", names, type(error), after + 1, position, place)
        return failure

    def _move(self, name: str, position: int, recorded_at: datetime) -> Checkpoint:
        old = self._checkpoints[name]
        new = old.moved(position, recorded_at, self._head.position)
        advance_checkpoint(self._connection, old, new)
        return new
