"""The database schemas of projections: each version's tables in its own, stable views over the current one."""

from __future__ import annotations

import re

from psycopg import sql

from projections.contract import Connected, Projection, schema_of, tables_of

LOCK_TIMEOUT = "2s"
"""How long a swap of views waits for readers; when they do not let go it is tried again later."""

_TABLES = """
select relname
from pg_class
where relnamespace = to_regnamespace(%s)
    and relkind = %s::"char"
order by relname
"""


def install(connection: Connected, projection: Projection) -> None:
    """Makes the version's schema and tables; harmless where they exist."""
    schema = sql.Identifier(schema_of(projection))
    with connection.transaction():
        connection.execute(sql.SQL("create schema if not exists {}").format(schema))
        connection.execute(sql.SQL("set local search_path to {}").format(schema))
        connection.execute(tables_of(projection).encode())


def empty(connection: Connected, projection: Projection) -> None:
    """Removes all rows of the version."""
    schema = schema_of(projection)
    tables = [sql.Identifier(schema, table) for table in relations(connection, schema, "r")]
    if tables:
        connection.execute(sql.SQL("truncate {}").format(sql.SQL(", ").join(tables)))


def publish(connection: Connected, projection: Projection) -> None:
    """Points the stable views at this version and drops the tables of other versions, inside the open transaction."""
    connection.execute(sql.SQL("set local lock_timeout = {}").format(LOCK_TIMEOUT))
    views, schema = projection.name, schema_of(projection)
    connection.execute(sql.SQL("create schema if not exists {}").format(sql.Identifier(views)))
    for view in relations(connection, views, "v"):
        connection.execute(sql.SQL("drop view {}").format(sql.Identifier(views, view)))
    for table in relations(connection, schema, "r"):
        selection = sql.SQL("create view {} as select * from {}")
        connection.execute(selection.format(sql.Identifier(views, table), sql.Identifier(schema, table)))
    _drop_others(connection, projection)


def _drop_others(connection: Connected, projection: Projection) -> None:
    own = re.compile(rf"{re.escape(projection.name)}_v\d+")
    for (name,) in connection.execute("select nspname from pg_namespace").fetchall():
        if own.fullmatch(name) and name != schema_of(projection):
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))
    for table in ("checkpoints", "parked"):
        connection.execute(
            sql.SQL("delete from {} where projection = %s and version <> %s").format(sql.Identifier("engine", table)),
            [projection.name, projection.version],
        )


def relations(connection: Connected, schema: str, kind: str) -> list[str]:
    """The names of a schema's tables (kind `r`) or views (kind `v`), in order."""
    return [name for (name,) in connection.execute(_TABLES, [schema, kind]).fetchall()]
