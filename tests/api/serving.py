"""The whole application in one process: touchpoints in by its door, projections caught up, questions asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from cdp.platform import Platform
from cdp.settings import Settings
from projections.contract import Projection, Surroundings
from projections.discovery import found_projections
from projections.engine import Engine
from projections.projector import leading
from tests.projections.world import catch_up


class Served:
    """An application with sources made on demand and a token for everything that may be read."""

    def __init__(self, client: TestClient, platform: Platform) -> None:
        self.client = client
        self.platform = platform
        self._keys: dict[str, str] = {}
        self.token = platform.tokens.create("reader", scopes=["profiles:read", "sales:read"], actor="test")
        platform.registry.refresh()

    def source(self, name: str, channel: str, **options: Any) -> None:
        """Sets up a source."""
        self._keys[name] = self.platform.sources.add(name=name, channel=channel, actor="test", **options)
        self.platform.registry.refresh()

    def send(self, source: str, *items: dict[str, Any]) -> None:
        """Sends touchpoints by the batch endpoint."""
        answer = self.client.post("/v1/batch", json={"batch": list(items)}, auth=(self._keys[source], ""))
        assert answer.status_code == 200, answer.text

    def project(self, projections: Sequence[Projection] | None = None) -> None:
        """Brings projections up to the head, all of them unless some are given."""
        from threading import Event

        platform = self.platform
        surroundings = Surroundings(ZoneInfo(platform.settings.timezone), platform.vault.values, platform.policies)
        with leading(platform.databases.read, Event()) as connection:
            assert connection is not None
            catch_up(
                Engine(connection, platform.reader, platform.opener, projections or found_projections(), surroundings)
            )

    def get(self, path: str, token: str | None = None, **parameters: Any) -> Response:
        """Asks the query API."""
        headers = {"Authorization": f"Bearer {token or self.token}"}
        answer: Response = self.client.get(path, params=parameters, headers=headers)
        return answer


@contextlib.contextmanager
def served(settings: Settings) -> Iterator[Served]:
    """The application on the databases that the settings name."""
    app = create_app(settings)
    with TestClient(app) as client:
        yield Served(client, app.state.platform)
