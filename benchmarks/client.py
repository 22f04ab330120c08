"""A lean client, a process of its own: keep-alive connections that send prepared requests and time the answers.

`python -m benchmarks.client` reads its task as one line of JSON, prepares, answers "ready", waits for another line,
sends, and prints its result as JSON.
"""

from __future__ import annotations

import asyncio
import gc
import json
import re
import sys
import time
from collections import deque
from typing import Any, NamedTuple

import uvloop

from benchmarks.bodies import batches, known, singles, strangers

_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


class Task(NamedTuple):
    """What to send: `requests` prepared ones at most, for `seconds` at most, over `connections`."""

    port: int
    write_key: str
    path: str
    warm: bool
    connections: int
    requests: int
    seconds: float
    seed: int


class Result(NamedTuple):
    """How it went; latencies in milliseconds."""

    answered: int
    refused: int
    seconds: float
    p50: float
    p99: float


class Connection(asyncio.Protocol):
    """Sends the next request when the last is answered, until there is none left or the time is over."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._buffer = b""
        self._sent = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: Any) -> None:
        """Waits for `begin`."""
        self._transport = transport

    def begin(self) -> None:
        """Send the next request."""
        if self._transport is None or not self._run.requests or time.perf_counter() > self._run.deadline:
            self._run.ended()
            return
        self._sent = time.perf_counter()
        self._transport.write(self._run.requests.popleft())

    def data_received(self, data: bytes) -> None:
        """An answer, or a part of one."""
        self._buffer += data
        end = self._buffer.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(self._buffer, 0, end)
        if length is None or len(self._buffer) < end + len(_END) + int(length[1]):
            return
        self._run.answered(self._buffer[9:12] == b"200", time.perf_counter() - self._sent)
        self._buffer = b""
        self.begin()

    def connection_lost(self, error: Exception | None) -> None:
        """The server ended it: this connection sends no more."""
        if not self._run.over:
            self._run.ended()


class Run:
    """One task under way."""

    def __init__(self, task: Task, requests: deque[bytes]) -> None:
        self.requests = requests
        self.deadline = 0.0
        self.over = False
        self._task = task
        self._latencies: list[float] = []
        self._refused = 0
        self._open = task.connections
        self._done = asyncio.Event()

    def answered(self, success: bool, latency: float) -> None:
        """Note an answer."""
        self._latencies.append(latency)
        self._refused += not success

    def ended(self) -> None:
        """One connection is done."""
        self._open -= 1
        if self._open == 0:
            self.over = True
            self._done.set()

    async def result(self) -> Result:
        """Connect, wait for the word, send, and sum up."""
        loop = asyncio.get_running_loop()
        pairs = [
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", self._task.port)
            for _ in range(self._task.connections)
        ]
        print("ready", flush=True)
        sys.stdin.readline()
        started = time.perf_counter()
        self.deadline = started + self._task.seconds
        for _, connection in pairs:
            connection.begin()
        await self._done.wait()
        seconds = time.perf_counter() - started
        for transport, _ in pairs:
            transport.close()
        ordered = sorted(self._latencies) or [0.0]
        at = [ordered[min(len(ordered) - 1, len(ordered) * percent // 100)] * 1000 for percent in (50, 99)]
        return Result(len(self._latencies) - self._refused, self._refused, seconds, at[0], at[1])


def main() -> None:
    """One task from standard input."""
    task = Task(*json.loads(sys.stdin.readline()))
    people = (known if task.warm else strangers)(task.seed)
    make = batches if task.path == "/v1/batch" else singles
    requests = deque(make(task.write_key, people, task.seed, task.requests))
    gc.collect()
    gc.freeze()

    async def run() -> Result:
        return await Run(task, requests).result()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        print(json.dumps(runner.run(run())), flush=True)


if __name__ == "__main__":
    main()
