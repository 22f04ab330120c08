"""A read database for each test of searching."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cdp.postgres.databases import Databases
from projections.contract import Connected


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection
