"""`cdp up` and `cdp down`: one of them at a time, nothing left behind, whatever is killed."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from api.cli.installation import AlreadyRunning, Installation
from api.cli.listening import PortTaken, listen, url_of
from api.cli.supervisor import Command, Supervisor
from cdp.postgres.embedded import EmbeddedServer
from cdp.settings import Settings

PATIENCE = 30.0


def await_that(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.02)


class Up:
    """A `cdp up` on a home, on a free port."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("CDP_")}
        self._environment |= {"CDP_HOME": str(home), "CDP_PORT": "0"}
        self._words = home.parent / "words"
        with self._words.open("wb") as words:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "api.cli.main", "up"], env=self._environment, stdout=words, stderr=words
            )
        await_that(lambda: "is up at" in self.said() or self.process.poll() is not None)
        assert self.process.poll() is None, self.said()

    def said(self) -> str:
        return self._words.read_text()

    def url(self) -> str:
        return str(json.loads((self.home / "up.json").read_text())["url"])

    def ready(self) -> bool:
        with contextlib.suppress(httpx.HTTPError), httpx.Client() as client:
            return client.get(f"{self.url()}/readyz", timeout=5).status_code == 200
        return False

    def children(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "api.cli.main", *arguments], env=self._environment, capture_output=True, text=True
        )


@pytest.fixture
def up(home: Path) -> Iterator[Up]:
    up = Up(home)
    yield up
    if up.process.poll() is None:
        up.process.terminate()
        up.process.wait(PATIENCE)


@pytest.mark.slow
def test_it_serves_until_down_and_leaves_nothing_running(up: Up) -> None:
    assert up.ready()
    children = up.children()
    again = up.run("up")
    assert again.returncode == 1
    assert f"cdp is up on {up.home} already (process {up.process.pid}, {up.url()})" in again.stderr

    assert "cdp is down" in up.run("down").stderr
    assert up.process.wait(PATIENCE) == 0
    assert EmbeddedServer(up.home).find() is None
    assert not any(child.is_running() for child in children)
    assert "nothing runs" in up.run("down").stderr
    key = up.home / "master.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.stat().st_uid == os.geteuid()


@pytest.mark.slow
def test_what_is_killed_under_it_comes_back(up: Up) -> None:
    server = EmbeddedServer(up.home)
    for child in up.children():
        child.kill()
    postmaster = server.find()
    assert postmaster is not None
    for process in [psutil.Process(postmaster.pid), *psutil.Process(postmaster.pid).children()]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    await_that(lambda: up.said().count("starting it again") >= 3)
    await_that(up.ready)
    assert server.find() != postmaster
    assert len(up.children()) == 2


@pytest.mark.slow
def test_when_it_is_killed_its_children_end_and_the_next_takes_over(up: Up) -> None:
    children = up.children()
    up.process.kill()
    up.process.wait()
    psutil.wait_procs(children, PATIENCE)
    assert not any(child.is_running() for child in children)
    await_that(lambda: EmbeddedServer(up.home).find() is None)
    next_one = Up(up.home)
    try:
        assert next_one.ready()
    finally:
        next_one.process.send_signal(signal.SIGINT)
        assert next_one.process.wait(PATIENCE) == 0


def test_a_home_has_one_at_a_time(tmp_path: Path) -> None:
    installation = Installation(tmp_path)
    with installation.claimed():
        installation.publish("http://127.0.0.1:1")
        assert Installation(tmp_path).url() == "http://127.0.0.1:1"
        with pytest.raises(AlreadyRunning, match=f"process {os.getpid()}"), Installation(tmp_path).claimed():
            pass
        assert Installation(tmp_path).url() == "http://127.0.0.1:1"
    assert Installation(tmp_path).url() is None
    assert not installation.stop()


def test_remains_of_a_killed_one_are_no_running_one(tmp_path: Path) -> None:
    (tmp_path / "up.lock").touch()
    (tmp_path / "up.json").write_text(json.dumps({"pid": os.getpid(), "url": "http://127.0.0.1:1"}))
    installation = Installation(tmp_path)
    assert installation.url() is None
    assert not installation.stop()
    with installation.claimed():
        pass


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with listen(Settings(home=tmp_path, port=0)) as listener:
        port = listener.getsockname()[1]
        assert url_of(listener) == f"http://127.0.0.1:{port}"
        with pytest.raises(PortTaken, match=f"port {port} on 127.0.0.1 is in use.*--port"):
            listen(Settings(home=tmp_path, port=port))


def test_an_address_that_is_not_here_is_named(tmp_path: Path) -> None:
    with pytest.raises(PortTaken, match=r"203\.0\.113\.1.*CDP_HOST"):
        listen(Settings(home=tmp_path, host="203.0.113.1", port=0))


def test_an_inherited_socket_is_the_same_one(tmp_path: Path) -> None:
    with listen(Settings(home=tmp_path, port=0)) as listener:
        inherited = listen(Settings(home=tmp_path), os.dup(listener.fileno()))
        assert inherited.getsockname() == listener.getsockname()
        assert inherited.family == socket.AF_INET
        inherited.close()


def test_a_child_that_ends_is_reported_and_started_again_later() -> None:
    said: list[str] = []
    supervisor = Supervisor([Command("a child", ["no-such-command"])], dict(os.environ), said.append)
    supervisor.tend()
    first = supervisor.children[0].pid
    assert first is not None
    await_that(lambda: supervisor.children[0].pid is None)
    supervisor.tend()
    assert said == ["a child ended (exit code 2); starting it again in 1 s"]
    assert supervisor.ended == ["a child ended (exit code 2)"]
    supervisor.tend()
    assert supervisor.children[0].pid is None
    supervisor.stop()
