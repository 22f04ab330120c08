"""Giving a database back the rows that its template has, as long as nothing but rows was changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql

_TABLES = """
select schemaname, tablename
from pg_tables
where schemaname not in ('pg_catalog', 'information_schema')
order by 1, 2
"""
_FILLED = """
select schemaname, tablename
from pg_tables
where schemaname not in ('pg_catalog', 'information_schema')
    and pg_relation_size(format('%I.%I', schemaname, tablename)::regclass) > 0
order by 1, 2
"""
_SHAPE = """
with own as (
    select oid, nspname
    from pg_namespace
    where nspname !~ '^(pg_|information_schema)'
),
described as (
    select 'schema ' || nspname as what from own
    union all
    select concat_ws(' ', relkind, nspname, relname, reloptions, relacl)
    from pg_class join own on own.oid = relnamespace
    union all
    select concat_ws(' ', nspname, relname, attname, atttypid, attnotnull, attisdropped, pg_get_expr(adbin, adrelid))
    from pg_attribute
    join pg_class on pg_class.oid = attrelid
    join own on own.oid = relnamespace
    left join pg_attrdef on adrelid = attrelid and adnum = attnum
    union all
    select concat_ws(' ', nspname, conname, pg_get_constraintdef(pg_constraint.oid))
    from pg_constraint join own on own.oid = connamespace
    union all
    select pg_get_indexdef(indexrelid) || indisvalid
    from pg_index
    join pg_class on pg_class.oid = indexrelid
    join own on own.oid = relnamespace
    union all
    select concat_ws(' ', nspname, proname, prosrc) from pg_proc join own on own.oid = pronamespace
    union all
    select concat_ws(' ', tgrelid::regclass, tgname, tgenabled) from pg_trigger where not tgisinternal
    union all
    select 'extension ' || extname from pg_extension
    union all
    select 'setting ' || setconfig::text
    from pg_db_role_setting
    where setdatabase = (select oid from pg_database where datname = current_database())
)
select md5(string_agg(what, E'\\n' order by what)) from described
"""
_OTHERS = """
select pg_terminate_backend(pid, 5000)
from pg_stat_activity
where datname = current_database()
    and pid <> pg_backend_pid()
"""


@dataclass(frozen=True)
class Original:
    """A template's shape (everything that is no row, as a digest) and its rows by table."""

    shape: str
    rows: dict[tuple[str, str], bytes]

    @classmethod
    def of(cls, connection: Connection[tuple[Any, ...]]) -> Original:
        """What a template holds."""
        tables = connection.execute(_TABLES).fetchall()
        return cls(_shape(connection), {(schema, table): _rows(connection, schema, table) for schema, table in tables})

    def is_same(self, connection: Connection[tuple[Any, ...]]) -> bool:
        """Whether a database has the shape of the template."""
        return _shape(connection) == self.shape

    def restore(self, connection: Connection[tuple[Any, ...]]) -> bool:
        """Give a copy the template's rows back. Says no where that cannot be done: its shape is another, it is gone."""
        try:
            connection.execute(_OTHERS, prepare=True)
            if not self.is_same(connection):
                return False
            connection.execute("set session_replication_role = replica")
            with connection.transaction():
                self._refill(connection)
            return True
        except psycopg.Error:
            return False

    def _refill(self, connection: Connection[tuple[Any, ...]]) -> None:
        filled = [sql.Identifier(schema, table) for schema, table in connection.execute(_FILLED, prepare=True)]
        if filled:
            connection.execute(sql.SQL("truncate {} restart identity cascade").format(sql.SQL(", ").join(filled)))
        for (schema, table), rows in self.rows.items():
            if rows:
                statement = sql.SQL("copy {} from stdin").format(sql.Identifier(schema, table))
                with connection.cursor() as cursor, cursor.copy(statement) as copy:
                    copy.write(rows)


def _shape(connection: Connection[tuple[Any, ...]]) -> str:
    row = connection.execute(_SHAPE, prepare=True).fetchone()
    assert row is not None
    return str(row[0])


def _rows(connection: Connection[tuple[Any, ...]], schema: str, table: str) -> bytes:
    statement = sql.SQL("copy {} to stdout").format(sql.Identifier(schema, table))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        return b"".join(bytes(part) for part in copy)
