"""The three databases: where they are, their creation, their checks and their connections."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from cdp.postgres.durability import check_durability, check_version
from cdp.postgres.embedded import EmbeddedServer
from cdp.postgres.migrations import load_migrations, migrate
from cdp.settings import Settings

CREATION_LOCK = 0x6364705F63726561

NAMES = {"log": "cdp_log", "vault": "cdp_vault", "read": "cdp_read"}
"""The databases' names, where no URL says another."""

DURABLE = {"log": "cdp.log", "vault": "cdp.vault"}
"""The databases that nothing can build again, and the package whose migrations make each."""

CREATE = "create database {} template template0 encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'"
"""The same order of strings everywhere, whatever the server's own locale is."""

RECONNECT_SECONDS = 2.0
"""How long one attempt to replace a lost connection goes on; the next request for one starts another."""

_logger = logging.getLogger(__name__)
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)  # two lines for each attempt to reach a database that is away

Pool = ConnectionPool[Connection[tuple[Any, ...]]]


class DatabaseUnreachable(RuntimeError):
    """A database cannot be connected to; the message names it and says why."""


@dataclass(frozen=True)
class Databases:
    """Connection pools of the three databases. Connections are in autocommit; use `connection.transaction()`."""

    log: Pool
    vault: Pool
    read: Pool


@contextlib.contextmanager
def open_databases(settings: Settings) -> Iterator[Databases]:
    """Make the databases ready and open a pool to each.

    Starts or finds the embedded server where no URL is given, creates and migrates what is missing, refuses an old
    server and weak durability. Raises DatabaseUnreachable, ServerFailed, ServerTooOld, WeakDurability,
    InvalidMigrations.
    """
    with located(settings) as targets:
        prepare(settings, targets)
        with open_pools(settings, targets) as databases:
            yield databases


@contextlib.contextmanager
def located(settings: Settings) -> Iterator[Mapping[str, str]]:
    """Where each database is, by its role; the embedded server, if it has any of them, is held for the block."""
    if not settings.embedded:
        yield _targets(settings, settings.database_url or "")
        return
    server = EmbeddedServer(settings.home)
    with server.held():
        yield _targets(settings, server.url(""))


def _targets(settings: Settings, server: str) -> Mapping[str, str]:
    own = _own_urls(settings)
    return {role: own[role] or make_conninfo(server, dbname=name) for role, name in NAMES.items()}


def _own_urls(settings: Settings) -> Mapping[str, str | None]:
    return {"log": settings.log_url, "vault": settings.vault_url, "read": settings.read_url}


def prepare(settings: Settings, targets: Mapping[str, str]) -> None:
    """Create and migrate the databases, and refuse a server that cannot keep them."""
    ours = [role for role, url in _own_urls(settings).items() if url is None]
    if ours:
        maintenance = conninfo_to_dict(settings.database_url or "").get("dbname") or "postgres"
        _create_missing(make_conninfo(targets[ours[0]], dbname=str(maintenance)), [NAMES[role] for role in ours])
    for role, target in targets.items():
        with _connect(target, f"the {role} database") as connection:
            _prepare_one(settings, role, connection)


def _prepare_one(settings: Settings, role: str, connection: Connection[tuple[Any, ...]]) -> None:
    check_version(connection)
    if role in DURABLE:
        if not settings.allow_weak_durability:
            check_durability(connection)
        for migration in migrate(connection, load_migrations(DURABLE[role])):
            _logger.info("%s: applied migration %04d_%s", role, migration.number, migration.name)


def _create_missing(target: str, names: Sequence[str]) -> None:
    with _connect(target, "the server") as connection:
        check_version(connection)
        if not _absent(connection, names):
            return
        connection.execute("select pg_advisory_lock(%s)", [CREATION_LOCK])
        for name in _absent(connection, names):
            connection.execute(sql.SQL(CREATE).format(sql.Identifier(name)))


def _absent(connection: Connection[tuple[Any, ...]], names: Sequence[str]) -> list[str]:
    existing = {name for (name,) in connection.execute("select datname from pg_database")}
    return [name for name in names if name not in existing]


def _connect(target: str, what: str) -> Connection[tuple[Any, ...]]:
    try:
        return psycopg.connect(target, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as error:
        raise DatabaseUnreachable(
            f"Cannot connect to {what} at {shown(target)}: {str(error).strip()}. "
            "Start the server, create the database or correct the URL (DATABASE_URL, CDP_LOG_URL, CDP_VAULT_URL, "
            "CDP_READ_URL)."
        ) from error


@contextlib.contextmanager
def open_pools(settings: Settings, targets: Mapping[str, str]) -> Iterator[Databases]:
    """A pool of connections to each database, closed at the end of the block."""
    with contextlib.ExitStack() as stack:
        pools = {role: stack.enter_context(_pool(settings, role, targets[role])) for role in NAMES}
        yield Databases(**pools)


def _pool(settings: Settings, role: str, target: str) -> Pool:
    def check(connection: Connection[tuple[Any, ...]]) -> None:
        """After a restart of the server every pooled connection is dead: the first that shows it empties the pool."""
        try:
            ConnectionPool.check_connection(connection)
        except psycopg.OperationalError:
            pool.drain()
            raise

    pool = ConnectionPool(
        target,
        kwargs={"autocommit": True, "connect_timeout": 5, "application_name": "cdp", "options": _session(settings)},
        min_size=1,
        max_size=settings.pool_size,
        timeout=settings.lock_timeout,
        reconnect_timeout=RECONNECT_SECONDS,
        check=check,
        name=role,
        open=False,
    )
    return pool


def _session(settings: Settings) -> str:
    """The start-up options of a session: a waiting lock and an idle transaction end, and times are in UTC."""
    milliseconds = {
        "lock_timeout": settings.lock_timeout,
        "transaction_timeout": settings.transaction_timeout,
        "idle_in_transaction_session_timeout": settings.idle_timeout,
    }
    options = [f"-c {name}={round(seconds * 1000)}" for name, seconds in milliseconds.items()]
    return " ".join([*options, "-c timezone=UTC"])


def shown(target: str) -> str:
    """A connection string without its password, for messages."""
    parts = conninfo_to_dict(target)
    parts.pop("password", None)
    return make_conninfo("", **parts)
