"""The server under the tests: template databases, migrated once, of which each test gets clones."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
from psycopg import Connection, sql

from cdp.postgres.databases import DURABLE, NAMES
from cdp.postgres.embedded import EmbeddedServer
from cdp.postgres.migrations import load_migrations, migrate

FAST = ("fsync", "full_page_writes", "synchronous_commit")
"""Turned off: no test here survives a power cut. Tests of durability start servers of their own."""


class Cluster:
    """An embedded server whose databases are cheap and of no value."""

    def __init__(self, server: EmbeddedServer, connection: Connection[tuple[Any, ...]]) -> None:
        self.server = server
        self._connection = connection
        self._numbers = itertools.count(1)

    @classmethod
    @contextlib.contextmanager
    def started(cls, home: Path) -> Iterator[Cluster]:
        """Start the server and make the templates."""
        server = EmbeddedServer(home)
        with server.held(), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            for setting in FAST:
                connection.execute(sql.SQL("alter system set {} = off").format(sql.Identifier(setting)))
            connection.execute("select pg_reload_conf()")
            cluster = cls(server, connection)
            cluster._make_templates()
            yield cluster

    def _make_templates(self) -> None:
        for role, name in NAMES.items():
            self._connection.execute(sql.SQL("create database {}").format(sql.Identifier(f"template_{name}")))
            if role in DURABLE:
                with psycopg.connect(self.server.url(f"template_{name}"), autocommit=True) as connection:
                    migrate(connection, load_migrations(DURABLE[role]))

    @contextlib.contextmanager
    def cloned(self) -> Iterator[Mapping[str, str]]:
        """The URLs of three fresh databases, by role; they are dropped at the end of the block."""
        number = next(self._numbers)
        clones = {role: f"{name}_{number}" for role, name in NAMES.items()}
        for role, name in NAMES.items():
            self._connection.execute(
                sql.SQL("create database {} template {} strategy file_copy").format(
                    sql.Identifier(clones[role]), sql.Identifier(f"template_{name}")
                )
            )
        try:
            yield {role: self.server.url(clone) for role, clone in clones.items()}
        finally:
            for clone in clones.values():
                self._connection.execute(
                    sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(clone))
                )
