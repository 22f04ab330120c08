"""Numbered SQL files, applied once, in order, and never edited afterwards."""

from __future__ import annotations

import hashlib
import importlib.resources
import re
from collections.abc import Sequence
from typing import NamedTuple

from psycopg import Connection

LOCK = 0x6364705F6D696772
"""The advisory lock under which one process at a time migrates a database."""

FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

CREATE_TABLE = """
create table if not exists migration (
    number integer primary key,
    name text not null,
    sha256 bytea not null,
    applied_at timestamptz not null default clock_timestamp()
)
"""


class InvalidMigrations(RuntimeError):
    """The migration files and the ones that a database has applied do not fit together."""


class Migration(NamedTuple):
    """One SQL file."""

    number: int
    name: str
    statements: str

    @property
    def sha256(self) -> bytes:
        """The digest that tells an edited file."""
        return hashlib.sha256(self.statements.encode()).digest()


def load_migrations(package: str) -> list[Migration]:
    """The files `schema/NNNN_name.sql` of a package, in order. Raises InvalidMigrations for a gap or another name."""
    migrations = []
    schema = importlib.resources.files(package).joinpath("schema")
    for file in schema.iterdir() if schema.is_dir() else ():
        if not file.name.endswith(".sql"):
            continue
        if (match := FILE_NAME.fullmatch(file.name)) is None:
            raise InvalidMigrations(
                f"{package}: {file.name} is no migration's name; expected NNNN_name.sql. Rename it."
            )
        migrations.append(Migration(int(match[1]), match[2], file.read_text(encoding="utf-8")))
    migrations.sort()
    if (numbers := [migration.number for migration in migrations]) != list(range(1, len(migrations) + 1)):
        raise InvalidMigrations(f"{package}: migrations are numbered {numbers}; expected 1, 2, 3 … without a gap.")
    return migrations


def migrate(connection: Connection, migrations: Sequence[Migration]) -> list[Migration]:
    """Apply what the database lacks, all in one transaction; the ones applied now are returned.

    Raises InvalidMigrations where the database has applied a migration that was edited, or one that is not here.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute(CREATE_TABLE)
        applied = connection.execute("select number, name, sha256 from migration order by number").fetchall()
        _check(connection.info.dbname, applied, migrations)
        missing = list(migrations[len(applied) :])
        for migration in missing:
            _apply(connection, migration)
    return missing


def _apply(connection: Connection, migration: Migration) -> None:
    connection.execute(migration.statements.encode())
    connection.execute(
        "insert into migration (number, name, sha256) values (%s, %s, %s)",
        [migration.number, migration.name, migration.sha256],
    )


def _check(database: str, applied: Sequence[tuple[int, str, bytes]], migrations: Sequence[Migration]) -> None:
    for (number, name, sha256), migration in zip(applied, migrations, strict=False):
        if (number, sha256) != (migration.number, migration.sha256):
            raise InvalidMigrations(
                f"Database {database} has applied migration {number:04}_{name} with other content than the file "
                f"{migration.number:04}_{migration.name}.sql has. Restore the file; put a change into a new migration."
            )
    if len(applied) > len(migrations):
        number, name, _ = applied[len(migrations)]
        raise InvalidMigrations(
            f"Database {database} has applied migration {number:04}_{name}, which this version of cdp does not have. "
            "Use the version that wrote the database, or a newer one."
        )
