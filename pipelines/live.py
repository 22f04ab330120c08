"""The live side of a comparison: a projection's tables as they stand at its checkpoint, in one transaction."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from cdp.postgres.databases import Pool
from pipelines.canonical import Digest, Layout
from pipelines.plan import Table, tables_of
from projections.checkpoint import Checkpoint, read_checkpoints
from projections.contract import Connected, Projection
from projections.declared import Declared
from projections.publication import relations

EVENT = "event_id"

_KEY = """
select array_agg(attribute.attname::text order by place.number)
from pg_index as found
cross join unnest(found.indkey::int2[]) with ordinality as place (attribute, number)
join pg_attribute as attribute
    on attribute.attrelid = found.indrelid
    and attribute.attnum = place.attribute
where found.indrelid = to_regclass(%s)
    and found.indisunique
    and found.indpred is null
    and found.indexprs is null
group by found.indexrelid, found.indisprimary
order by found.indisprimary desc, found.indexrelid
limit 1
"""
_PARKED = """
select position
from engine.parked
where projection = %s and version = %s
"""


class NotBuiltYet(Exception):
    """The projector has not built this version of a projection."""

    def __init__(self, projection: str, version: int) -> None:
        super().__init__(
            f"{projection} version {version} has no checkpoint in the read database; let the projector build it "
            "(cdp up, or cdp projector), then reconcile again"
        )


class TablesDiffer(Exception):
    """A projection's database has other tables than its declaration."""

    def __init__(self, schema: str, found: Collection[str], expected: Collection[str]) -> None:
        super().__init__(
            f"the schema {schema} has the tables {', '.join(sorted(found))}; "
            f"declared are {', '.join(sorted(expected))}. Bring schema.sql and the declaration together, raise the "
            "projection's version and run cdp projector"
        )


@contextmanager
def lasting_snapshot(pool: Pool) -> Iterator[Connected]:
    """A connection in a transaction that sees one moment, writes nothing, and may last as long as a rebuild."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        connection.execute("set local transaction_timeout = 0")
        connection.execute("set local idle_in_transaction_session_timeout = 0")
        yield connection


def checkpoint_of(connection: Connected, projection: Projection) -> Checkpoint:
    """How far the rows of a projection that everybody sees have come. Raises NotBuiltYet."""
    found = [
        each
        for each in read_checkpoints(connection)
        if (each.projection, each.version, each.published) == (projection.name, projection.version, True)
    ]
    if not found:
        raise NotBuiltYet(projection.name, projection.version)
    return found[0]


class Live:
    """Reads the tables of one declared projection on a connection that sees one moment. Raises TablesDiffer."""

    def __init__(self, connection: Connected, declared: Declared, schema: str) -> None:
        self._connection = connection
        self._declared = declared
        self._schema = schema
        found, expected = relations(connection, self._schema, "r"), tables_of(declared)
        if set(found) != expected.keys():
            raise TablesDiffer(self._schema, found, expected)
        keys = {
            name: table.key or self._key(name) or _gathered_by(declared, name, table)
            for name, table in expected.items()
        }
        self.layouts: Mapping[str, Layout] = {
            name: Layout(table.columns, keys[name]) for name, table in expected.items()
        }

    @property
    def parked(self) -> frozenset[int]:
        """The positions that the projection left out."""
        rows = self._connection.execute(_PARKED, [self._declared.name, self._declared.version])
        return frozenset(position for (position,) in rows)

    def digests(self, table: str) -> dict[int, Digest]:
        """A table's digests by bucket, made where the rows are."""
        layout = self.layouts[table]
        query = f"""
            select {layout.bucket_sql} as bucket, count(*), sum({layout.hash_sql})
            from {self._schema}.{table}
            group by bucket
        """
        return {bucket: Digest(rows, int(hashes)) for bucket, rows, hashes in self._connection.execute(query)}

    def rows(self, table: str, buckets: Collection[int]) -> Iterator[tuple[Any, ...]]:
        """A table's rows in some buckets."""
        layout = self.layouts[table]
        columns = [f"{name}::text" if kind == "jsonb" else name for name, kind in layout.columns.items()]
        query = f"""
            select {", ".join(columns)}
            from {self._schema}.{table}
            where {layout.bucket_sql} = any(%s)
        """
        yield from self._connection.execute(query, [list(buckets)])

    def _key(self, table: str) -> tuple[str, ...] | None:
        row = self._connection.execute(_KEY, [f"{self._schema}.{table}"]).fetchone()
        return tuple(row[0]) if row else None


def _gathered_by(declared: Declared, name: str, table: Table) -> tuple[str, ...]:
    """What stands for a key where rows have none: the key of their entity, the event of a fact, else all columns."""
    for entities in declared.entities:
        if entities.table == name:
            return (entities.key,)
    return (EVENT,) if EVENT in table.columns else tuple(table.columns)
