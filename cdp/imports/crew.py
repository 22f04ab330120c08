"""Processes that store chunks while this one reads the file. They end with it, however it ends."""

from __future__ import annotations

import contextlib
import gc
import multiprocessing
import os
import signal
import sys
from collections.abc import Iterable, Iterator
from multiprocessing.connection import Connection, wait
from queue import Queue
from threading import Event, Thread
from types import TracebackType
from typing import Any, Protocol
from uuid import UUID

import psycopg
from eventsourcing.persistence import PersistenceError

from cdp.faults import described
from cdp.imports.chunk import Chunk, Stored
from cdp.settings import Settings

WAITING = 2
"""Chunks on their way to one process, so that it never waits for the reader."""


REMEMBERED = 20_000
"""What such a process keeps of the vault: rows of a file that are about the same person are often near each other."""


CHUNKS_REMEMBERED = 2
"""Chunks after which the ciphers made for them, of 2.5 KB each, are dropped."""


ALLOCATOR = {"MALLOC_ARENA_MAX": "1", "MALLOC_TRIM_THRESHOLD_": "1048576"}
"""Has the C library of such a process (glibc; others ignore it) give back what a chunk needed."""


class ImportStopped(RuntimeError):
    """A process could not store its chunk."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the import stopped: {why}. What is stored stays stored: run the same command again, and it goes on there"
        )


class Hands(Protocol):
    """Whoever stores chunks."""

    def store(self, chunk: Chunk) -> Iterable[Stored]:
        """Hands a chunk over and gives what has been stored meanwhile."""

    def rest(self) -> Iterable[Stored]:
        """Waits for everything that was handed over."""


class Crew:
    """So many processes, each with a platform of its own."""

    def __init__(self, settings: Settings, import_id: UUID, source_id: UUID, workers: int) -> None:
        for name, value in ALLOCATOR.items():
            os.environ.setdefault(name, value)  # processes that are spawned inherit it
        context = multiprocessing.get_context("spawn")
        self._pipes: dict[Any, int] = {}
        self._processes = []
        for _ in range(workers):
            ours, theirs = context.Pipe()
            process = context.Process(target=work, args=(theirs, settings, import_id, source_id), daemon=True)
            process.start()
            theirs.close()
            self._pipes[ours] = 0
            self._processes.append(process)

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            if error is not None:
                process.terminate()
            process.join(30)
            if process.is_alive():
                process.kill()

    def store(self, chunk: Chunk) -> Iterator[Stored]:
        """Hands a chunk to the process with the least to do."""
        while min(self._pipes.values()) >= WAITING:
            yield from self._received(None)
        yield from self._received(0)
        pipe = min(self._pipes, key=lambda each: self._pipes[each])
        with _stopping():
            pipe.send(chunk)
        self._pipes[pipe] += 1

    def rest(self) -> Iterator[Stored]:
        """Waits for all of them."""
        while any(self._pipes.values()):
            yield from self._received(None)

    def _received(self, timeout: float | None) -> Iterator[Stored]:
        ready: list[Any] = wait(list(self._pipes), timeout)
        for pipe in ready:
            with _stopping():
                found: Stored | str = pipe.recv()
            if isinstance(found, str):
                raise ImportStopped(found)
            self._pipes[pipe] -= 1
            yield found


@contextlib.contextmanager
def _stopping() -> Iterator[None]:
    try:
        yield
    except (EOFError, BrokenPipeError, ConnectionResetError) as error:
        raise ImportStopped("a process that stores rows has ended") from error


def work(pipe: Connection, settings: Settings, import_id: UUID, source_id: UUID) -> None:
    """The life of such a process: chunks in, what became of them out; it ends when the reader's end closes."""
    from cdp.imports.storing import Storing
    from cdp.platform import Platform
    from cdp.vault.sealing import forget

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the reader, and so the pipe
    gc.freeze()
    gc.set_threshold(50_000, 50, 1_000)  # what a chunk leaves behind is freed without the collector's help
    try:
        with Platform.open(settings, REMEMBERED) as platform:
            storing = Storing(platform, import_id, source_id)
            for count, chunk in enumerate(_incoming(pipe)):
                pipe.send(storing.store(chunk))
                if count % CHUNKS_REMEMBERED == 0:
                    forget()
    except (PersistenceError, psycopg.Error) as error:
        with contextlib.suppress(OSError):
            pipe.send(f"the database did not take a chunk ({described(error)})")
    except OSError:
        sys.exit(1)  # nobody listens any more


def _incoming(pipe: Connection) -> Iterator[Chunk]:
    """The chunks, taken from the pipe as they come; when the reader is gone, what waits is left to its successor."""
    waiting: Queue[Chunk | None] = Queue()
    gone = Event()

    def receive() -> None:
        try:
            while True:
                waiting.put(pipe.recv())
        except (EOFError, OSError):
            gone.set()
            waiting.put(None)

    Thread(target=receive, daemon=True).start()
    while (chunk := waiting.get()) is not None and not gone.is_set():
        yield chunk
