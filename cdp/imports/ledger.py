"""What has been imported: each file with its mapping, how far it has come, and from which row each item was made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool

from cdp.ingest.delivery import new_delivery_id

_LATEST = """
select import_id, started_at, finished_at, attempt
from file_import
where source_id = %(source)s
  and file_digest = %(file)s
  and mapping_digest = %(mapping)s
order by attempt desc
limit 1
"""
_BEGIN = """
insert into file_import (import_id, source_id, file_digest, mapping_digest, mapping, attempt, actor, started_at)
values (%(import)s, %(source)s, %(file)s, %(mapping)s, %(text)s, %(attempt)s, %(actor)s, %(now)s)
"""
_CHUNKS = """
select chunk
from file_import_delivery
where import_id = %s
"""
_RECORD = """
insert into file_import_delivery
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (import_id, chunk) do nothing
"""
_FINISH = """
update file_import
set finished_at = %(now)s, rows = %(rows)s, skipped = %(skipped)s, blank = %(blank)s
where import_id = %(import)s
"""
_ROWS = """
select coalesce(sum(accepted), 0)::bigint, coalesce(sum(duplicate), 0)::bigint, coalesce(sum(quarantined), 0)::bigint
from file_import_delivery
where import_id = %s
"""
_ITEMS = """
select
    count(*) filter (where item > 0),
    count(*) filter (where item < 0),
    count(*) filter (where item = 0)
from file_import_delivery
join delivery using (delivery_id)
cross join unnest(items) as item
where import_id = %s
"""
_WHOLE = """
select rows, skipped, blank, finished_at
from file_import
where import_id = %s
"""
_ORIGIN = """
select file_digest, mapping_digest, first_rows[%(item)s + 1], row_counts[%(item)s + 1]
from file_import_delivery
join file_import using (import_id)
where delivery_id = %(delivery)s
  and %(item)s < cardinality(first_rows)
"""
_LOCK = "select pg_try_advisory_lock(hashtextextended(%s::text, 0))"
_UNLOCK = "select pg_advisory_unlock(hashtextextended(%s::text, 0))"


class ImportRunning(RuntimeError):
    """Another process is importing the same file."""

    def __init__(self) -> None:
        super().__init__("another process is importing this file for this source; wait for it, or stop it")


class ChunkKnown(Exception):
    """The chunk is stored already, by a process that outlived the one that was killed."""


@dataclass(frozen=True)
class What:
    """What identifies an import: the same file with the same mapping for the same source is the same import."""

    source: UUID
    file_digest: bytes
    mapping_digest: bytes
    mapping: str


@dataclass(frozen=True)
class Import:
    """One import and the chunks of it that are stored."""

    import_id: UUID
    started_at: datetime
    finished_at: datetime | None
    chunks: frozenset[int]


class ByOutcome(NamedTuple):
    """How many, by outcome."""

    accepted: int
    duplicate: int
    quarantined: int


class Origin(NamedTuple):
    """The rows of a file that an item was made of: `rows` of them, the first being number `row`."""

    file_digest: bytes
    mapping_digest: bytes
    row: int
    rows: int


class Books(NamedTuple):
    """The books of an import: rows = those of accepted, duplicate and quarantined items + skipped + blank."""

    rows: int
    skipped: int
    blank: int
    of_rows: ByOutcome
    of_items: ByOutcome

    @property
    def balanced(self) -> bool:
        """Whether every row is accounted for."""
        return self.rows == sum(self.of_rows) + self.skipped + self.blank


NOTHING = Books(0, 0, 0, ByOutcome(0, 0, 0), ByOutcome(0, 0, 0))


class Ledger:
    """The imports, in the log's database."""

    def __init__(self, pool: ConnectionPool[Connection[Any]]) -> None:
        self._pool = pool

    @contextmanager
    def opened(self, what: What, actor: str, now: datetime, again: bool) -> Iterator[Import]:
        """The import to go on with: a new one, or one that was begun; `again` begins a finished one anew.

        Nobody else can open it meanwhile: raises `ImportRunning`.
        """
        with self._pool.connection() as connection:
            key = f"import|{what.source}|{what.file_digest.hex()}|{what.mapping_digest.hex()}"
            if not _value(connection, _LOCK, [key]):
                raise ImportRunning
            try:
                yield self._begun(connection, what, actor, now, again)
            finally:
                if not connection.closed:
                    connection.execute(_UNLOCK, [key])

    def _begun(self, connection: Connection[Any], what: What, actor: str, now: datetime, again: bool) -> Import:
        place = {"source": what.source, "file": what.file_digest, "mapping": what.mapping_digest}
        found = connection.execute(_LATEST, place).fetchone()
        if found is not None and not (again and found[2] is not None):
            chunks = frozenset(chunk for (chunk,) in connection.execute(_CHUNKS, [found[0]]))
            return Import(found[0], found[1], found[2], chunks)
        import_id = new_delivery_id()
        attempt = 1 if found is None else found[3] + 1
        new = {"import": import_id, "text": what.mapping, "attempt": attempt, "actor": actor, "now": now}
        connection.execute(_BEGIN, place | new)
        return Import(import_id, now, None, frozenset())

    def finish(self, import_id: UUID, now: datetime, rows: int, skipped: int, blank: int) -> None:
        """Says that all of it is stored."""
        with self._pool.connection() as connection:
            values = {"import": import_id, "now": now, "rows": rows, "skipped": skipped, "blank": blank}
            connection.execute(_FINISH, values)

    def books(self, import_id: UUID) -> Books:
        """What became of a finished import."""
        with self._pool.connection() as connection:
            rows, skipped, blank, _ = connection.execute(_WHOLE, [import_id]).fetchone() or (0, 0, 0, None)
            of_rows = ByOutcome(*(connection.execute(_ROWS, [import_id]).fetchone() or (0, 0, 0)))
            of_items = ByOutcome(*(connection.execute(_ITEMS, [import_id]).fetchone() or (0, 0, 0)))
            return Books(rows or 0, skipped or 0, blank or 0, of_rows, of_items)

    def origin(self, delivery_id: UUID, item: int) -> Origin | None:
        """Where an item came from, by what a touchpoint's header and a quarantined item say; None if from no file."""
        with self._pool.connection() as connection:
            found = connection.execute(_ORIGIN, {"delivery": delivery_id, "item": item}).fetchone()
            return None if found is None else Origin(*found)


class Made(NamedTuple):
    """A delivery of an import: of which chunk, and for each item its first row and how many rows it was made of."""

    import_id: UUID
    chunk: int
    delivery_id: UUID
    first_rows: Sequence[int]
    row_counts: Sequence[int]


def record(cursor: Cursor[Any], made: Made, outcomes: Sequence[str]) -> None:
    """Writes where the items of a chunk came from, in the transaction that stores them. Raises `ChunkKnown`."""
    sums = dict.fromkeys(ByOutcome._fields, 0)
    for outcome, count in zip(outcomes, made.row_counts, strict=True):
        sums[outcome] += count
    if not cursor.execute(_RECORD, (*made, *sums.values()), prepare=True).rowcount:
        raise ChunkKnown


def _value(connection: Connection[Any], query: str, parameters: list[Any]) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return None if row is None else row[0]
