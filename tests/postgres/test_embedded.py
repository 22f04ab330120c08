"""The embedded server survives what happens to it: kills, remains of kills, several commands at once, long paths."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from cdp.postgres.embedded import EmbeddedServer
from cdp.postgres.lock import FileLock
from cdp.postgres.programs import ServerFailed

pytestmark = pytest.mark.slow

HANGS_SECONDS = 120
"""Whatever takes longer hangs; nothing is said of how long it may take."""


def reachable(server: EmbeddedServer) -> bool:
    try:
        with psycopg.connect(server.url("postgres"), connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def kill_server(server: EmbeddedServer, *, with_children: bool) -> None:
    """Kill -9, as a crash of the machine would end it; return when nothing of it is left but its files."""
    found = server.find()
    assert found is not None
    postmaster = psutil.Process(found.pid)
    processes = [postmaster, *(postmaster.children(recursive=True) if with_children else [])]
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + HANGS_SECONDS
    while server.find() is not None and time.monotonic() < deadline:
        time.sleep(0.01)


@pytest.fixture
def server(home: Path) -> Iterator[EmbeddedServer]:
    server = EmbeddedServer(home, announce=lambda message: None)
    yield server
    server.stop()


def test_the_last_holder_stops_it(server: EmbeddedServer) -> None:
    with server.held():
        with server.held():
            assert reachable(server)
        assert reachable(server)
    assert not reachable(server)


@pytest.mark.slow
def test_it_keeps_running_for_a_visitor_and_stops_on_demand(server: EmbeddedServer) -> None:
    with server.held():
        visitor = psycopg.connect(server.url("postgres"))
    assert reachable(server)
    visitor.close()
    assert server.stop()
    assert not server.stop()


def test_only_its_account_reaches_it(server: EmbeddedServer) -> None:
    with server.held(), psycopg.connect(server.url("postgres")) as connection:
        assert connection.execute("show listen_addresses").fetchone() == ("",)
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert server.home.stat().st_mode & 0o066 == 0


def test_it_is_durable_and_keeps_rows_out_of_its_log(server: EmbeddedServer) -> None:
    with server.held(), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            assert connection.execute(f"show {setting}").fetchone() == ("on",)
        connection.execute("create table person (email text primary key)")
        for _ in range(2):
            with contextlib.suppress(psycopg.errors.UniqueViolation):
                connection.execute("insert into person values ('someone@example.org')")
    written = server.log.read_text()
    assert "duplicate key" in written
    assert "someone" not in written


@pytest.mark.parametrize(
    "with_children",
    [pytest.param(True, id="all processes"), pytest.param(False, id="the postmaster alone", marks=pytest.mark.slow)],
)
def test_after_a_kill_the_next_start_takes_over(server: EmbeddedServer, with_children: bool) -> None:
    with server.held(), psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create table kept (n integer)")
        connection.execute("insert into kept values (1)")
        kill_server(server, with_children=with_children)
        server.ensure_running()
        with psycopg.connect(server.url("postgres")) as again:
            assert again.execute("select n from kept").fetchall() == [(1,)]


@pytest.mark.slow
def test_it_stops_while_it_recovers_from_the_crash_of_a_backend(server: EmbeddedServer) -> None:
    # Given a server with a row, one of whose processes is killed, so that it ends the others and recovers
    server.ensure_running()
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute("create table kept as select 1 as n")
    found = server.find()
    assert found is not None
    postmaster = psutil.Process(found.pid)
    processes = [postmaster, *postmaster.children()]
    processes[1].kill()
    # When it is stopped in the middle of that
    assert server.stop()
    # Then nothing of it is left, and it starts again with the row; `stop` itself gives up what takes for ever
    assert server.find() is None
    assert not psutil.wait_procs(processes, timeout=HANGS_SECONDS)[1]
    with server.held(), psycopg.connect(server.url("postgres")) as again:
        assert again.execute("select n from kept").fetchall() == [(1,)]


@pytest.mark.slow
def test_a_stop_that_nobody_finished_is_finished(server: EmbeddedServer) -> None:
    server.ensure_running()
    found = server.find()
    assert found is not None
    with psycopg.connect(server.url("postgres")):
        os.kill(found.pid, signal.SIGTERM)  # a smart shutdown waits for this client, and takes no other
        server.ensure_running()
        assert reachable(server)


@pytest.mark.slow
def test_a_process_number_that_another_program_has_by_now_is_no_server(server: EmbeddedServer) -> None:
    with server.held():
        kill_server(server, with_children=True)
        file = server.data / "postmaster.pid"
        remains = file.read_text().splitlines()
        file.write_text("\n".join([str(os.getpid()), *remains[1:]]))
        assert server.find() is None
        server.ensure_running()
        assert reachable(server)


@pytest.mark.slow
def test_a_killed_initdb_leaves_nothing_half_made(server: EmbeddedServer) -> None:
    shutil.rmtree(server.data)
    (server.home / "pgdata.unfinished" / "base").mkdir(parents=True)
    (server.home / "pgdata.unfinished" / "PG_VERSION").write_text("18\n")
    with server.held():
        assert reachable(server)


@pytest.mark.slow
def test_a_killed_holder_does_not_keep_it_running(server: EmbeddedServer) -> None:
    program = (
        "import sys, time; from pathlib import Path; from cdp.postgres.embedded import EmbeddedServer\n"
        "with EmbeddedServer(Path(sys.argv[1])).held(): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(server.home)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline() == b"held\n"
        holder.kill()
    assert reachable(server)
    with server.held():
        pass
    assert not reachable(server)


@pytest.mark.slow
def test_commands_that_start_at_once_find_one_server(server: EmbeddedServer) -> None:
    program = (
        "import sys; from pathlib import Path; from cdp.postgres.embedded import EmbeddedServer\n"
        "server = EmbeddedServer(Path(sys.argv[1]))\n"
        "with server.held(): print(server.find().pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", program, str(server.home)]
    holders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    pids = {holder.stdout.readline() for holder in holders if holder.stdout}
    for holder in holders:
        holder.communicate()
    assert len(pids) == 1
    assert not reachable(server)


@pytest.mark.parametrize("folder", ["ş" * 60, "a 'quoted' \"name\", with \\ signs"], ids=["long", "odd"])
def test_any_path_will_do(home: Path, folder: str) -> None:
    server = EmbeddedServer(home.parent / folder / "home")
    with server.held():
        assert reachable(server)


def test_a_start_that_fails_says_what_postgresql_said(server: EmbeddedServer) -> None:
    with server.held():
        pass
    with (server.data / "postgresql.auto.conf").open("a") as configuration:
        configuration.write("shared_buffers = 'plenty'\n")
    with pytest.raises(ServerFailed, match="shared_buffers"):
        server.ensure_running()


def test_a_lock_goes_with_its_holder(tmp_path: Path) -> None:
    first, second = FileLock(tmp_path / "lock"), FileLock(tmp_path / "lock")
    assert first.claim()
    assert not second.claim()
    first.close()
    assert second.claim()
    second.close()
