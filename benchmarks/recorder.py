"""The log's recorder against the library's own, in the same run on the same server."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar
from uuid import UUID

import psycopg
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from psycopg.conninfo import conninfo_to_dict

from cdp.log.events import ACCEPTED, NewEvent
from cdp.log.recorder import Recorder
from cdp.log.touchpoint import TOPIC
from cdp.postgres.databases import open_databases
from cdp.postgres.embedded import EmbeddedServer
from cdp.settings import Settings

HEADER, BUSINESS, PERSONAL = 300, 100, 200
"""Bytes of the three parts of our events; the library's events have one state of as many in all."""

STREAM = UUID(int=1)
STOCK_SIZE = 400
OUR_SIZES = (500, 5_000)
EVENTS, ROUNDS = 20_000, 3

T = TypeVar("T")


class Rates(NamedTuple):
    """Events a second: of the library's recorder at 400 a transaction, and of ours by transaction size."""

    stock: float
    ours: dict[int, float]


def measure_recorders() -> Rates:
    """The median of several rounds, in turns, so that what else the machine does hits all alike."""
    stock_rates: list[float] = []
    our_rates: dict[int, list[float]] = {size: [] for size in OUR_SIZES}
    with _recorders() as (stock, ours):
        versions = count(1)
        for _ in range(ROUNDS):
            stock_rates.append(_rate(stock.insert_events, _stored(versions), STOCK_SIZE))
            for size in OUR_SIZES:
                our_rates[size].append(_rate(lambda events: _append(ours, events), new_events(EVENTS), size))
    return Rates(median(stock_rates), {size: median(rates) for size, rates in our_rates.items()})


def _rate(insert: Callable[[Sequence[T]], object], events: list[T], size: int) -> float:
    started = time.perf_counter()
    for first in range(0, len(events), size):
        insert(events[first : first + size])
    return len(events) / (time.perf_counter() - started)


def _append(recorder: Recorder, events: Sequence[NewEvent]) -> None:
    outcomes = recorder.append(events)
    assert all(outcome.kind == ACCEPTED for outcome in outcomes)


def _stored(versions: Iterator[int]) -> list[StoredEvent]:
    size = HEADER + BUSINESS + PERSONAL
    return [StoredEvent(STREAM, next(versions), TOPIC, os.urandom(size)) for _ in range(EVENTS)]


def new_events(count: int) -> list[NewEvent]:
    """Events that nobody sent before, of random bytes."""
    return [
        NewEvent(STREAM, TOPIC, os.urandom(HEADER), os.urandom(BUSINESS), os.urandom(PERSONAL), *_hashes())
        for _ in range(count)
    ]


def _hashes() -> tuple[bytes, bytes]:
    return os.urandom(16), os.urandom(16)


@contextmanager
def _recorders() -> Iterator[tuple[PostgresApplicationRecorder, Recorder]]:
    """The library's recorder and ours, each with a database of its own on one embedded server."""
    with tempfile.TemporaryDirectory(prefix="cdp-bench-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        settings = Settings(home=Path(folder) / "home")
        server = EmbeddedServer(settings.home)
        try:
            with open_databases(settings) as databases:
                with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
                    connection.execute("create database stock")
                with _stock(server.url("stock")) as stock:
                    yield stock, Recorder(databases.log)
        finally:
            server.stop()


@contextmanager
def _stock(url: str) -> Iterator[PostgresApplicationRecorder]:
    parts = conninfo_to_dict(url)
    place = {name: str(parts[name]) for name in ("dbname", "host", "port", "user")}
    datastore = PostgresDatastore(**place, password="")  # type: ignore[arg-type]
    try:
        recorder = PostgresApplicationRecorder(datastore)
        recorder.create_table()
        yield recorder
    finally:
        datastore.close()
