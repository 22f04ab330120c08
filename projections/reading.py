"""Reading what projections wrote: one consistent moment for all statements of an answer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import psycopg

from cdp.postgres.databases import Pool
from projections.contract import Connected
from projections.publication import SWAP_LOCK

_BUILT = """
select to_regclass('identity.memberships') is not null, pg_advisory_xact_lock_shared(%s)
"""


class NotBuilt(Exception):
    """The read database has no projections yet."""

    said = "no projector has run on this read database yet; start one with: cdp up (or cdp projector)"

    def __init__(self) -> None:
        super().__init__(self.said)


class BuiltBefore(NotBuilt):
    """What is served was built by an older release, and lacks what an answer is read from."""

    said = (
        "what is served was built by an older release and lacks what this answer is read from; it is built anew: "
        "see how far that is with cdp projection list, then ask again"
    )


_LACKING = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn, psycopg.errors.UndefinedFunction)


@contextlib.contextmanager
def snapshot(pool: Pool) -> Iterator[Connected]:
    """A connection in a transaction that sees one moment and writes nothing. Raises `NotBuilt`.

    All its statements see the same version of every projection: none is swapped in meanwhile.
    """
    with pool.connection() as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        found = connection.execute(_BUILT, [SWAP_LOCK], prepare=True).fetchone()
        if found is None or not found[0]:
            raise NotBuilt
        try:
            yield connection
        except _LACKING as error:
            raise BuiltBefore from error
