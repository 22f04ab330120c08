"""The collection API under load: client, API and PostgreSQL as real processes that share the machine's cores."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from benchmarks.bodies import BATCH_ITEMS
from benchmarks.client import Result, Task
from projections.lag import lag
from tests.acceptance.served import Served, served


class Case(NamedTuple):
    """What to measure: a path, with people known to the vault or never seen, over so many connections.

    `warm_up` is how many requests go before the clock starts; they make the people of a warm run known.
    """

    path: str
    warm: bool
    connections: int
    most_requests: int
    warm_up: int


BATCH_COLD = Case("/v1/batch", False, 16, 1_000, 60)
BATCH_WARM = Case("/v1/batch", True, 16, 1_200, 60)
SINGLE = Case("/v1/track", True, 64, 40_000, 2_000)


class Figure(NamedTuple):
    """What one case did: committed touchpoints a second, and the client's latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


class Door:
    """A running server and its source."""

    def __init__(self, server: Served, write_key: str) -> None:
        self.server = server
        self._write_key = write_key
        self._seed = 0

    def measure(self, case: Case, seconds: float) -> Figure:
        """Warm up, then load for at most `seconds`; what counts is what the log holds more afterwards."""
        self._send(case, case.warm_up, seconds)
        before = self.position()
        result = self._send(case, case.most_requests, seconds)
        committed = self.position() - before
        sent = result.answered * (BATCH_ITEMS if case.path == "/v1/batch" else 1)
        if result.refused or committed != sent:
            raise SystemExit(f"{case}: {sent} acknowledged, {committed} committed, {result.refused} refused")
        return Figure(committed / result.seconds, result.p50, result.p99)

    def behind(self) -> int:
        """By how many events the projections are behind the log, the slowest of them."""
        with self.server.platform() as platform:
            return max(each.events for each in lag(platform.databases.read, platform.reader, datetime.now(UTC)))

    def _send(self, case: Case, requests: int, seconds: float) -> Result:
        self._seed += 1
        port, key = self.server.port, self._write_key
        task = Task(port, key, case.path, case.warm, case.connections, requests, seconds, self._seed)
        with subprocess.Popen(
            [sys.executable, "-m", "benchmarks.client"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as client:
            assert client.stdin is not None and client.stdout is not None
            for line in (json.dumps(task), "go"):
                client.stdin.write(line + "\n")
                client.stdin.flush()
                said = client.stdout.readline()
            return Result(*json.loads(said))

    def position(self) -> int:
        """How many events the log holds."""
        with self.server.platform() as platform:
            return platform.reader.head().position


@contextlib.contextmanager
def opened(projector: bool) -> Iterator[Door]:
    """The platform on a new home in its default settings, with or without the projector."""
    with served("up" if projector else "api") as server:
        yield Door(server, server.add_source("shop"))
