"""Two platforms with the same keys, sources and clock: what one gets broken and mended, the other gets mended."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from cdp.ingest.outcomes import read_counts
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform
from cdp.settings import KIB, Settings
from tests.postgres.cluster import Cluster

_DELIVERIES = """
select delivery_id, items
from delivery
where source_id = %s
order by received_at
"""
_HELD = "select count(*) from quarantine where source_id = %s and state = 'held'"
SCOPES = ("quarantine:read", "quarantine:write")


class Clock:
    """The time at both doors."""

    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 2, tzinfo=UTC)

    def now(self, zone: Any) -> datetime:
        """What the doors ask for."""
        return self.moment

    def advance(self, pause: timedelta) -> None:
        """Lets time pass."""
        self.moment += pause


class Stored(NamedTuple):
    """A touchpoint without what may differ: position and time of recording, ids of random keys and of the delivery."""

    id: str
    type: str
    name: str
    times: tuple[datetime, datetime | None, datetime]
    subject: frozenset[tuple[str, str, str]]
    identifiers: tuple[Any, ...]
    business: str
    personal: str
    flags: frozenset[str]


class Side:
    """One platform with its door and its desk, over HTTP."""

    def __init__(self, client: TestClient, platform: Platform) -> None:
        self.client = client
        self.platform = platform
        self.token = platform.tokens.create("desk", scopes=SCOPES, actor="test")
        self.key = ""

    def source(self, name: str) -> None:
        """Sets up the source of an example."""
        self.key = self.platform.sources.add(name, channel="web", actor="test")
        self.name = name
        self.id = self.platform.sources.get(name).id

    def post(self, path: str, body: bytes) -> None:
        """Sends to the door."""
        answer = self.client.post(path, content=body, auth=httpx.BasicAuth(self.key, ""))
        assert answer.status_code in (200, 400), answer.text
        self.check()

    def ask(self, path: str, **parameters: Any) -> Any:
        """Reads at the desk."""
        answer = self.client.get(f"/api{path}", params=parameters, headers=self._headers)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, path: str, **content: Any) -> Any:
        """Does something at the desk."""
        answer = self.client.post(f"/api{path}", json=content, headers=self._headers)
        assert answer.status_code == 200, answer.text
        self.check()
        return answer.json()

    def check(self) -> None:
        """The equation holds, and quarantine holds just what the books say."""
        counts = {each.source_id: each for each in read_counts(self.platform.databases.log)}
        assert all(each.balanced for each in counts.values()), counts
        with self.platform.databases.log.connection() as connection:
            (held,) = connection.execute(_HELD, (self.id,)).fetchone() or (0,)
        assert held == (counts[self.id].quarantined if self.id in counts else 0)

    def books(self) -> tuple[int, ...]:
        """The source's counts."""
        counts = read_counts(self.platform.databases.log)
        return next((tuple(each[1:]) for each in counts if each.source_id == self.id), ())

    def deliveries(self) -> list[tuple[Any, list[int]]]:
        """Its deliveries with their entries, in the order of their receipt."""
        with self.platform.databases.log.connection() as connection:
            return connection.execute(_DELIVERIES, (self.id,)).fetchall()

    def outcomes(self) -> dict[tuple[int, int], tuple[str, tuple[int, int] | None]]:
        """For each item by its place what became of it, and the place of the touchpoint that it is or repeats."""
        order = {delivery_id: at for at, (delivery_id, _) in enumerate(self.deliveries())}
        places = {each.position: (order[each.header.delivery], each.header.item) for each in self._touchpoints()}
        return {
            (at, item): ("accepted" if entry > 0 else "duplicate" if entry else "elsewhere", places.get(abs(entry)))
            for at, (_, entries) in enumerate(self.deliveries())
            for item, entry in enumerate(entries)
        }

    def stored(self) -> dict[tuple[int, int], Stored]:
        """Its touchpoints by their places."""
        order = {delivery_id: at for at, (delivery_id, _) in enumerate(self.deliveries())}
        found = self._touchpoints()
        by_subject: dict[int | None, set[frozenset[tuple[str, str, str]]]] = {}
        stored = {(order[each.header.delivery], each.header.item): self._without(each, by_subject) for each in found}
        assert all(len(members) == 1 for members in by_subject.values())
        return stored

    def _touchpoints(self) -> list[Touchpoint]:
        events = self.platform.reader.read(0, 1_000_000)
        return [each for each in self.platform.opener.open(events) if each.header.source == self.id]

    def _without(self, found: Touchpoint, by_subject: dict[int | None, Any]) -> Stored:
        header = found.header
        values = self.platform.vault.values({each.number for each in header.identifiers})
        identifiers = tuple(sorted((each.role, *(values[each.number] or ())) for each in header.identifiers))
        subject = frozenset(
            (each.type, each.namespace, str(values[each.number])) for each in header.identifiers if each.role == "self"
        )
        by_subject.setdefault(header.subject, set()).add(subject)
        is_random = "message_id_random" in header.flags
        return Stored(
            "random" if is_random else header.id,
            header.type,
            header.name,
            (header.occurred_at, header.sent_at, header.received_at),
            subject,
            identifiers,
            json.dumps(found.business, sort_keys=True, default=str),
            json.dumps(dict(found.personal), sort_keys=True, default=str),
            frozenset(header.flags) - {"replayed", "mended"},
        )

    @property
    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"}


class Twins(NamedTuple):
    """The platform under test, its twin, and the clock of both."""

    real: Side
    twin: Side
    clock: Clock


@contextlib.contextmanager
def opened(cluster: Cluster, folder: Path) -> Iterator[Twins]:
    """Both, for as long as the block."""
    clock = Clock()
    with contextlib.ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        patch.setattr("api.collect.datetime", clock)
        sides: list[Side] = []
        for name in ("real", "twin"):
            home = folder / name
            home.mkdir()
            if sides:
                shutil.copy(folder / "real" / "master.key", home / "master.key")
            urls = stack.enter_context(cluster.cloned())
            settings = Settings(
                home=home,
                log_url=urls["log"],
                vault_url=urls["vault"],
                read_url=urls["read"],
                allow_weak_durability=True,
                max_item_bytes=16 * KIB,
                pool_size=4,
            )
            app = create_app(settings)
            client = stack.enter_context(TestClient(app))
            sides.append(Side(client, app.state.platform))
        real, twin = sides
        yield Twins(real, twin, clock)
