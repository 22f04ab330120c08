"""The platform as its users run it: `cdp` processes on a home of their own, which tests and benchmarks can kill."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil

from cdp.platform import Platform
from cdp.postgres.embedded import EmbeddedServer
from cdp.settings import Settings

CDP = Path(sys.executable).with_name("cdp")
START_SECONDS = 60.0
STOP_SECONDS = 60.0
_WRITE_KEY = re.compile(r"wk_[A-Za-z0-9_-]{20,}")


class NotInTime(AssertionError):
    """What was waited for did not happen."""


def eventually(condition: Callable[[], bool], what: str, seconds: float = 20.0) -> None:
    """Return once the condition holds. Raises NotInTime."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise NotInTime(f"{what}: not within {seconds:g} s")
        time.sleep(0.01)


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """`cdp up`, or `cdp api` alone, on one home and one port. Its words go to a file beside the home."""

    def __init__(self, home: Path, *command: str, **settings: str) -> None:
        self.home = home
        self.words = home.parent / "words.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = command or ("up",)
        self._environment = {**_clean(os.environ), **settings, "CDP_HOME": str(home)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def settings(self) -> Settings:
        """The settings under which it runs."""
        return Settings.from_environment(_only_ours(self._environment))

    @property
    def database(self) -> EmbeddedServer:
        """Its PostgreSQL."""
        return EmbeddedServer(self.home, announce=lambda message: None)

    def start(self) -> None:
        """Start it and return once it can take touchpoints in."""
        with self.words.open("ab") as words:
            self._process = subprocess.Popen(
                [str(CDP), *self._command, "--port", str(self.port)],
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=words,
                stderr=words,
                start_new_session=True,
            )
        eventually(self._ready_or_dead, f"`cdp {self._command[0]}` ready", START_SECONDS)
        assert self._process.poll() is None, self.words.read_text()

    def stop(self) -> None:
        """End it as Ctrl-C does, its PostgreSQL included."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
                raise
        self.database.stop()

    def kill(self) -> None:
        """Kill -9 everything of this home, `cdp` and PostgreSQL, as a crash of the machine's programs would."""
        processes = [*self.database_processes(), *self.processes()]
        send(processes, signal.SIGKILL)
        gone(processes)
        if self._process is not None:
            self._process.wait()

    def kill_database(self) -> None:
        """Kill -9 all processes of PostgreSQL, and nothing else."""
        processes = self.database_processes()
        send(processes, signal.SIGKILL)
        gone(processes)

    def processes(self) -> list[psutil.Process]:
        """The `cdp` processes: the one that was started, and its children."""
        if self._process is None or self._process.poll() is not None:
            return []
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def database_processes(self) -> list[psutil.Process]:
        """The postmaster of this home and its children."""
        found = self.database.find()
        if found is None:
            return []
        postmaster = psutil.Process(found.pid)
        return [postmaster, *postmaster.children(recursive=True)]

    def run(self, *arguments: str) -> str:
        """What another `cdp` command on this home says."""
        done = subprocess.run(
            [str(CDP), *arguments], env=self._environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def add_source(self, name: str, channel: str = "web", *options: str) -> str:
        """A new source's write key, by the command."""
        said = self.run("source", "add", name, "--channel", channel, *options)
        found = _WRITE_KEY.search(said)
        assert found is not None, said
        return found.group()

    @contextlib.contextmanager
    def platform(self) -> Iterator[Platform]:
        """The platform as this process, which is another than the server's, opens it."""
        with Platform.open(self.settings) as platform:
            yield platform

    def _ready_or_dead(self) -> bool:
        return self._process is None or self._process.poll() is not None or ready(self.url)


@contextlib.contextmanager
def served(*command: str, **settings: str) -> Iterator[Served]:
    """A server on a new home in a folder that its PostgreSQL's account can reach; all of it is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="cdp-test-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Served(Path(folder) / "home", *command, **settings)
        try:
            server.start()
            yield server
        finally:
            try:
                server.stop()
            finally:
                server.kill()


def ready(url: str) -> bool:
    """Whether the API says that it can take touchpoints in."""
    try:
        return httpx.get(f"{url}/readyz", timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def send(processes: list[psutil.Process], number: signal.Signals) -> None:
    """Send a signal to each, as far as it still lives."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def gone(processes: list[psutil.Process]) -> None:
    """Return once all have ended; one that only waits to be buried by its parent has. Raises NotInTime."""
    eventually(lambda: all(ended(process) for process in processes), f"{processes} ended after kill -9")


def ended(process: psutil.Process) -> bool:
    """Whether a process runs no more."""
    try:
        return not process.is_running() or bool(process.status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def _clean(environment: os._Environ[str]) -> dict[str, str]:
    """The environment without settings of whoever runs the tests."""
    return {name: value for name, value in environment.items() if not _is_setting(name)}


def _only_ours(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if _is_setting(name)}


def _is_setting(name: str) -> bool:
    return name.startswith("CDP_") or name == "DATABASE_URL"
