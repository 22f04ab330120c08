"""Child processes that are started again when they end, and that end when their parent does, however it does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

GRACE = 20.0
"""Seconds that a child has to finish its work after SIGTERM."""

FIRST_DELAY, LONGEST_DELAY = 0.5, 30.0
STEADY = 30.0
"""A child that ran this many seconds starts with the first delay again when it ends."""

Announce = Callable[[str], None]


class Command(NamedTuple):
    """A `cdp` command to run as a child, and the file descriptors that it inherits."""

    name: str
    arguments: Sequence[str]
    descriptors: tuple[int, ...] = ()


class Child:
    """One child process: running, or waiting for its next start."""

    def __init__(self, command: Command, environment: dict[str, str], lifeline: int, announce: Announce) -> None:
        self._command = command
        self._environment = environment
        self._lifeline = lifeline
        self._announce = announce
        self._delay = FIRST_DELAY
        self._started = self._due = time.monotonic()
        self._process: subprocess.Popen[bytes] | None = None
        self.ends: list[str] = []

    @property
    def pid(self) -> int | None:
        """The process, if it runs."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def tend(self) -> None:
        """Start the process if it is due, and note its end."""
        now = time.monotonic()
        if self._process is None:
            if now >= self._due:
                self._start()
        elif (code := self._process.poll()) is not None:
            self._delay = FIRST_DELAY if now - self._started > STEADY else min(self._delay * 2, LONGEST_DELAY)
            self._due = now + self._delay
            self._process = None
            self.ends = [*self.ends[-9:], f"{self._command.name} ended ({_meaning(code)})"]
            self._announce(f"{self.ends[-1]}; starting it again in {self._delay:g} s")

    def _start(self) -> None:
        """In a session of its own: a Ctrl-C is for the parent, who stops the children in order."""
        self._started = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", *self._command.arguments, "--lifeline", str(self._lifeline)],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            pass_fds=[*self._command.descriptors, self._lifeline],
            start_new_session=True,
        )

    def terminate(self) -> None:
        """Ask the process to finish."""
        if self._process and self._process.poll() is None:
            self._process.terminate()

    def reap(self, deadline: float) -> None:
        """Wait for the process to finish, and end it at the deadline."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._announce(f"{self._command.name} does not finish; killing it")
            self._process.kill()
            self._process.wait()


class Supervisor:
    """Children, tended until they are stopped."""

    def __init__(self, commands: Sequence[Command], environment: dict[str, str], announce: Announce) -> None:
        self._lifeline, self._held_end = os.pipe()
        self.children = [Child(command, environment, self._lifeline, announce) for command in commands]

    @property
    def ended(self) -> list[str]:
        """The last ends that nobody asked for, of each child."""
        return [end for child in self.children for end in child.ends]

    def tend(self) -> None:
        """Start what is due."""
        for child in self.children:
            child.tend()

    def stop(self) -> None:
        """Stop all children, together; return when the last has ended."""
        deadline = time.monotonic() + GRACE
        for child in self.children:
            child.terminate()
        for child in self.children:
            child.reap(deadline)
        os.close(self._held_end)
        os.close(self._lifeline)


def follow_parent(lifeline: int | None) -> None:
    """End this process when the other end of the pipe `lifeline` closes: its holder, the parent, is gone."""
    if lifeline is not None:
        threading.Thread(target=_await_end, args=[lifeline], name="lifeline", daemon=True).start()


def _await_end(lifeline: int) -> None:
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _meaning(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
