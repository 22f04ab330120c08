"""A server that cuts a transaction off says nothing about what it was to store: that is to be sent again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import replace

import pytest
from eventsourcing.persistence import OperationalError

from cdp.ingest.batcher import Answers, Batcher, Unavailable
from cdp.ingest.delivery import Receipt
from cdp.log.recorder import Recorder
from cdp.log.writer import LOCK
from cdp.platform import Platform
from cdp.postgres.databases import Databases, open_pools
from cdp.settings import Settings
from tests.ingest.door import Door, track


@pytest.fixture
def hasty(settings: Settings) -> Iterator[Platform]:
    """A platform whose transactions end before its waiting for a lock does."""
    short = replace(settings, lock_timeout=5.0, transaction_timeout=0.4, idle_timeout=0.2)
    urls = {"log": settings.log_url or "", "vault": settings.vault_url or "", "read": settings.read_url or ""}
    with open_pools(short, urls) as databases:
        yield Platform.over(short, databases)


def answer(answered: Answers[Future[Receipt]]) -> None:
    for ticket, result in answered:
        if isinstance(result, Unavailable):
            ticket.set_exception(result)
        else:
            ticket.set_result(result)


def test_good_data_is_refused_and_not_kept_apart_while_somebody_holds_the_lock(
    hasty: Platform, databases: Databases
) -> None:
    door = Door(hasty)
    delivery = door.delivery([track("m-1")])
    batcher: Batcher[Future[Receipt]] = Batcher(hasty.settings, lambda turn: door.intake, answer)
    batcher.start()
    try:
        with databases.log.connection() as stranger, stranger.transaction():
            stranger.execute("select pg_advisory_xact_lock(%s)", [LOCK])
            refused: Future[Receipt] = Future()
            batcher.submit(delivery, refused)
            time.sleep(1.1)  # two transactions are cut off, a third would get through
        with pytest.raises(Unavailable):
            refused.result(5)
        stored: Future[Receipt] = Future()
        batcher.submit(delivery, stored)
        assert stored.result(5).items[0].outcome == "accepted"
    finally:
        batcher.close()
    with databases.log.connection() as connection:
        assert connection.execute("select count(*) from quarantine").fetchone() == (0,)


def sleepy(recorder: Recorder) -> None:
    with recorder.writing() as writer:
        writer.cursor.execute("select pg_sleep(5)")


def idle(recorder: Recorder) -> None:
    with recorder.writing() as writer:
        time.sleep(0.6)
        writer.cursor.execute("select 1")


def read_only(recorder: Recorder) -> None:
    with recorder.writing() as writer:
        writer.cursor.execute("set transaction read only")
        writer.cursor.execute("update log_head set position = position")


@pytest.mark.parametrize("cut_off", [sleepy, idle, read_only])
def test_the_servers_own_state_is_an_operational_error(hasty: Platform, cut_off: object) -> None:
    assert callable(cut_off)
    with pytest.raises(OperationalError):
        cut_off(hasty.log.touchpoints)
