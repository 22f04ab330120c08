"""When the log cannot be written: 503 with a time after which to try again, soon, and never a hang or a false 200."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from cdp.log.recorder import Recorder
from cdp.log.writer import LOCK, Writer
from tests.acceptance.ledger import assert_gapless, books, message_ids
from tests.acceptance.load import call
from tests.acceptance.served import Served, eventually, ready, served
from tests.acceptance.test_tail import events

pytestmark = pytest.mark.slow

LOCK_SECONDS, TRANSACTION_SECONDS, IDLE_SECONDS = 1, 3, 1
BOUND = 60
"""A client's patience: without time-outs of the server the requests here would take for ever."""

ITEMS = 10


class Door:
    """A server with short time-outs and a short queue, and a source to send as."""

    def __init__(self, server: Served) -> None:
        self.server = server
        self.client = httpx.Client(base_url=server.url, auth=(server.add_source("shop"), ""), timeout=BOUND)

    def send(self, calls: list[dict[str, Any]]) -> httpx.Response:
        return self.client.post("/v1/batch", json={"batch": calls})

    def until_taken(self, calls: list[dict[str, Any]]) -> None:
        eventually(lambda: self.send(calls).status_code == 200, "taken in", BOUND)

    def stored(self) -> Counter[str]:
        with self.server.platform() as platform:
            assert_gapless(platform)
            assert books(platform, "shop").balanced
            return message_ids(platform)


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    settings = {
        "CDP_LOCK_TIMEOUT": f"{LOCK_SECONDS}",
        "CDP_TRANSACTION_TIMEOUT": f"{TRANSACTION_SECONDS}",
        "CDP_IDLE_TIMEOUT": f"{IDLE_SECONDS}",
        "CDP_BATCH_ITEMS": f"{ITEMS}",
        "CDP_QUEUE_ITEMS": f"{4 * ITEMS}",
    }
    with served("api", **settings) as server:
        door = Door(server)
        yield door
        door.client.close()


@contextmanager
def locked_log(server: Served) -> Iterator[None]:
    """Somebody without any time-out holds the log's lock."""
    with psycopg.connect(server.database.url("cdp_log")) as stranger:
        stranger.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        yield


def calls(count: int = ITEMS) -> list[dict[str, Any]]:
    return [call("somebody", number) for number in range(count)]


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["retry-after"]) >= 1
    assert set(answer.json()) == {"code", "message"}


def test_a_wait_for_the_lock_ends(door: Door) -> None:
    sent = calls()
    with locked_log(door.server):
        answer = door.send(sent)
        # the lock is still held: the wait for it ended by itself, and not before its time
        assert_refused(answer)
        assert answer.elapsed.total_seconds() >= LOCK_SECONDS
    door.until_taken(sent)
    stored = door.stored()
    assert [stored[each["messageId"]] for each in sent] == [1] * len(sent)


def idle(writer: Writer) -> None:
    time.sleep(IDLE_SECONDS + 1)
    writer.cursor.execute("select 1")


def busy(writer: Writer) -> None:
    writer.cursor.execute("select pg_sleep(60)")


@pytest.mark.parametrize(("stalled", "why"), [(idle, "idle-in-transaction timeout"), (busy, "transaction timeout")])
def test_a_stalled_holder_of_the_lock_is_cut_off(door: Door, stalled: Callable[[Writer], None], why: str) -> None:
    appended = threading.Event()

    def hold() -> None:
        with door.server.platform() as platform, Recorder(platform.databases.log).writing() as writer:
            writer.append(events(3))
            appended.set()
            stalled(writer)

    sent = calls()
    with ThreadPoolExecutor(1) as pool:
        holder = pool.submit(hold)
        assert appended.wait(BOUND)
        door.until_taken(sent)
        with pytest.raises(OperationalError, match=f"due to {why}"):
            holder.result(BOUND)
    stored = door.stored()
    assert [stored[each["messageId"]] for each in sent] == [1] * len(sent)


def test_a_full_queue_refuses_at_once(door: Door) -> None:
    batches = [calls() for _ in range(16)]
    with ThreadPoolExecutor(len(batches)) as pool:
        with locked_log(door.server):
            futures = {pool.submit(door.send, batch): batch for batch in batches}
            refused = next(as_completed(futures)).result()
        answers = [(future.result().status_code, batch) for future, batch in futures.items()]
    assert_refused(refused)
    assert "too much is waiting" in refused.json()["message"]
    assert {status for status, _ in answers} == {200, 503}
    stored = door.stored()
    for status, batch in answers:
        assert [stored[each["messageId"]] for each in batch] == [int(status == 200)] * ITEMS


def test_it_waits_for_a_database_that_is_away_and_goes_on_by_itself(door: Door) -> None:
    door.until_taken(calls())
    processes = door.server.processes()
    sent = calls()
    door.server.kill_database()
    assert_refused(door.send(sent))
    assert door.client.get("/readyz").status_code == 503
    assert door.client.get("/healthz").status_code == 200
    door.server.database.ensure_running()
    eventually(lambda: ready(door.server.url), "ready again", BOUND)
    door.until_taken(sent)
    assert door.server.processes() == processes
    stored = door.stored()
    assert [stored[each["messageId"]] for each in sent] == [1] * len(sent)
