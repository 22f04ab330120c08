"""Requests as a client would send them, made before the clock starts."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import islice
from uuid import UUID

from benchmarks.people import People as Crowd

ITEM_BYTES = 800
BATCH_ITEMS = 100
KNOWN_PEOPLE = 2_000
"""How many people the touchpoints of a warm run are about."""

_HEAD = """POST {path} HTTP/1.1\r
Host: benchmark\r
Authorization: Basic {credentials}\r
Content-Type: application/json\r
Content-Length: {length}\r
\r
"""
_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36"

People = Callable[[], str]


def known(seed: int) -> People:
    """People out of a fixed number, who are in the vault after the first run."""
    chance = random.Random(seed)
    return lambda: f"known-{chance.randrange(KNOWN_PEOPLE)}"


def strangers(seed: int) -> People:
    """People who were never seen before, one for each touchpoint."""
    chance = random.Random(seed)
    return lambda: f"stranger-{chance.getrandbits(80):x}"


def batches(write_key: str, people: People, seed: int, count: int) -> Iterator[bytes]:
    """Requests of `/v1/batch` with 100 touchpoints of 800 bytes."""
    chance = random.Random(seed)
    for _ in range(count):
        items = b",".join(_item(people(), chance) for _ in range(BATCH_ITEMS))
        yield _request("/v1/batch", write_key, b'{"batch":[' + items + b'],"sentAt":"2026-01-31T12:00:01Z"}')


def mixed(write_key: str, people: int, count: int) -> Iterator[bytes]:
    """Requests of `/v1/batch` with 100 touchpoints of so many people in five channels."""
    touchpoints = (
        each.body for each in Crowd(people, datetime(2026, 1, 1, tzinfo=UTC)).touchpoints(count * BATCH_ITEMS)
    )
    for _ in range(count):
        items = b",".join(islice(touchpoints, BATCH_ITEMS))
        yield _request("/v1/batch", write_key, b'{"batch":[' + items + b"]}")


def singles(write_key: str, people: People, seed: int, count: int) -> Iterator[bytes]:
    """Requests of `/v1/track` with one touchpoint of 800 bytes."""
    chance = random.Random(seed)
    for _ in range(count):
        yield _request("/v1/track", write_key, _item(people(), chance))


def _request(path: str, write_key: str, body: bytes) -> bytes:
    credentials = base64.b64encode(f"{write_key}:".encode()).decode()
    return _HEAD.format(path=path, credentials=credentials, length=len(body)).encode() + body


def _item(person: str, chance: random.Random) -> bytes:
    """An order as an SDK writes it, filled up to 800 bytes by the page's title."""
    total = chance.randrange(100, 100_000)
    item = {
        "type": "track",
        "event": "Order Completed",
        "messageId": str(UUID(int=chance.getrandbits(128), version=4)),
        "userId": person,
        "anonymousId": f"browser-{person}",
        "timestamp": "2026-01-31T12:00:00.000Z",
        "properties": {
            "order_id": f"order-{chance.getrandbits(40)}",
            "total": f"{total // 100}.{total % 100:02}",
            "currency": "TRY",
            "products": [{"product_id": f"sku-{chance.randrange(500)}", "price": "12.50", "quantity": 2}],
        },
        "context": {
            "ip": f"203.0.113.{chance.randrange(256)}",
            "userAgent": _AGENT,
            "locale": "tr-TR",
            "library": {"name": "analytics-python", "version": "2.4.0"},
            "page": {"url": "https://shop.example/checkout?step=3", "title": ""},
        },
        "integrations": {},
    }
    empty = json.dumps(item, separators=(",", ":"))
    return empty.replace('"title":""', f'"title":"{"x" * (ITEM_BYTES - len(empty))}"').encode()
