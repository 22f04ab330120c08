"""The sender against a small HTTP server: nothing lost, nothing hidden, nothing repeated without need."""

from __future__ import annotations

import base64
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from api.demo.sender import Door, Refused, Unreachable, batches, send

ITEMS = [{"type": "track", "event": "Order Completed", "messageId": f"basket-{n}"} for n in range(1_000)]

Answer = tuple[int, dict[str, str]] | None


class Server(ThreadingHTTPServer):
    """Answers with what `answers` holds, then 200; None closes the connection without an answer."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Answer] = []
        self.received: list[str] = []
        self.authorization: set[str] = set()
        self.encoding: set[str | None] = set()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with self.server.lock:
            answer = self.server.answers.pop(0) if self.server.answers else (200, {})
            self.server.authorization.add(self.headers["Authorization"])
            self.server.encoding.add(self.headers["Content-Encoding"])
            if answer is None:
                self.close_connection = True
                return
            status, headers = answer
            if status == 200:
                self.server.received.extend(_ids(body, self.headers["Content-Encoding"]))
        self._answer(status, headers)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        body = b'{"success":true}' if status == 200 else b'{"code":"refused","message":"because"}'
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("compress", [False, True])
def test_every_item_arrives_once(server: Server, compress: bool) -> None:
    heard: list[int] = []

    sent = send(Door(server.url, "store", "secret", compress=compress, items=64), ITEMS, heard.append)

    assert sorted(server.received) == sorted(item["messageId"] for item in ITEMS)
    assert (sent.items, sent.batches, sent.again) == (1_000, 16, 0)
    assert sum(heard) == 1_000
    assert server.authorization == {"Basic " + base64.b64encode(b"secret:").decode()}
    assert server.encoding == {"gzip" if compress else None}


def test_a_busy_server_is_asked_again_when_it_says(server: Server) -> None:
    server.answers = [(503, {"Retry-After": "1"}), (429, {"Retry-After": "0"}), (503, {})]

    sent = send(Door(server.url, "store", "secret", connections=1), ITEMS)

    assert len(server.received) == 1_000
    assert sent.again == 3
    assert sent.seconds >= 1


def test_a_lost_connection_is_opened_again(server: Server) -> None:
    server.answers = [None, (200, {}), None]

    sent = send(Door(server.url, "store", "secret", connections=1), ITEMS)

    assert len(server.received) == 1_000
    assert sent.again == 2


@pytest.mark.parametrize("status", [400, 401, 413])
def test_a_refusal_stops_the_run_and_is_told(server: Server, status: int) -> None:
    server.answers = [(status, {})] * 100

    with pytest.raises(Refused, match=rf"'store' with status {status}: .*because"):
        send(Door(server.url, "store", "secret", items=10, new_key=0), ITEMS)

    assert len(server.answers) >= 100 - 2 * 3
    assert server.received == []


def test_a_key_made_a_moment_ago_may_not_be_known_everywhere_yet(server: Server) -> None:
    server.answers = [(401, {}), (200, {}), (401, {})]

    sent = send(Door(server.url, "store", "secret"), ITEMS)

    assert len(server.received) == 1_000
    assert sent.again == 2


def test_a_server_that_stays_away_is_given_up() -> None:
    gone = Server()
    gone.server_close()

    with pytest.raises(Unreachable, match="is not stored twice"):
        send(Door(gone.url, "store", "secret", patience=0.3), ITEMS)


def test_a_server_that_asks_for_more_time_than_there_is_is_given_up(server: Server) -> None:
    server.answers = [(503, {"Retry-After": "120"})] * 100

    with pytest.raises(Unreachable, match="status 503"):
        send(Door(server.url, "store", "secret", patience=5), ITEMS)


def test_an_error_in_the_items_is_not_swallowed(server: Server) -> None:
    def broken() -> Iterator[dict[str, Any]]:
        yield from ITEMS[:10]
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        send(Door(server.url, "store", "secret", items=5), broken())


def test_batches_stay_below_both_limits() -> None:
    long = [{"messageId": str(n), "text": "x" * 1_000} for n in range(50)]

    by_bytes = list(batches(long, Door("", "", "", bytes=5_000)))
    by_count = list(batches(long, Door("", "", "", items=7)))

    assert max(len(batch.body) for batch in by_bytes) <= 5_100
    assert [batch.items for batch in by_count] == [7] * 7 + [1]
    assert msgspec.json.decode(by_count[0].body)["batch"] == long[:7]


def test_an_item_larger_than_a_batch_goes_alone() -> None:
    items = [{"text": "x" * 2_000}, {"text": "y"}]

    assert [batch.items for batch in batches(items, Door("", "", "", bytes=1_000))] == [1, 1]


def _ids(body: bytes, encoding: str | None) -> list[str]:
    content = gzip.decompress(body) if encoding == "gzip" else body
    return [item["messageId"] for item in msgspec.json.decode(content)["batch"]]
