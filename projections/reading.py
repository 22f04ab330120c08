"""Reading what projections wrote: one consistent moment for all statements of an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from cdp.postgres.databases import Pool
from projections.contract import Connected


class NotBuilt(Exception):
    """The read database has no projections yet."""

    def __init__(self) -> None:
        super().__init__("no projector has run on this read database yet; start one with: cdp up (or cdp projector)")


@contextlib.contextmanager
def snapshot(pool: Pool) -> Iterator[Connected]:
    """A connection in a transaction that sees one moment and writes nothing. Raises `NotBuilt`."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found = connection.execute("select to_regclass('identity.memberships') is not null").fetchone()
        if found is None or not found[0]:
            raise NotBuilt
        yield connection
