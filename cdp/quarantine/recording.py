"""Recording a decision together with the first of its effects, in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import cast
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.persistence import StoredEvent

from cdp.log.application import Log
from cdp.log.events import PartedEvent
from cdp.log.writer import Writer


class Decided:
    """A decision whose event commits with what is written in the first of its transactions, or not at all.

    A decision that meets nothing is never recorded.
    """

    def __init__(self, log: Log, decision: Aggregate) -> None:
        self._log = log
        self._decision = decision
        self.id: UUID = decision.id
        self.recorded = False

    @contextmanager
    def recording(self) -> Iterator[Writer]:
        """A transaction under the log's lock."""
        stored = [] if self.recorded else self._stored()
        with self._log.touchpoints.writing() as writer:
            if stored:
                writer.insert([_row(each) for each in stored])
            yield writer
        self.recorded = True

    def _stored(self) -> list[StoredEvent]:
        """The decision's events, sealed before the lock is taken; the same each time."""
        return [self._log.mapper.to_stored_event(each) for each in self._decision.pending_events]


def _row(event: StoredEvent) -> tuple[UUID, int, str, bytes, bytes | None, bytes | None]:
    parts = event if isinstance(event, PartedEvent) else None
    return (
        cast(UUID, event.originator_id),
        event.originator_version,
        event.topic,
        event.state,
        parts.business if parts else None,
        parts.personal if parts else None,
    )
