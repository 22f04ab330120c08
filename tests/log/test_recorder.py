"""The library's own test cases for recorders, through both of ours' entries."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import ApplicationRecorder, IntegrityError, StoredEvent
from eventsourcing.tests.persistence import ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase

from cdp.log.events import ACCEPTED, NewEvent
from cdp.log.recorder import Recorder
from cdp.log.writer import Writer
from cdp.postgres.databases import Databases


class AppendingRecorder(Recorder):
    """Takes the library's events, which bring their versions, through the entry that assigns them.

    A stream's counter is set so that its first event gets the version it asks for; an event stored before is a
    duplicate there and the library's integrity error here.
    """

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:
        with self.writing() as writer:
            return [self._append(writer, event) for event in stored_events]

    def _append(self, writer: Writer, event: StoredEvent) -> int:
        assert isinstance(event.originator_id, UUID)
        writer.cursor.execute(
            "insert into stream values (%s, %s) on conflict do nothing",
            (event.originator_id, event.originator_version - 1),
        )
        message = sha256(event.originator_id.bytes + event.originator_version.to_bytes(8, "big")).digest()[:16]
        (outcome,) = writer.append(
            [NewEvent(event.originator_id, event.topic, event.state, None, None, message, message)]
        )
        if outcome.kind != ACCEPTED:
            raise IntegrityError(outcome.kind)
        return outcome.position


class _Fresh:
    """Both cases create their recorder once, on the databases of the test."""

    INITIAL_VERSION = 1
    recorder: Recorder

    def new_originator_id(self) -> UUID:
        return uuid4()

    def create_recorder(self) -> Any:
        return self.recorder


class TestInsertEvents(_Fresh, ApplicationRecorderTestCase[ApplicationRecorder]):
    @pytest.fixture(autouse=True)
    def fresh(self, databases: Databases) -> None:
        self.recorder = Recorder(databases.log)

    def test_insert_subscribe(self) -> None:
        self.optional_test_insert_subscribe()

    @pytest.mark.slow
    def test_concurrent_no_conflicts(self, initial_position: int = 0) -> None:
        super().test_concurrent_no_conflicts(initial_position)


class TestAppend(TestInsertEvents):
    @pytest.fixture(autouse=True)
    def fresh(self, databases: Databases) -> None:
        self.recorder = AppendingRecorder(databases.log)


class TestInsertEventsDoNotInterleave(_Fresh, NonInterleavingNotificationIDsBaseCase):
    @pytest.fixture(autouse=True)
    def fresh(self, databases: Databases) -> None:
        self.recorder = Recorder(databases.log)


class TestAppendsDoNotInterleave(TestInsertEventsDoNotInterleave):
    insert_num = 100

    @pytest.fixture(autouse=True)
    def fresh(self, databases: Databases) -> None:
        self.recorder = AppendingRecorder(databases.log)


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase
