"""Clients under test conditions: threads that send, note what was acknowledged, and send the rest again."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import httpx


class Load:
    """`threads` clients that send until they are told to stop; each second one sends single calls, not batches.

    Nothing is given up: what was not acknowledged is sent again, unchanged, until it is.
    """

    def __init__(self, url: str, write_key: str, threads: int = 6, batch: int = 20) -> None:
        self._url = url
        self._write_key = write_key
        self._batch = batch
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._send_on, args=(n,), name=f"load-{n}") for n in range(threads)]
        self._acknowledged: list[list[str]] = [[] for _ in range(threads)]
        self.sent_again = 0

    @property
    def acknowledged(self) -> list[str]:
        """The message ids of everything that was answered with success."""
        return [each for mine in self._acknowledged for each in mine]

    @contextmanager
    def running(self) -> Iterator[Load]:
        """The clients send for the length of the block, and at its end until all of theirs is acknowledged."""
        for thread in self._threads:
            thread.start()
        try:
            yield self
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _send_on(self, number: int) -> None:
        with httpx.Client(base_url=self._url, auth=(self._write_key, ""), timeout=30) as client:
            for count in itertools.count():
                if self._stop.is_set():
                    return
                calls = [call(f"client-{number}", count) for _ in range(1 if number % 2 else self._batch)]
                self._deliver(client, calls)
                self._acknowledged[number].extend(each["messageId"] for each in calls)

    def _deliver(self, client: httpx.Client, calls: list[dict[str, Any]]) -> None:
        path, body = ("/v1/track", calls[0]) if len(calls) == 1 else ("/v1/batch", {"batch": calls})
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                answer = client.post(path, json=body)
            except httpx.TransportError:
                pass
            else:
                if answer.status_code == 200:
                    return
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"]) > 0
            self.sent_again += 1
            time.sleep(0.05)
        raise AssertionError("a client could not deliver for 60 s")


def call(user: str, count: int) -> dict[str, Any]:
    """A call with an id of its own."""
    return {
        "type": "track",
        "event": "Order Completed",
        "messageId": uuid4().hex,
        "userId": f"{user}-{count % 50}",
        "timestamp": "2026-01-31T12:00:00Z",
        "properties": {"order_id": f"{user}-{count}", "total": "12.50", "currency": "TRY", "note": "thank you"},
    }
