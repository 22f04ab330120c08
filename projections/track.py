"""A track: projections that move along the log together, batch by batch.

The projection that is furthest behind sets the pace: a batch begins at the lowest checkpoint and ends where the next
projection stands, so each batch is read and decoded once for all that are due. Rows and checkpoints of a batch commit
in one transaction.
"""

from __future__ import annotations

import dataclasses
import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import psycopg

from cdp.log.events import Head, RecordedEvent
from cdp.log.touchpoint import Touchpoint
from projections.checkpoint import Checkpoint, advance_checkpoint
from projections.contract import Batch, Connected, Projection, Surroundings, Writer
from projections.parking import KeyParked, keys_of, keys_of_recorded, park, park_keys, read_parked_keys

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
    """A projection cannot digest an event. While it is built this is fatal: mend the projection, start again."""

    def __init__(self, names: Sequence[str], after: int, position: int, error: Exception) -> None:
        super().__init__(
            f"{', '.join(names)} failed with {type(error).__name__} on the events past position {after} up to "
            f"{position}; a projection that is built must digest every event: mend it and start again"
        )
        self.names = tuple(names)
        self.position = position
        self.error = error


@dataclass(frozen=True)
class Workplace:
    """What tracks work with: the connection that holds the leadership, the log, and what projections depend on."""

    connection: Connected
    reader: Reader
    opener: Opener
    projections: Mapping[str, Projection]
    surroundings: Surroundings
    batch_size: int


class Track:
    """Applies batches to its projections. After a lost connection it must not be used further."""

    def __init__(self, workplace: Workplace, checkpoints: Mapping[str, Checkpoint]) -> None:
        self._work = workplace
        self.checkpoints = dict(checkpoints)
        parked = read_parked_keys(workplace.connection)
        self._parked_keys = {name: parked[name, each.version] for name, each in checkpoints.items() if each.live}
        self._writers: dict[str, Writer] = {}
        self.renew_writers()

    @property
    def lowest(self) -> int | None:
        """Where the projection stands that is furthest behind; None when the track has none."""
        return min((each.position for each in self.checkpoints.values()), default=None)

    def step(self, up_to: int) -> int:
        """Applies the next batch and gives its number of events; 0 when all are at `up_to` already.

        Raises `LeadershipLost`, `ProjectionFailed` for an error in a build, and what psycopg raises when a database is
        away; then nothing of the failing events was written.
        """
        lowest = self.lowest
        if lowest is None or lowest >= up_to:
            return 0
        due = [name for name, each in self.checkpoints.items() if each.position == lowest]
        above = [each.position for each in self.checkpoints.values() if each.position > lowest]
        events = self._work.reader.read(lowest, self._work.batch_size, min([up_to, *above]))
        self._advance(due, events)
        return len(events)

    def renew_writers(self) -> None:
        """Forgets what writers remember: it may come from a transaction that was rolled back."""
        schemas = {name: each.schema for name, each in self.checkpoints.items()}
        self._writers = {
            name: self._work.projections[name].writer(schemas, self._work.surroundings) for name in self.checkpoints
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
            self.renew_writers()
            if len(events) > 1:
                half = len(events) // 2
                self._advance(due, events[:half])
                self._advance(due, events[half:])
            elif all(self.checkpoints[name].live and name not in parked for name in failure.names):
                self._advance(due, events, {**parked, **dict.fromkeys(failure.names, failure.error)})
            else:
                raise

    def _apply(self, due: Sequence[str], events: Sequence[RecordedEvent], parked: Mapping[str, Exception]) -> None:
        last = events[-1]
        batch = Batch(self._open(due, events, parked), events[0].position - 1, last.position)
        with self._work.connection.transaction():
            moved = [self._move(name, last.position, last.recorded_at) for name in due]
            for name in due:
                self._write(name, self._left(name, batch, parked))
            for name, error in parked.items():
                self._park(name, last, batch, error)
        self.checkpoints.update({checkpoint.projection: checkpoint for checkpoint in moved})

    def _left(self, name: str, batch: Batch, parked: Mapping[str, Exception]) -> Batch:
        """The batch without what is parked for a projection."""
        if name in parked:
            return dataclasses.replace(batch, touchpoints=())
        keys, projection = self._parked_keys.get(name), self._work.projections[name]
        if not keys:
            return batch
        late = [each for each in batch.touchpoints if keys & keys_of(projection, each)]
        for touchpoint in late:
            park(self._work.connection, self.checkpoints[name], touchpoint.position, KeyParked())
        positions = {each.position for each in late}
        left = [each for each in batch.touchpoints if each.position not in positions]
        return dataclasses.replace(batch, touchpoints=left) if late else batch

    def _park(self, name: str, event: RecordedEvent, batch: Batch, error: Exception) -> None:
        projection, checkpoint = self._work.projections[name], self.checkpoints[name]
        keys = [keys_of(projection, touchpoint) for touchpoint in batch.touchpoints]
        known = keys[0] if keys else keys_of_recorded(projection, event)
        park(self._work.connection, checkpoint, event.position, error)
        park_keys(self._work.connection, checkpoint, event.position, known)
        self._parked_keys[name] |= known
        _logger.error("parked the event at position %d for %s", event.position, name)

    def _open(
        self, due: Sequence[str], events: Sequence[RecordedEvent], parked: Mapping[str, Exception]
    ) -> list[Touchpoint]:
        try:
            return self._work.opener.open(events)
        except psycopg.OperationalError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever an event does to its decoder, it may not stop the others
            if parked.keys() >= set(due):
                return []
            raise self._failure(due, events[0].position - 1, events[-1].position, error) from None

    def _write(self, name: str, batch: Batch) -> None:
        try:
            batch.moved[name] = self._writers[name].write(batch, self._work.connection)
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
        old = self.checkpoints[name]
        new = old.moved(position, recorded_at)
        advance_checkpoint(self._work.connection, old, new)
        return new

    def take_in(self, name: str, positions: Sequence[int]) -> None:
        """Applies parked events to a live projection for which it does not matter how late they come.

        Raises `ProjectionFailed`; then nothing was written.
        """
        checkpoint = self.checkpoints[name]
        events = [event for each in positions for event in self._work.reader.read(each - 1, 1)]
        batch = Batch(self._open([name], events, {}), checkpoint.position, checkpoint.position)
        try:
            self._write(name, batch)
        except ProjectionFailed:
            self.renew_writers()
            raise
        self._parked_keys[name] = set()
