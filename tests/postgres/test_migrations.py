"""Migrations: applied once, in order, whole or not at all; an edited or unknown one is refused."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from cdp.postgres.databases import Databases
from cdp.postgres.migrations import InvalidMigrations, Migration, load_migrations, migrate

FIRST = Migration(1, "person", "create table person (id integer primary key);")
SECOND = Migration(2, "name", "alter table person add name text; create index on person (name);")
BROKEN = Migration(2, "broken", "create table half_made (id integer); create table person (id integer);")


def tables(connection: Connection[tuple[Any, ...]]) -> set[str]:
    return {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}


def test_each_is_applied_once_in_order(databases: Databases) -> None:
    with databases.read.connection() as connection:
        assert migrate(connection, [FIRST]) == [FIRST]
        assert migrate(connection, [FIRST, SECOND]) == [SECOND]
        assert migrate(connection, [FIRST, SECOND]) == []
        applied = connection.execute("select number, name, sha256 from migration order by number").fetchall()
    assert applied == [(1, "person", FIRST.sha256), (2, "name", SECOND.sha256)]


def test_a_failing_one_leaves_nothing_behind(databases: Databases) -> None:
    with databases.read.connection() as connection:
        with pytest.raises(psycopg.errors.DuplicateTable):
            migrate(connection, [FIRST, BROKEN])
        assert tables(connection) == set()


@pytest.mark.parametrize(
    ("now", "message"),
    [
        ([FIRST._replace(statements="create table other ();"), SECOND], "0001_person with other content"),
        ([FIRST], "0002_name, which this version of cdp does not have"),
        ([FIRST, Migration(2, "other", "select 1")], "0002_name with other content"),
    ],
    ids=["edited", "missing", "replaced"],
)
def test_what_was_applied_must_stay(databases: Databases, now: Sequence[Migration], message: str) -> None:
    with databases.read.connection() as connection:
        migrate(connection, [FIRST, SECOND])
        with pytest.raises(InvalidMigrations, match=message):
            migrate(connection, now)


def test_processes_that_start_at_once_migrate_once(databases: Databases) -> None:
    def run(_: int) -> int:
        with databases.read.connection() as connection:
            return len(migrate(connection, [FIRST, SECOND]))

    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(run, range(4))) == [0, 0, 0, 2]


@pytest.mark.parametrize("package", ["cdp.log", "cdp.vault"])
def test_ours_are_numbered_and_applied(package: str, databases: Databases) -> None:
    pool = {"cdp.log": databases.log, "cdp.vault": databases.vault}[package]
    migrations = load_migrations(package)
    with pool.connection() as connection:
        applied = connection.execute("select number from migration order by number").fetchall()
    assert migrations
    assert [number for (number,) in applied] == [migration.number for migration in migrations]


@pytest.mark.parametrize(
    ("names", "message"),
    [(["0001_a.sql", "0003_b.sql"], "without a gap"), (["1-a.sql"], "expected NNNN_name.sql")],
)
def test_files_are_numbered_without_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, names: Sequence[str], message: str
) -> None:
    package = f"package_{len(names)}"
    schema = tmp_path / package / "schema"
    schema.mkdir(parents=True)
    (schema.parent / "__init__.py").touch()
    for name in names:
        (schema / name).write_text("select 1")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InvalidMigrations, match=message):
        load_migrations(package)
