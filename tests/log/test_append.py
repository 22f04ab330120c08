"""Appending: one outcome an item, positions and versions without a gap, whatever rolls back."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from eventsourcing.persistence import IntegrityError, StoredEvent

from cdp.log.events import ACCEPTED, CONFLICT, DUPLICATE, NewEvent, Outcome
from cdp.log.reader import LogCorrupt, LogReader
from cdp.log.recorder import Recorder
from cdp.log.writer import StaleGeneration
from cdp.postgres.databases import Databases

SHOP, TILL = uuid4(), uuid4()


def new(message: int, content: int = 0, stream: UUID = SHOP) -> NewEvent:
    return NewEvent(
        stream, "touchpoint.v1", b"header", b"business", None, message.to_bytes(16, "big"), content.to_bytes(16, "big")
    )


@pytest.fixture
def recorder(databases: Databases) -> Recorder:
    return Recorder(databases.log)


@pytest.fixture
def reader(databases: Databases) -> LogReader:
    return LogReader(databases.log)


def test_new_messages_are_accepted_at_rising_positions(recorder: Recorder) -> None:
    assert recorder.append([new(1), new(2)]) == [Outcome(ACCEPTED, 1), Outcome(ACCEPTED, 2)]
    assert recorder.append([new(3)]) == [Outcome(ACCEPTED, 3)]


def test_a_repetition_is_a_duplicate_of_the_first(recorder: Recorder) -> None:
    recorder.append([new(1), new(2)])
    assert recorder.append([new(2), new(3), new(3)]) == [
        Outcome(DUPLICATE, 2),
        Outcome(ACCEPTED, 3),
        Outcome(DUPLICATE, 3),
    ]


def test_the_same_message_with_other_content_is_a_conflict(recorder: Recorder) -> None:
    recorder.append([new(1, content=7)])
    assert recorder.append([new(1, content=8), new(2, content=1), new(2, content=2)]) == [
        Outcome(CONFLICT, 1),
        Outcome(ACCEPTED, 2),
        Outcome(CONFLICT, 2),
    ]


def test_each_stream_counts_its_own_events(recorder: Recorder, reader: LogReader) -> None:
    recorder.append([new(1), new(2, stream=TILL), new(3)])
    recorder.append([new(4, stream=TILL), new(1)])
    found = [(event.originator_id, event.version) for event in reader.read(0, 10)]
    assert found == [(SHOP, 1), (TILL, 1), (SHOP, 2), (TILL, 2)]


def test_a_rollback_leaves_no_gap(recorder: Recorder, reader: LogReader) -> None:
    recorder.append([new(1)])
    with pytest.raises(RuntimeError), recorder.writing() as writer:
        writer.append([new(2), new(3)])
        raise RuntimeError
    recorder.append([new(4), new(5)])
    events = reader.read(0, 10)
    assert [event.position for event in events] == [1, 2, 3]
    assert [event.version for event in events] == [1, 2, 3]
    assert reader.head().position == 3


def test_times_of_recording_never_fall(recorder: Recorder, reader: LogReader) -> None:
    for message in range(20):
        recorder.append([new(message)])
    times = [event.recorded_at for event in reader.read(0, 100)]
    assert times == sorted(times)


def test_time_of_recording_stands_still_when_the_clock_was_ahead(
    recorder: Recorder, reader: LogReader, databases: Databases
) -> None:
    with databases.log.connection() as connection:
        connection.execute("update log_head set recorded_at = now() + interval '1 day'")
    recorder.append([new(1)])
    recorder.append([new(2)])
    first, second = reader.read(0, 10)
    assert first.recorded_at == second.recorded_at


def test_versions_that_exist_are_refused_and_nothing_else_is_stored(recorder: Recorder, reader: LogReader) -> None:
    stream = uuid4()
    recorder.insert_events([StoredEvent(stream, 1, "a", b"1")])
    with pytest.raises(IntegrityError):
        recorder.insert_events([StoredEvent(stream, 2, "a", b"2"), StoredEvent(stream, 1, "a", b"3")])
    assert recorder.insert_events([StoredEvent(stream, 2, "a", b"4")]) == [2]
    assert [event.header for event in reader.read(0, 10)] == [b"1", b"4"]


def test_a_batch_resolved_before_an_erasure_is_refused(recorder: Recorder, databases: Databases) -> None:
    with databases.log.connection() as connection:
        connection.execute("update log_head set vault_generation = 3")
    with pytest.raises(StaleGeneration) as stale:
        recorder.append([new(1)], generation=2)
    assert stale.value.found == 3
    assert recorder.append([new(1)], generation=3) == [Outcome(ACCEPTED, 1)]


def test_a_missing_position_is_corruption(recorder: Recorder, reader: LogReader, databases: Databases) -> None:
    recorder.append([new(1), new(2), new(3)])
    with databases.log.connection() as connection:
        connection.execute("delete from event where position = 2")
    with pytest.raises(LogCorrupt, match="position 2"):
        reader.read(0, 10)
