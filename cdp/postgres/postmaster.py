"""The running server as its own `postmaster.pid` describes it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import psutil

PROCESS_LINE, STATUS_LINE = 0, 7


class Postmaster(NamedTuple):
    """A server process that is alive."""

    pid: int
    status: str

    @property
    def stopping(self) -> bool:
        """Whether somebody has asked it to stop."""
        return self.status == "stopping"


def find_postmaster(data: Path) -> Postmaster | None:
    """The server that runs on a data folder, or None.

    A `postmaster.pid` alone proves nothing: after a kill -9 it stays, and its number may belong to another program by
    now. So the process must be PostgreSQL, and this folder the one it works in.
    """
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
        pid = int(lines[PROCESS_LINE])
    except (FileNotFoundError, IndexError, ValueError):
        return None
    if not _serves(pid, data):
        return None
    return Postmaster(pid, lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "")


def _serves(pid: int, data: Path) -> bool:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return Path(process.cwd()) == data.resolve()
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False
    except psutil.AccessDenied:
        return True


def forget_postmaster(data: Path, sockets: Path) -> None:
    """Remove the lock files of a server that is gone, so that its process number, used again, stops no new server.

    A new server still refuses to start while a child of the old one lives: it looks for its shared memory.
    """
    (data / "postmaster.pid").unlink(missing_ok=True)
    for lock in sockets.glob(".s.PGSQL.*.lock"):
        lock.unlink(missing_ok=True)
