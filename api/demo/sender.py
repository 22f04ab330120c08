"""Sends items through the collection API's HTTP door, a few batches at a time, and again when the server asks for it.

A batch whose answer was lost is sent again: the server knows its items by their message ids and stores none twice.
"""

from __future__ import annotations

import base64
import gzip
import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from api.demo.items import Item

PATH = "/v1/batch"
AGAIN = frozenset({408, 410, 429, 460, 500, 502, 503, 504})
LONGEST_PAUSE = 10.0


class Refused(Exception):
    """The server answered that it will not take this, now or later; sending it again cannot help."""

    def __init__(self, source: str, status: int, answer: str) -> None:
        remedy = {
            401: "The write key is unknown or disabled: make a new one with `cdp source rotate-key`.",
            404: "There is no collection API at this address: check the host and the port.",
            413: "The batch is larger than this server's limit: raise the limit in its settings.",
        }.get(status, "This is a bug in the sender or a limit of the server that it does not know.")
        super().__init__(f"The server refused a batch of source {source!r} with status {status}: {answer} {remedy}")


class Unreachable(Exception):
    """The server did not take a batch for longer than the sender is ready to wait."""

    def __init__(self, url: str, patience: float, reason: str) -> None:
        super().__init__(
            f"The server at {url} has not taken a batch for {patience:.0f} seconds ({reason}). "
            "Check that it runs and has room on its disk, then start again: what has arrived is not stored twice."
        )


@dataclass(frozen=True)
class Door:
    """Where the items of one source go, and how.

    `connections` batches are under way at a time. `compress` sends gzip, which saves bytes on a network but costs more
    processor time than it saves on one machine. For `new_key` seconds a 401 counts as «not yet»: the server hears
    of a key that was made a moment ago in each of its workers by itself.
    """

    url: str
    source: str
    write_key: str
    connections: int = 3
    compress: bool = False
    items: int = 200
    bytes: int = 1_000_000
    patience: float = 90.0
    timeout: float = 45.0
    new_key: float = 2.0


class Batch(NamedTuple):
    """One request's body, and how many items are in it."""

    body: bytes
    items: int


class Sent(NamedTuple):
    """What one run sent; `again` counts the requests that had to be repeated."""

    items: int
    batches: int
    bytes: int
    again: int
    seconds: float


def send(door: Door, items: Iterable[Item], sent: Callable[[int], object] = lambda items: None) -> Sent:
    """Sends all items and returns when the server has acknowledged each; `sent` hears how many, batch by batch.

    `sent` is called from several threads.
    """
    began = time.monotonic()
    work, stop = _Shared(batches(items, door)), threading.Event()

    def stop_on_failure(worker: Future[Sent]) -> None:
        if worker.exception():
            stop.set()

    with ThreadPoolExecutor(door.connections, thread_name_prefix=f"send-{door.source}") as pool:
        workers = [pool.submit(_deliver, door, work, stop, sent) for _ in range(door.connections)]
        try:
            for worker in workers:
                worker.add_done_callback(stop_on_failure)
            tallies = [worker.result() for worker in workers]
        finally:
            stop.set()
    total = Sent(*map(sum, zip(*tallies, strict=True)))
    return total._replace(seconds=time.monotonic() - began)


def batches(items: Iterable[Item], door: Door) -> Iterator[Batch]:
    """The items as bodies of requests, none with more items or (unless one item alone is larger) bytes than wanted.

    No `sentAt` is stated. The server corrects a sender's clock by the difference between `sentAt` and its own time,
    but these times were taken by other clocks long ago, and the time a batch waits must not shift them.
    """
    encode = msgspec.json.Encoder().encode
    batch: list[bytes] = []
    size = 0
    for item in items:
        encoded = encode(item)
        if batch and (len(batch) == door.items or size + len(encoded) > door.bytes):
            yield _batch(batch, door)
            batch, size = [], 0
        batch.append(encoded)
        size += len(encoded) + 1
    if batch:
        yield _batch(batch, door)


def _batch(encoded: list[bytes], door: Door) -> Batch:
    body = b'{"batch":[' + b",".join(encoded) + b"]}"
    return Batch(gzip.compress(body, compresslevel=1) if door.compress else body, len(encoded))


class _Shared:
    """An iterator from which several threads take, one at a time."""

    def __init__(self, found: Iterator[Batch]) -> None:
        self._batches = found
        self._lock = threading.Lock()

    def take(self) -> Batch | None:
        with self._lock:
            return next(self._batches, None)


def _deliver(door: Door, work: _Shared, stop: threading.Event, sent: Callable[[int], object]) -> Sent:
    """What one thread does over its own connection until nothing is left or another thread failed."""
    items = requests = size = 0
    with closing(Connection(door, stop)) as connection:
        while not stop.is_set() and (batch := work.take()) is not None:
            connection.deliver(batch.body)
            items, requests, size = items + batch.items, requests + 1, size + len(batch.body)
            sent(batch.items)
    return Sent(items, requests, size, connection.again, 0.0)


class Connection:
    """An HTTP connection that is kept open, and repeats a request until the server has taken or refused it."""

    def __init__(self, door: Door, stop: threading.Event) -> None:
        self.again = 0
        self._door = door
        self._stop = stop
        self._known_by = time.monotonic() + door.new_key
        address = urlsplit(door.url)
        kind = http.client.HTTPSConnection if address.scheme == "https" else http.client.HTTPConnection
        self._http = kind(address.hostname or "127.0.0.1", address.port, timeout=door.timeout)
        self._path = address.path.rstrip("/") + PATH
        credentials = base64.b64encode(f"{door.write_key}:".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}", "Content-Type": "application/json"}
        if door.compress:
            self._headers["Content-Encoding"] = "gzip"

    def deliver(self, body: bytes) -> None:
        """Returns when the server has acknowledged the body; otherwise raises `Refused` or `Unreachable`."""
        give_up = time.monotonic() + self._door.patience
        pause = 0.1
        while True:
            try:
                status, retry_after, answer = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                self._http.close()
                retry_after, reason = None, f"{type(error).__name__}: {error}"
            else:
                if status == 200:
                    return
                if status not in AGAIN and not (status == 401 and time.monotonic() < self._known_by):
                    raise Refused(self._door.source, status, answer)
                reason = f"status {status}: {answer}"
            wait = pause if retry_after is None else retry_after
            if time.monotonic() + wait > give_up:
                raise Unreachable(self._door.url, self._door.patience, reason)
            self.again += 1
            pause = min(pause * 2, LONGEST_PAUSE)
            if self._stop.wait(wait):
                raise Unreachable(self._door.url, self._door.patience, f"stopped while waiting after {reason}")

    def close(self) -> None:
        """Closes the connection; idempotent."""
        self._http.close()

    def _post(self, body: bytes) -> tuple[int, float | None, str]:
        self._http.request("POST", self._path, body, self._headers)
        response = self._http.getresponse()
        answer = response.read().decode(errors="replace")[:500]
        return response.status, _seconds(response.headers.get("Retry-After")), answer


def _seconds(retry_after: str | None) -> float | None:
    """The wait that the server asks for; its other form, a date, is not used by this server."""
    return float(retry_after) if retry_after and retry_after.isdigit() else None
