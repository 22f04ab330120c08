"""The projector: one leads, others stand by and take over; what is committed is soon visible."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from threading import Event, Thread

import psycopg
import pytest

from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from projections.lag import lag
from projections.projector import leading, run_projector
from tests.api.serving import Served, served

PATIENCE_SECONDS = 120
STANDING_BY = """
select count(*)
from pg_stat_activity
where datname = current_database()
    and query = 'select pg_try_advisory_lock($1)'
    and state = 'idle'
    and pid not in (
        select pid
        from pg_locks
        where locktype = 'advisory'
            and granted
    )
"""
CUT = """
select pg_terminate_backend(pid)
from pg_locks
join pg_database on pg_database.oid = database
where locktype = 'advisory'
    and datname = current_database()
"""


def wait_until(condition: Callable[[], bool]) -> None:
    """Waits for a condition; what does not come to pass in a long time never does."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < PATIENCE_SECONDS, "waited in vain"
        time.sleep(0.01)


@contextlib.contextmanager
def projecting(platform: Platform) -> Iterator[Event]:
    """A projector in a thread of its own, stopped at the end."""
    stop = Event()
    thread = Thread(target=run_projector, args=(platform, stop))
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application with one source and no projector."""
    with served(settings) as app:
        app.source("shop", "web")
        yield app


def send(app: Served, message: str) -> None:
    """Sends a touchpoint of a person of its own."""
    app.send("shop", {"type": "identify", "userId": f"u{message}", "messageId": message, "traits": {"city": "Izmir"}})


def seen(app: Served, message: str) -> bool:
    """Whether the person can be found."""
    return app.get("/api/profiles", user_id=f"u{message}").status_code == 200


def test_what_is_committed_becomes_visible_by_itself(app: Served) -> None:
    with projecting(app.platform):
        # Given a projector at the head, when touchpoints come in one after the other, then each is seen before the next
        for message in range(1, 6):
            send(app, str(message))
            wait_until(partial(seen, app, str(message)))


def test_a_stand_by_takes_over_when_the_leader_ends(app: Served) -> None:
    with projecting(app.platform) as first:
        send(app, "1")
        wait_until(lambda: seen(app, "1"))
        with projecting(app.platform):
            # When the leader ends
            first.set()
            send(app, "2")
            # Then the other goes on
            wait_until(lambda: seen(app, "2"))
    behind = lag(app.platform.databases.read, app.platform.reader, datetime.now(UTC))
    assert {each.events for each in behind} == {0}


@contextlib.contextmanager
def process(app: Served) -> Iterator[subprocess.Popen[bytes]]:
    """`cdp projector` in a process of its own, killed at the end."""
    command = [sys.executable, "-m", "api.cli.main", "projector"]
    environment = {**os.environ, **app.platform.settings.environment()}
    with subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL) as running:
        try:
            yield running
        finally:
            running.kill()


def standing_by(app: Served) -> bool:
    """Whether a connection is asking for the leadership that another one has."""
    with app.platform.databases.read.connection() as connection:
        return connection.execute(STANDING_BY).fetchone() == (1,)


@pytest.mark.slow
def test_another_process_takes_over_when_the_leader_is_killed(app: Served) -> None:
    # Given two projectors, one of which leads
    with process(app) as leader:
        send(app, "1")
        wait_until(lambda: seen(app, "1"))
        with process(app) as stand_by:
            wait_until(lambda: standing_by(app))
            # When the leader is killed in the middle of its work
            for message in range(2, 40):
                send(app, str(message))
            leader.kill()
            leader.wait()
            # Then the other goes on where it stopped
            send(app, "40")
            wait_until(lambda: seen(app, "40"))
            assert all(seen(app, str(message)) for message in range(1, 41))
            assert stand_by.poll() is None
    with app.platform.databases.read.connection() as connection:
        assert connection.execute("select count(*), count(distinct position) from timeline.touchpoints").fetchone() == (
            40,
            40,
        )


def test_a_projector_whose_connection_was_cut_leads_again(app: Served) -> None:
    with projecting(app.platform):
        send(app, "1")
        wait_until(lambda: seen(app, "1"))
        # When the database ends the leader's connection
        with app.platform.databases.read.connection() as connection:
            assert connection.execute(CUT).fetchall()
        send(app, "2")
        # Then it connects again and goes on
        wait_until(lambda: seen(app, "2"))


def test_only_one_leads_at_a_time(databases: Databases) -> None:
    stop = Event()
    with leading(databases.read, stop) as first:
        assert first is not None
        stop.set()
        with leading(databases.read, stop) as second:
            assert second is None
    with leading(databases.read, Event()) as next_one:  # the server may need a moment to see that the first is gone
        assert isinstance(next_one, psycopg.Connection)
