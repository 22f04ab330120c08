"""What runs on a CDP_HOME: one `cdp up` at a time, told from its remains by a lock that dies with it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

from cdp.postgres.lock import FileLock

STOP_SECONDS = 120.0


class AlreadyRunning(RuntimeError):
    """Another `cdp up` runs on this home."""


class NotStopped(RuntimeError):
    """A running `cdp up` did not end in time."""


class Installation:
    """A CDP_HOME with the lock and the state file of the `cdp up` that runs on it."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._state = home / "up.json"

    @contextlib.contextmanager
    def claimed(self) -> Iterator[Installation]:
        """Be the one `cdp up` of this home for the length of a block. Raises AlreadyRunning."""
        self._home.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = FileLock(self._home / "up.lock")
        try:
            if not lock.claim():
                raise AlreadyRunning(self._occupied())
            self.publish(None)
            with contextlib.ExitStack() as stack:
                stack.callback(self._state.unlink, missing_ok=True)
                yield self
        finally:
            lock.close()

    def publish(self, url: str | None) -> None:
        """Tell other commands the process that runs and, once known, where its API is."""
        unfinished = self._state.with_suffix(".unfinished")
        unfinished.write_text(json.dumps({"pid": os.getpid(), "url": url}) + "\n")
        unfinished.rename(self._state)

    def url(self) -> str | None:
        """Where the running `cdp up` serves, or None when none runs or it is not that far yet."""
        found = self._read()
        url = found.get("url") if found and self._runs() else None
        return url if isinstance(url, str) else None

    def stop(self) -> bool:
        """Stop the running `cdp up` and await its end. Says whether one ran. Raises NotStopped."""
        if not self._runs():
            return False
        pid = (self._read() or {}).get("pid")
        if not isinstance(pid, int):
            raise NotStopped(f"{self._state} does not name the process that runs on {self._home}; stop it with Ctrl-C.")
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._runs():
            if time.monotonic() > deadline:
                raise NotStopped(
                    f"process {pid} (`cdp up`) did not end in {STOP_SECONDS:g} s; end it with kill -9 {pid}."
                )
            time.sleep(0.05)
        return True

    def _runs(self) -> bool:
        """Whether somebody holds the lock; a process number alone may have gone to another program."""
        if not (self._home / "up.lock").exists():
            return False
        lock = FileLock(self._home / "up.lock")
        try:
            return not lock.claim()
        finally:
            lock.close()

    def _read(self) -> dict[str, object] | None:
        try:
            state = json.loads(self._state.read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return None
        return state if isinstance(state, dict) else None

    def _occupied(self) -> str:
        state = self._read() or {}
        return (
            f"cdp is up on {self._home} already (process {state.get('pid')}, {state.get('url') or 'starting'}). "
            "Use it, stop it with `cdp down`, or set CDP_HOME to another folder."
        )
