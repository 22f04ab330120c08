"""The projector: the process or thread that leads, and keeps every projection at the head of the log.

One leads, others stand by. Leadership is a session lock of PostgreSQL on the very connection that writes, so it is lost
exactly when the writer is.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import psycopg

from cdp.garbage import fewer_collections
from cdp.platform import Platform
from cdp.postgres.databases import Pool
from projections.ahead import ReadAhead, reading_ahead
from projections.checkpoint import LeadershipLost
from projections.contract import Connected, Surroundings
from projections.discovery import found_projections
from projections.engine import Engine

LEADER_LOCK = 0x6364705F6C656164
SMALL_BATCH = 1_000
PAUSE_SECONDS = 0.05
STAND_BY_SECONDS = 0.5
RETRY_SECONDS = 1
BATCH_TIMEOUT = "10min"
"""How long a batch may take. The settings bound who holds the log's lock; a batch holds none, and a busy machine that
cut every try at the same batch short would never get past it."""

_logger = logging.getLogger(__name__)


def run_projector(platform: Platform, stop: threading.Event) -> None:
    """Runs all projections until `stop` is set; waits while another projector leads or a database is away.

    Raises `ProjectionFailed` when a projection cannot digest an event while it is built anew.
    """
    while not stop.is_set():
        try:
            with leading(platform.databases.read, stop) as connection:
                if connection is not None:
                    with reading_ahead(platform) as ahead:
                        follow(_engine(platform, connection, ahead), stop)
        except LeadershipLost as error:
            _logger.warning("%s", error)
            stop.wait(STAND_BY_SECONDS)
        except psycopg.OperationalError as error:
            _logger.warning("a database is away (%s), trying again in %d s", type(error).__name__, RETRY_SECONDS)
            stop.wait(RETRY_SECONDS)


def follow(engine: Engine, stop: threading.Event) -> None:
    """Applies batch after batch; pauses after a small one, so that single events do not cost a transaction each."""
    with fewer_collections():
        while not stop.is_set():
            if engine.step() < SMALL_BATCH:
                stop.wait(PAUSE_SECONDS)


def _engine(platform: Platform, connection: Connected, ahead: ReadAhead) -> Engine:
    surroundings = Surroundings(ZoneInfo(platform.settings.timezone), ahead.values, platform.policies)
    return Engine(connection, ahead, ahead, found_projections(), surroundings)


@contextlib.contextmanager
def leading(pool: Pool, stop: threading.Event) -> Iterator[Connected | None]:
    """A connection that holds the leadership, waited for; None when `stop` was set first.

    A commit need not wait for the disk: rows and checkpoints would be lost together, and are built again.
    """
    conninfo = pool.conninfo() if callable(pool.conninfo) else pool.conninfo
    arguments: dict[str, Any] = (pool.kwargs() if callable(pool.kwargs) else pool.kwargs) or {}
    with psycopg.connect(conninfo, **arguments) as connection:
        connection.execute("set synchronous_commit = off")
        connection.execute(f"set transaction_timeout = '{BATCH_TIMEOUT}'")
        connection.execute(f"set idle_in_transaction_session_timeout = '{BATCH_TIMEOUT}'")
        while not _claim(connection):
            if stop.wait(STAND_BY_SECONDS):
                yield None
                return
        yield connection


def _claim(connection: Connected) -> bool:
    row = connection.execute("select pg_try_advisory_lock(%s)", [LEADER_LOCK]).fetchone()
    return row is not None and bool(row[0])
