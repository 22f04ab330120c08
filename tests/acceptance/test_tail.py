"""Readers that follow the log while writers are slow, fail or are cut off: no position is ever passed over."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import DatabaseError, StoredEvent

from cdp.log.events import NewEvent
from cdp.log.reader import LogCorrupt, LogReader
from cdp.log.recorder import Recorder
from cdp.log.touchpoint import TOPIC
from cdp.postgres.databases import Databases
from tests.acceptance.served import eventually

STREAMS = [UUID(int=number) for number in (1, 2, 3)]


def events(count: int, stream: UUID | None = None) -> list[NewEvent]:
    return [
        NewEvent(stream or random.choice(STREAMS), TOPIC, b"{}", None, None, uuid4().bytes, b"f" * 16)
        for _ in range(count)
    ]


class Tail:
    """A reader in a thread of its own that follows the log; `seen` are the positions in the order it saw them."""

    def __init__(self, databases: Databases) -> None:
        self.seen: list[int] = []
        self._reader = LogReader(databases.log)
        self._stop = threading.Event()
        self._failed: list[LogCorrupt] = []

    @contextmanager
    def following(self) -> Iterator[Tail]:
        thread = threading.Thread(target=self._follow, name="tail")
        thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            thread.join()
        assert self._failed == []

    def _follow(self) -> None:
        while not self._stop.is_set() and not self._failed:
            try:
                events = self._reader.read(self.seen[-1] if self.seen else 0, 7)
            except LogCorrupt as error:
                self._failed.append(error)
            else:
                self.seen.extend(event.position for event in events)

    def up_to(self, position: int) -> list[int]:
        """What it saw once it is there."""
        eventually(lambda: len(self.seen) >= position or bool(self._failed), f"the reader at {position}")
        return self.seen


@pytest.fixture
def tail(databases: Databases) -> Iterator[Tail]:
    with Tail(databases).following() as tail:
        yield tail


@pytest.fixture
def recorder(databases: Databases) -> Recorder:
    return Recorder(databases.log)


def test_a_reader_does_not_pass_a_writer_that_commits_late(
    databases: Databases, recorder: Recorder, tail: Tail
) -> None:
    recorder.append(events(5))
    assert tail.up_to(5) == [1, 2, 3, 4, 5]
    appended, release = threading.Event(), threading.Event()

    def slow() -> None:
        with recorder.writing() as writer:
            writer.append(events(10))
            appended.set()
            assert release.wait(20)

    with ThreadPoolExecutor(3) as pool:
        late = pool.submit(slow)
        assert appended.wait(10)
        others = [pool.submit(recorder.append, events(10)) for _ in range(2)]
        eventually(lambda: waiting(databases) == 2, "two writers waiting for the slow one")
        assert tail.seen == [1, 2, 3, 4, 5]
        release.set()
        late.result(10)
        positions = [outcome.position for each in others for outcome in each.result(10)]
    assert sorted(positions) == list(range(16, 36))
    assert tail.up_to(35) == list(range(1, 36))


def waiting(databases: Databases) -> int:
    with databases.read.connection() as connection:
        (count,) = connection.execute("select count(*) from pg_locks where not granted").fetchone() or (0,)
        return int(count)


def test_a_reader_sees_every_position_of_writers_that_are_slow_at_random(recorder: Recorder, tail: Tail) -> None:

    def write(seed: int) -> int:
        chance = random.Random(seed)
        written = 0
        for version in range(1, 26):
            with recorder.writing() as writer:
                written += len(writer.append(events(chance.randint(1, 9))))
                if chance.random() < 0.3:
                    writer.cursor.execute("select pg_sleep(%s)", [chance.random() / 50])
            aggregate = StoredEvent(UUID(int=1000 + seed), version, "test.v1", b"{}")
            written += len(recorder.insert_events([aggregate]) or ())
        return written

    with ThreadPoolExecutor(3) as pool:
        total = sum(pool.map(write, range(3)))
    assert tail.up_to(total) == list(range(1, total + 1))


def test_rollbacks_and_cut_connections_leave_no_gap(databases: Databases, recorder: Recorder, tail: Tail) -> None:
    faults = (*("none",) * 3, "raise", "error", "cut")

    def write(seed: int) -> list[tuple[UUID, int]]:
        chance = random.Random(seed)
        committed: list[tuple[UUID, int]] = []
        for _ in range(20):
            batch = events(chance.randint(1, 5))
            with suppress(Abandoned, DatabaseError), recorder.writing() as writer:
                outcomes = writer.append(batch)
                fail(chance.choice(faults), writer.cursor)
                writer.cursor.execute("select 1")
                written = zip(batch, outcomes, strict=True)
                committed += [(event.originator_id, outcome.position) for event, outcome in written]
        return committed

    with ThreadPoolExecutor(3) as pool:
        committed = sorted((each for some in pool.map(write, range(3)) for each in some), key=lambda pair: pair[1])
    assert [position for _, position in committed] == list(range(1, len(committed) + 1))
    assert tail.up_to(len(committed)) == list(range(1, len(committed) + 1))
    stored = LogReader(databases.log).read(0, 10_000)
    assert [(event.originator_id, event.position) for event in stored] == committed
    for stream in STREAMS:
        versions = [event.version for event in stored if event.originator_id == stream]
        assert versions == list(range(1, len(versions) + 1))


class Abandoned(Exception):
    """A writer changes its mind."""


def fail(how: str, cursor: psycopg.Cursor[tuple[object, ...]]) -> None:
    if how == "raise":
        raise Abandoned
    if how == "error":
        cursor.execute("select 1 / 0")
    if how == "cut":
        cursor.execute("select pg_terminate_backend(pg_backend_pid())")
