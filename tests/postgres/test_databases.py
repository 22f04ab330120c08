"""Databases of a test and of an installation: fresh, separate, with sessions that cannot hang."""

from __future__ import annotations

import pytest

from cdp.postgres.databases import Databases


@pytest.mark.parametrize("attempt", [1, 2, 3])
def test_every_test_gets_fresh_databases(databases: Databases, attempt: int) -> None:
    with databases.read.connection() as connection:
        connection.execute("create table here (attempt integer)")
