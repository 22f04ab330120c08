"""The server under the tests: template databases, made once, of which each test gets copies.

The log and the vault are migrated; the read database has the tables of all projections, as an engine makes them over
an empty log. Copies are given back the template's rows and used again, which costs a quarter of making them; only where
a test changed more than rows they are made anew.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
from psycopg import Connection, sql

from cdp.postgres.databases import DURABLE, NAMES
from cdp.postgres.embedded import EmbeddedServer
from cdp.postgres.migrations import load_migrations, migrate
from cdp.settings import Settings
from tests.postgres.emptying import Original

SETTINGS = {
    # no test here survives a power cut; tests of durability start servers of their own
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    # nothing replicates, and little is written
    "max_wal_size": "512MB",
    "min_wal_size": "64MB",
    "checkpoint_timeout": "1h",
}
Superuser = Connection[tuple[Any, ...]]


class Clone(NamedTuple):
    """A copy of a template, and a connection that stays: a new one would have to learn the catalogue each time."""

    name: str
    url: str
    connection: Superuser


class Cluster:
    """An embedded server whose databases are cheap and of no value."""

    def __init__(self, server: EmbeddedServer, connection: Superuser) -> None:
        self.server = server
        self._connection = connection
        self._numbers = itertools.count(1)
        self._idle: list[dict[str, Clone]] = []
        self._originals: dict[str, Original] = {}

    @classmethod
    @contextlib.contextmanager
    def started(cls, home: Path) -> Iterator[Cluster]:
        """Start the server and make the templates."""
        server = EmbeddedServer(home)
        with server.held(), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            for setting, value in SETTINGS.items():
                connection.execute(sql.SQL("alter system set {} = {}").format(sql.Identifier(setting), value))
            connection.execute("select pg_reload_conf()")
            cluster = cls(server, connection)
            cluster._make_templates()
            try:
                yield cluster
            finally:
                cluster._close()

    def _close(self) -> None:
        for clones in self._idle:
            for clone in clones.values():
                clone.connection.close()

    def _make_templates(self) -> None:
        for role, name in NAMES.items():
            self._connection.execute(sql.SQL("create database {}").format(sql.Identifier(f"template_{name}")))
            with psycopg.connect(self.server.url(f"template_{name}"), autocommit=True) as connection:
                if role in DURABLE:
                    migrate(connection, load_migrations(DURABLE[role]))
                else:
                    _install_projections(connection, self.server.url(f"template_{NAMES['log']}"))
                self._originals[role] = Original.of(connection)

    @contextlib.contextmanager
    def cloned(self) -> Iterator[Mapping[str, str]]:
        """The URLs of three databases as fresh as their templates, by role, for the length of the block."""
        clones = self._idle.pop() if self._idle else self._new()
        yield {role: clone.url for role, clone in clones.items()}
        for role, clone in clones.items():
            if not self._originals[role].restore(clone.connection):
                clone.connection.close()
                clones[role] = self._clone(role, clone.name)
        self._idle.append(clones)

    def _new(self) -> dict[str, Clone]:
        number = next(self._numbers)
        return {role: self._clone(role, f"{name}_{number}") for role, name in NAMES.items()}

    def _clone(self, role: str, name: str) -> Clone:
        self._make(name, f"template_{NAMES[role]}")
        url = self.server.url(name)
        return Clone(name, url, psycopg.connect(url, autocommit=True))

    def _make(self, name: str, template: str) -> None:
        """A copy of a template, in the place of what had the name before."""
        self._connection.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))
        copy = sql.SQL("create database {} template {} strategy file_copy")
        self._connection.execute(copy.format(sql.Identifier(name), sql.Identifier(template)))


def _install_projections(connection: Superuser, log: str) -> None:
    """What an engine makes over the empty log in which every copy of the template begins."""
    from tests.projections.world import World

    with psycopg.connect(log) as reading:
        row = reading.execute("select incarnation from log_head").fetchone()
    assert row is not None
    World(incarnation=row[0]).engine(connection, timezone=Settings().timezone)


def forget_projections(read: str) -> None:
    """Leave nothing in a read database."""
    with psycopg.connect(read, autocommit=True) as connection:
        found = connection.execute(
            "select nspname from pg_namespace where nspname !~ '^(pg_|information_schema|public)'"
        )
        for (name,) in found.fetchall():
            connection.execute(sql.SQL("drop schema {} cascade").format(sql.Identifier(name)))
