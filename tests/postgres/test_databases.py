"""The three databases: made where they are missing, checked, and reached through sessions that cannot hang."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest
from psycopg import sql
from psycopg_pool import PoolTimeout

from cdp.postgres.databases import NAMES, Databases, DatabaseUnreachable, open_databases
from cdp.postgres.durability import WEAK, ServerTooOld, WeakDurability, check_durability, check_version
from cdp.postgres.embedded import EmbeddedServer
from cdp.settings import Settings
from tests.postgres.cluster import Cluster


@pytest.mark.parametrize("attempt", [1, 2])
def test_every_test_gets_fresh_databases(databases: Databases, attempt: int) -> None:
    with databases.read.connection() as connection:
        connection.execute("create table here (attempt integer)")


@pytest.fixture
def impatient(settings: Settings) -> Iterator[Databases]:
    """Databases whose sessions wait a tenth of a second for a lock, and little longer for anything else."""
    short = dataclasses.replace(settings, lock_timeout=0.1, transaction_timeout=1.0, idle_timeout=0.4)
    with open_databases(short) as databases:
        yield databases


def test_a_waiting_lock_times_out(impatient: Databases) -> None:
    with impatient.log.connection() as holder, holder.transaction():
        holder.execute("select pg_advisory_xact_lock(1)")
        with impatient.log.connection() as waiting, pytest.raises(psycopg.errors.LockNotAvailable):
            waiting.execute("select pg_advisory_lock(1)")


def test_an_idle_transaction_ends_and_lets_its_lock_go(impatient: Databases) -> None:
    with impatient.log.connection() as idle:
        idle.execute("begin")
        idle.execute("select pg_advisory_xact_lock(1)")
        time.sleep(0.6)
        with impatient.log.connection() as next_one:
            next_one.execute("select pg_advisory_lock(1)")
        with pytest.raises(psycopg.errors.IdleInTransactionSessionTimeout):
            idle.execute("select 1")


def test_a_long_transaction_ends(impatient: Databases) -> None:
    with impatient.log.connection() as connection, pytest.raises(psycopg.errors.TransactionTimeout):
        connection.execute("select pg_sleep(5)")


def test_a_request_for_a_connection_times_out(impatient: Databases) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(impatient.read.max_size):
            stack.enter_context(impatient.read.connection())
        with pytest.raises(PoolTimeout), impatient.read.connection():
            pass


def test_sessions_are_in_utc_and_autocommit(databases: Databases) -> None:
    for pool in (databases.log, databases.vault, databases.read):
        with pool.connection() as connection:
            assert connection.autocommit
            assert connection.execute("show timezone").fetchone() == ("UTC",)


@pytest.mark.slow
def test_the_embedded_server_gets_the_three_databases(home: Path) -> None:
    for _ in range(2):
        with open_databases(Settings(home=home)) as databases:
            for pool, name in zip((databases.log, databases.vault, databases.read), NAMES.values(), strict=True):
                with pool.connection() as connection:
                    assert connection.info.dbname == name
                    assert connection.execute("select 'Z' < 'a'").fetchone() == (True,)


def test_a_server_of_ones_own_gets_the_three_databases(cluster: Cluster, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home", database_url=cluster.server.url("postgres"), allow_weak_durability=True)
    try:
        with concurrently_opened(settings, 3):
            pass
    finally:
        with psycopg.connect(cluster.server.url("postgres"), autocommit=True) as connection:
            for name in NAMES.values():
                connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    assert not (tmp_path / "home" / "pgdata").exists()


@contextlib.contextmanager
def concurrently_opened(settings: Settings, times: int) -> Iterator[None]:
    """Open the same databases from several threads at once; fail if one of them fails."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            with open_databases(settings):
                pass
        except psycopg.Error as error:
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    yield


def test_weak_durability_is_refused_unless_allowed(settings: Settings) -> None:
    strict = dataclasses.replace(settings, allow_weak_durability=False)
    with pytest.raises(WeakDurability, match=r"CDP_ALLOW_WEAK_DURABILITY=1"), open_databases(strict):
        pass
    with open_databases(settings):
        pass


@pytest.mark.slow
def test_synchronous_commit_of_one_database_counts(home: Path) -> None:
    server = EmbeddedServer(home)
    with server.held():
        with open_databases(Settings(home=home)):
            pass
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("alter database cdp_vault set synchronous_commit = off")
        expected = pytest.raises(WeakDurability, match="synchronous_commit=off in database cdp_vault")
        with expected, open_databases(Settings(home=home)):
            pass


class FakeServer:
    """A connection, as far as the checks look at it."""

    def __init__(self, version: int = 180_000, **settings: str) -> None:
        self.info = SimpleNamespace(server_version=version, dbname="cdp_log")
        self._settings = dict.fromkeys(WEAK, "on") | settings

    def execute(self, query: sql.Composed) -> SimpleNamespace:
        setting = query.as_string(None).removeprefix("show ").strip('"')
        return SimpleNamespace(fetchone=lambda: (self._settings[setting],))


@pytest.mark.parametrize("setting", WEAK)
def test_each_weak_setting_is_named(setting: str) -> None:
    check_durability(FakeServer())  # type: ignore[arg-type]
    with pytest.raises(WeakDurability, match=f"{setting}=off in database cdp_log: expected on"):
        check_durability(FakeServer(**{setting: "off"}))  # type: ignore[arg-type]


@pytest.mark.parametrize("value", ["on", "local", "remote_write", "remote_apply"])
def test_a_commit_on_the_local_disk_is_durable(value: str) -> None:
    check_durability(FakeServer(synchronous_commit=value))  # type: ignore[arg-type]


def test_an_old_server_is_refused() -> None:
    with pytest.raises(ServerTooOld, match=r"PostgreSQL 16\.4; 17 or newer"):
        check_version(FakeServer(version=160_004))  # type: ignore[arg-type]


def test_an_unreachable_server_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://me:secret@/nowhere?host={tmp_path}"
    with pytest.raises(DatabaseUnreachable, match="nowhere") as raised, open_databases(Settings(database_url=url)):
        pass
    assert "secret" not in str(raised.value)


@pytest.mark.slow
def test_pools_come_back_after_all_processes_of_the_server_were_killed(home: Path) -> None:
    from tests.postgres.test_embedded import kill_server

    server = EmbeddedServer(home)
    with open_databases(Settings(home=home)) as databases:
        with contextlib.ExitStack() as stack:
            for _ in range(4):
                stack.enter_context(databases.log.connection())
        kill_server(server, with_children=True)
        with pytest.raises((PoolTimeout, psycopg.OperationalError)), databases.log.connection(timeout=0.5):
            pass
        server.ensure_running()
        with databases.log.connection(timeout=60) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
