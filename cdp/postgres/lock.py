"""File locks, which the system drops when their holder dies, however it dies."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class FileLock:
    """An advisory lock on a file: one exclusive holder, or any number of shared ones."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def share(self) -> None:
        """Hold the lock beside other sharers; wait while one holds it exclusively."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def claim(self) -> bool:
        """Hold the lock exclusively if nobody else holds it now."""
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def wait(self) -> None:
        """Hold the lock exclusively; wait for everybody else."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def close(self) -> None:
        """Let the lock go."""
        os.close(self._descriptor)


@contextlib.contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold an exclusive lock for the length of a block."""
    lock = FileLock(path)
    try:
        lock.wait()
        yield
    finally:
        lock.close()
