"""`cdp up`, `cdp down`, and the processes between them: `cdp api` and `cdp projector`."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import threading
import time
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console

from api.cli.installation import Installation
from api.cli.listening import answers, listen, url_of
from api.cli.supervisor import Command, Supervisor, follow_parent
from cdp.postgres.databases import located
from cdp.postgres.embedded import EmbeddedServer
from cdp.settings import Settings

TEND_SECONDS = 0.25
START_SECONDS = 60.0

Host = Annotated[str | None, typer.Option(help="The address to listen on (CDP_HOST).")]
Port = Annotated[
    int | None, typer.Option(min=0, max=65535, help="The port to listen on; 0 takes a free one (CDP_PORT).")
]
Workers = Annotated[int | None, typer.Option(min=1, max=64, help="API worker processes (CDP_WORKERS).")]
Lifeline = Annotated[int | None, typer.Option(hidden=True)]

_console = Console(stderr=True, soft_wrap=True, highlight=False)


class NotStarted(RuntimeError):
    """The API does not come up."""


def up(host: Host = None, port: Port = None, workers: Workers = None) -> None:
    """Start the databases, the API and the projector; stop with Ctrl-C."""
    settings = _settings(host, port, workers)
    stop = _stop_on_signal()
    with serving(settings, stop) as url:
        _console.print(f"cdp is up at {url}  (Ctrl-C or `cdp down` stops it)")
        stop.wait()
        _console.print("cdp: stopping")


def down() -> None:
    """Stop what `cdp up` started, and an embedded server that was left running."""
    settings = _settings()
    stopped = Installation(settings.home).stop()
    stopped = (settings.embedded and EmbeddedServer(settings.home).stop()) or stopped
    _console.print("cdp is down" if stopped else f"nothing runs on {settings.home}")


def api(
    host: Host = None,
    port: Port = None,
    workers: Workers = None,
    socket: Annotated[int | None, typer.Option(hidden=True)] = None,
    lifeline: Lifeline = None,
) -> None:
    """Run the API alone, on databases that are up."""
    from api.cli.worker import run_worker

    follow_parent(lifeline)
    settings = _settings(host, port, workers)
    listener = listen(settings, socket)
    if settings.workers == 1 or socket is not None:
        run_worker(listener)
        return
    stop = _stop_on_signal()
    commands = [_worker(number, listener.fileno()) for number in range(1, settings.workers + 1)]
    with located(settings), _tended(settings, commands):
        stop.wait()


def projector(lifeline: Lifeline = None) -> None:
    """Run the projector alone, on databases that are up."""
    from cdp.platform import Platform
    from projections.projector import run_projector

    stop = _stop_on_signal()
    follow_parent(lifeline)
    with Platform.open(_settings()) as platform:
        run_projector(platform, stop)


@contextlib.contextmanager
def serving(settings: Settings, stop: threading.Event | None = None) -> Iterator[str]:
    """The whole platform, running in child processes for the length of a block; yields the API's URL once it answers.

    `stop`, when set, ends the wait for the first answer. Raises AlreadyRunning, PortTaken, NotStarted, and what opening
    the databases raises.
    """
    from cdp.platform import Platform

    with Installation(settings.home).claimed() as installation, listen(settings) as listener, located(settings):
        url = url_of(listener)
        with Platform.open(settings):
            """Migrates the databases and makes the master key, once, before the children need both."""
        installation.publish(url)
        commands = [_worker(number, listener.fileno()) for number in range(1, settings.workers + 1)]
        with _tended(settings, [*commands, Command("projector", ["projector"])]) as supervisor:
            _await_answer(url, supervisor, stop)
            yield url


@contextlib.contextmanager
def _tended(settings: Settings, commands: list[Command]) -> Iterator[Supervisor]:
    """Run commands as children, and have a thread look after them and the embedded server."""
    supervisor = Supervisor(commands, {**os.environ, **settings.environment()}, _announce)
    server = EmbeddedServer(settings.home) if settings.embedded else None
    done = threading.Event()

    def tend() -> None:
        while not done.is_set():
            try:
                _revive(server)
                supervisor.tend()
            except Exception as error:  # noqa: BLE001 - the outermost loop of this thread: say it and go on
                _announce(f"{type(error).__name__}: {error}")
            done.wait(TEND_SECONDS)

    tending = threading.Thread(target=tend, name="tending", daemon=True)
    tending.start()
    try:
        yield supervisor
    finally:
        done.set()
        tending.join()
        supervisor.stop()


def _revive(server: EmbeddedServer | None) -> None:
    """Start the embedded server again when somebody killed it."""
    if server is not None and server.data.exists() and server.find() is None:
        _announce("PostgreSQL is gone; starting it again")
        server.ensure_running()


def _await_answer(url: str, supervisor: Supervisor, stop: threading.Event | None) -> None:
    """Return when the API answers. Raises NotStarted when a process ends before, or none answers in time."""
    deadline = time.monotonic() + START_SECONDS
    while not (stop and stop.is_set()) and not answers(url):
        if supervisor.ended:
            raise NotStarted(f"{supervisor.ended[0]} before the API answered. Its reason stands above.")
        if time.monotonic() > deadline:
            raise NotStarted(f"the API at {url} gave no answer in {START_SECONDS:g} s.")
        time.sleep(0.05)


def _worker(number: int, socket: int) -> Command:
    return Command(f"API worker {number}", ["api", "--socket", str(socket)], (socket,))


def _settings(host: str | None = None, port: int | None = None, workers: int | None = None) -> Settings:
    settings = Settings.from_environment(os.environ)
    return dataclasses.replace(
        settings,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
        workers=settings.workers if workers is None else workers,
    )


def _stop_on_signal() -> threading.Event:
    """An event that SIGINT and SIGTERM set, in place of what they do otherwise."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


def _announce(message: str) -> None:
    _console.print(f"cdp: {message}")
