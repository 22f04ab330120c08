"""Rotation of the master key and of the pepper, while writers go on.

A rotation is a walk through the tables in batches, each in its own transaction. Its state is the key file and the
vault's head: the file holds the old version until the walk is done, so a rotation that was killed is resumed by
starting it again, and walks once more over rows that are done already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NamedTuple

from cdp.vault import head as heads
from cdp.vault.head import Db, Pool
from cdp.vault.identifiers import lookups, opened_value
from cdp.vault.keyring import KeyRing, Kind
from cdp.vault.wrapping import IDENTIFIER, PERIOD_KEY, SUBJECT_KEY, unwrap, wrap

BATCH = 2_000
LOCK = 0x6364705F726F7461
"""The advisory lock that a rotation holds from its start to its end."""

_OUTDATED_VALUES = """
select number, type, namespace, master_version, wrapped, sealed, normaliser
from identifier
where number > %(after)s
    and number <= %(last)s
    and pepper_version <> %(version)s
    and lookup is not null
for update
"""
_REHASH = """
update identifier
set lookup = fresh.lookup, pepper_version = %(version)s
from unnest(%(numbers)b::bigint[], %(lookups)b::bytea[]) as fresh (number, lookup)
where identifier.number = fresh.number
"""


class RotationRunning(RuntimeError):
    """Another process rotates keys of this vault."""

    def __init__(self) -> None:
        super().__init__("another rotation of this vault's keys is running. Wait for it to end; see `cdp key show`.")


class Step(NamedTuple):
    """One batch done: `reached` goes from 0 to 1, because rows are walked by numbers that are evenly spread."""

    table: str
    reached: float
    changed: int


class Wrapped(NamedTuple):
    """A table whose rows hold a key that the master key wraps."""

    table: str
    id: str
    place: bytes


WRAPPED: Final = (
    Wrapped("identifier", "number", IDENTIFIER),
    Wrapped("subject_key", "id", SUBJECT_KEY),
    Wrapped("period_key", "id", PERIOD_KEY),
)


def unfinished(ring: KeyRing, kind: Kind) -> bool:
    """Whether the key file still holds a version to get rid of, so that a rotation resumes instead of starting anew."""
    return len(getattr(ring.contents, kind)) > 1


def rotate_master(pool: Pool, ring: KeyRing, batch: int = BATCH) -> Iterator[Step]:
    """Wraps every key with a new version of the master key, then drops the old versions from the key file.

    Raises RotationRunning, and what `head.serve` raises for a ring that does not fit.
    """
    with _alone(pool, ring) as connection:
        version = max(ring.contents.masters) if unfinished(ring, "masters") else ring.add("masters")
        heads.set_master(connection, version)
        for wrapped in WRAPPED:

            def rewrap(after: int, last: int, wrapped: Wrapped = wrapped) -> int:
                return _rewrap(connection, ring, wrapped, version, after, last)

            yield from _walk(connection, wrapped.table, wrapped.id, batch, rewrap)
        ring.keep("masters", {version})


def rotate_pepper(pool: Pool, ring: KeyRing, batch: int = BATCH) -> Iterator[Step]:
    """Hashes every look-up with a new pepper, then drops the old one from the key file.

    Until the end look-ups are tried with both. Raises as `rotate_master`.
    """
    with _alone(pool, ring) as connection:
        version = max(ring.contents.peppers) if unfinished(ring, "peppers") else ring.add("peppers")
        head = heads.read(connection)
        if head.pepper != version:
            heads.set_peppers(connection, version, head.pepper)

        def rehash(after: int, last: int) -> int:
            return _rehash(connection, ring, version, after, last)

        yield from _walk(connection, "identifier", "number", batch, rehash)
        heads.set_peppers(connection, version, None)
        ring.keep("peppers", {version})


@contextmanager
def _alone(pool: Pool, ring: KeyRing) -> Iterator[Db]:
    """A connection under the rotation's lock, the ring as the file has it now."""
    with pool.connection() as connection:
        row = connection.execute("select pg_try_advisory_lock(%(lock)s)", {"lock": LOCK}).fetchone()
        if row != (True,):
            raise RotationRunning
        try:
            ring.reload()
            heads.serve(connection, ring)
            yield connection
        finally:
            connection.execute("select pg_advisory_unlock(%(lock)s)", {"lock": LOCK})


def _walk(connection: Db, table: str, id: str, batch: int, change: Callable[[int, int], int]) -> Iterator[Step]:
    """Changes all rows that are there now, in the order of their ids, which are random numbers of 63 bits."""
    end = f"""
    select max({id})
    from (select {id} from {table} where {id} > %(after)s order by {id} limit %(batch)s) as next
    """
    after = 0
    while True:
        with connection.transaction():
            (last,) = connection.execute(end, {"after": after, "batch": batch}).fetchone() or (None,)
            changed = 0 if last is None else change(after, last)
        if last is None:
            yield Step(table, 1.0, 0)
            return
        after = last
        yield Step(table, after / 2**63, changed)


def _rewrap(connection: Db, ring: KeyRing, wrapped: Wrapped, version: int, after: int, last: int) -> int:
    table, id, place = wrapped
    outdated = f"""
    select {id}, master_version, wrapped
    from {table}
    where {id} > %(after)s
        and {id} <= %(last)s
        and master_version <> %(version)s
        and wrapped is not null
    for update
    """
    update = f"""
    update {table}
    set wrapped = fresh.wrapped, master_version = %(version)s
    from unnest(%(ids)b::bigint[], %(wrapped)b::bytea[]) as fresh (id, wrapped)
    where {table}.{id} = fresh.id
    """
    master = ring.master(version)
    parameters = {"after": after, "last": last, "version": version}
    fresh = {
        number: wrap(master, place, number, unwrap(ring.master(old), place, number, held))
        for number, old, held in connection.execute(outdated, parameters, prepare=False, binary=True)
    }
    if fresh:
        new = {"version": version, "ids": list(fresh), "wrapped": list(fresh.values())}
        connection.execute(update, new, prepare=False)
    return len(fresh)


def _rehash(connection: Db, ring: KeyRing, version: int, after: int, last: int) -> int:
    parameters = {"after": after, "last": last, "version": version}
    fresh: dict[int, bytes] = {}
    for *row, normaliser in connection.execute(_OUTDATED_VALUES, parameters, prepare=False, binary=True):
        identifier = opened_value(ring, tuple(row))
        if identifier is not None:
            (fresh[row[0]],) = lookups(ring, version, [identifier], normaliser)
    if fresh:
        new = {"version": version, "numbers": list(fresh), "lookups": list(fresh.values())}
        connection.execute(_REHASH, new, prepare=False)
    return len(fresh)
