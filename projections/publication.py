"""The database schemas of projections: each version's tables in its own, stable views over the current one."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections.abc import Collection, Iterator, Mapping
from importlib import resources

from psycopg import sql

from projections.checkpoint import Checkpoint, forget_checkpoints, write_checkpoint
from projections.contract import Connected, Projection, schema_of, tables_of

LOCK_TIMEOUT = "500ms"
"""How long a swap of views waits for readers; when they do not let go it is tried again later."""

SWAP_LOCK = 0x6364705F73776170
"""Shared by every answer that reads projections, so that all its statements see the same builds."""

_TABLES = """
select relname
from pg_class
where relnamespace = to_regnamespace(%s)
    and relkind = %s::"char"
order by relname
"""


def install(connection: Connected, projection: Projection, schema: str | None = None) -> None:
    """Makes a schema with the projection's tables, by default the version's own; harmless where they exist."""
    name = sql.Identifier(schema or schema_of(projection))
    with connection.transaction():
        connection.execute(sql.SQL("create schema if not exists {}").format(name))
        connection.execute(sql.SQL("set local search_path to {}").format(name))
        connection.execute(tables_of(projection).encode())


def empty(connection: Connected, schema: str) -> None:
    """Removes all rows of a schema."""
    tables = [sql.Identifier(schema, table) for table in relations(connection, schema, "r")]
    if tables:
        connection.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(tables)))


@contextlib.contextmanager
def swapping(connection: Connected) -> Iterator[None]:
    """Within a transaction: keeps readers away for as long as it lasts; waits for those that are there only shortly.

    Raises `psycopg.errors.LockNotAvailable`.
    """
    connection.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
    connection.execute("select pg_advisory_xact_lock(%s)", [SWAP_LOCK])
    yield


def publish(connection: Connected, name: str, schema: str) -> None:
    """Points a projection's stable views at the tables of a schema, and makes anew what else it is read with."""
    provide(connection, name)
    for view in relations(connection, name, "v"):
        connection.execute(sql.SQL("drop view {} cascade").format(sql.Identifier(name, view)))
    for table in relations(connection, schema, "r"):
        selection = sql.SQL("create view {} as select * from {}")
        connection.execute(selection.format(sql.Identifier(name, table), sql.Identifier(schema, table)))
    _run(connection, name, "marts.sql")


def provide(connection: Connected, name: str) -> None:
    """Makes what the answers of a projection are read with beside its views; harmless where it is there."""
    with connection.transaction():
        connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(name)))
        _run(connection, name, "reading.sql")


def _run(connection: Connected, name: str, file: str) -> None:
    """Runs a file beside a projection, if it has one of that name."""
    statements = resources.files("projections").joinpath(name, file)
    if statements.is_file():
        connection.execute(statements.read_bytes())


def swap_in(
    connection: Connected, projections: Mapping[str, Projection], complete: Collection[Checkpoint]
) -> list[Checkpoint]:
    """Has builds that are complete served, all in one transaction, and drops what was served before.

    Raises `psycopg.errors.LockNotAvailable` where a reader does not let go; nothing is changed then.
    """
    with connection.transaction(), swapping(connection):
        return [_swap_in(connection, projections[each.projection], each) for each in complete]


def _swap_in(connection: Connected, projection: Projection, checkpoint: Checkpoint) -> Checkpoint:
    final = schema_of(projection)
    forget_checkpoints(connection, projection.name)
    if checkpoint.schema != final:
        for view in relations(connection, projection.name, "v"):
            connection.execute(sql.SQL("drop view {} cascade").format(sql.Identifier(projection.name, view)))
        drop_schema(connection, final)
        rename = sql.SQL("alter schema {} rename to {}")
        connection.execute(rename.format(sql.Identifier(checkpoint.schema), sql.Identifier(final)))
    publish(connection, projection.name, final)
    for schema in own_schemas(connection, projection.name):
        if schema != final:
            drop_schema(connection, schema)
    served = dataclasses.replace(checkpoint, schema=final, live=True, published=True)
    write_checkpoint(connection, served)
    return served


def drop_projection(connection: Connected, name: str) -> None:
    """Drops the views and all tables of a projection."""
    for schema in (name, *own_schemas(connection, name)):
        drop_schema(connection, schema)


def drop_schema(connection: Connected, schema: str) -> None:
    """Drops a schema with all that is in it, if it is there."""
    connection.execute(sql.SQL("drop schema if exists {} cascade").format(sql.Identifier(schema)))


def own_schemas(connection: Connected, name: str) -> list[str]:
    """The schemas with tables of a projection's versions."""
    own = re.compile(rf"{re.escape(name)}_v\d+(_next)?")
    found = connection.execute("select nspname from pg_namespace order by nspname").fetchall()
    return [schema for (schema,) in found if own.fullmatch(schema)]


def relations(connection: Connected, schema: str, kind: str) -> list[str]:
    """The names of a schema's tables (kind `r`) or views (kind `v`), in order."""
    return [name for (name,) in connection.execute(_TABLES, [schema, kind]).fetchall()]
