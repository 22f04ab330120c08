"""Work over the archive as a pipeline carries it out: what is extracted, and what becomes of it level by level."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol

from pipelines.archive.reading import Portion


class Packet(NamedTuple):
    """Rows on their way to the step that needs them next: `address` is its level, table and bucket."""

    address: str
    content: bytes


class Result(NamedTuple):
    """What is to be noted of rows that were written."""

    noted: bytes


Made = Packet | Result


class Worker(Protocol):
    """Does the work on one machine, element by element."""

    def extract(self, portion: Portion) -> Iterator[Made]:
        """What a portion of the archive gives."""
        ...

    def step(self, address: str, contents: Iterable[bytes]) -> Iterator[Made]:
        """What becomes of all packets with one address."""
        ...

    def finish(self) -> Iterator[Packet]:
        """What it kept back, to send it together: asked for whenever the engine wants to be sure of what was done."""
        ...

    def close(self) -> None:
        """Lets go of what it holds."""
        ...


class Work(Protocol):
    """Says what to do. It travels to workers, so it holds values only."""

    @property
    def up_to(self) -> int:
        """The last position that counts."""
        ...

    @property
    def folder(self) -> str:
        """Where the results go; every worker can write there."""
        ...

    @property
    def depth(self) -> int:
        """The highest level that packets are addressed to."""
        ...

    def worker(self) -> Worker:
        """The tools of one worker."""
        ...


Engine = Callable[[Work, Sequence[Portion]], None]
"""Carries work out over portions of the archive, wherever its workers are."""


def address(level: int, table: str, bucket: int) -> str:
    """Where packets for a bucket of a table go."""
    return f"{level}/{table}/{bucket}"


def level_of(address: str) -> int:
    """The level of an address."""
    return int(address.partition("/")[0])
