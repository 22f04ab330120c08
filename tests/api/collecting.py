"""The collection door in one process, and what stands behind it: books, log, vault, quarantine."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from typing import Any, NamedTuple
from uuid import uuid4

import httpx
from fastapi.testclient import TestClient

from cdp.ingest.outcomes import SourceCounts, read_counts
from cdp.ingest.quarantine import reveal
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform

_HELD = """
select quarantine_id, key_id, sealed, stage, reason, item
from quarantine
where source_id = %s
order by received_at, item
"""
_IDENTIFIERS = "select count(*) from identifier"


class HeldItem(NamedTuple):
    """One item in quarantine, opened."""

    stage: str
    reason: str
    item: int
    detail: str
    raw: bytes


class State(NamedTuple):
    """What a refused item must not change."""

    position: int
    identifiers: int
    others: list[SourceCounts]


class Sender:
    """A source, and a client that sends as it."""

    _numbers = itertools.count(1)

    def __init__(self, client: TestClient, platform: Platform, channel: str = "web") -> None:
        self.client = client
        self.platform = platform
        self.name = f"source-{next(self._numbers)}"
        self.key = platform.sources.add(self.name, channel=channel, actor="test")
        self.id = platform.sources.get(self.name).id

    def post(self, path: str, body: Any, headers: dict[str, str] | None = None, key: str | None = None) -> Any:
        """Sends bytes as they are, anything else as JSON, with the write key in the header; "" for no key."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        chosen = self.key if key is None else key
        auth = httpx.BasicAuth(chosen, "") if chosen else None
        return self.client.post(path, content=content, headers=headers, auth=auth)

    def batch(self, items: list[Any], headers: dict[str, str] | None = None, **more: Any) -> Any:
        """Sends items together. Bytes among them are put in as they are."""
        parts = [item if isinstance(item, bytes) else json.dumps(item).encode() for item in items]
        rest = json.dumps(more).encode()[1:-1]
        body = b'{"batch": [' + b", ".join(parts) + b"]" + (b", " + rest if rest else b"") + b"}"
        return self.post("/v1/batch", body, headers)

    @property
    def counts(self) -> Counter[str]:
        """The books, without zeros."""
        for counts in read_counts(self.platform.databases.log):
            if counts.source_id == self.id:
                assert counts.balanced
                return +Counter({name: value for name, value in counts._asdict().items() if name != "source_id"})
        return Counter()

    @property
    def held(self) -> list[HeldItem]:
        """What of it is in quarantine."""
        with self.platform.databases.log.connection() as connection:
            rows = connection.execute(_HELD, [self.id]).fetchall()
        opened = []
        for quarantine_id, key_id, sealed, stage, reason, item in rows:
            content = reveal(self.platform.vault, quarantine_id, key_id, sealed)
            assert content is not None
            opened.append(HeldItem(stage, reason, item, *content))
        return opened

    @property
    def stored(self) -> list[Touchpoint]:
        """What of it is in the log."""
        found: list[Touchpoint] = []
        position = 0
        while events := self.platform.reader.read(position, 5_000):
            found += self.platform.opener.open(events)
            position = events[-1].position
        return [each for each in found if each.header.source == self.id]

    @property
    def state(self) -> State:
        """What else there is."""
        with self.platform.databases.vault.connection() as connection:
            (identifiers,) = connection.execute(_IDENTIFIERS).fetchone() or (0,)
        others = [each for each in read_counts(self.platform.databases.log) if each.source_id != self.id]
        return State(self.platform.reader.head().position, identifiers, sorted(others))


def track(**fields: Any) -> dict[str, Any]:
    """A good call with an id of its own."""
    return {
        "type": "track",
        "event": "Order Completed",
        "userId": "somebody",
        "messageId": uuid4().hex,
        "timestamp": "2026-01-31T12:00:00Z",
        "properties": {"total": "12.50"},
    } | fields
