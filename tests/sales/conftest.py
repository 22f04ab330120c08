"""Databases for the tests of sales: fresh ones, and those that the tests of one module share, which only read."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cdp.postgres.databases import Databases
from cdp.settings import Settings
from projections.contract import Connected
from tests.postgres.cluster import Cluster


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection


@pytest.fixture(scope="module")
def module_settings(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings with an empty home and three fresh databases."""
    with cluster.cloned() as urls:
        yield Settings(
            home=tmp_path_factory.mktemp("home"),
            log_url=urls["log"],
            vault_url=urls["vault"],
            read_url=urls["read"],
            allow_weak_durability=True,
            pool_size=4,
        )
