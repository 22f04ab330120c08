"""The application in this process, on databases that the tests of one module share, each as a source of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from cdp.settings import KIB, Settings
from tests.api.collecting import Sender
from tests.postgres.cluster import Cluster


@pytest.fixture(scope="module")
def door(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The application with small limits."""
    with cluster.cloned() as urls:
        settings = Settings(
            home=tmp_path_factory.mktemp("home"),
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
            max_body_bytes=64 * KIB,
            max_inflated_bytes=64 * KIB,
            max_item_bytes=16 * KIB,
            max_items=300,
        )
        with TestClient(create_app(settings)) as client:
            yield client


@pytest.fixture
def sender(door: TestClient) -> Sender:
    """A source that nothing was sent to yet."""
    return Sender(door, door.app.state.platform)  # type: ignore[attr-defined]
