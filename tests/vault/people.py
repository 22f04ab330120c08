"""Identifiers for tests, and a row count."""

from __future__ import annotations

from cdp.identity.identifier import GLOBAL, Identifier
from cdp.vault.head import Pool


def emails(count: int, first: int = 0) -> list[Identifier]:
    """That many e-mail addresses."""
    return [Identifier("email", GLOBAL, f"person{index}@example.com") for index in range(first, first + count)]


def count(pool: Pool, table: str) -> int:
    """How many rows a table has."""
    with pool.connection() as connection:
        row = connection.execute(f"select count(*) from {table}").fetchone()
    assert row is not None
    return int(row[0])
