"""A chunk: the items that one delivery takes in, always the same for the same file and mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:  # processes that only store chunks do without the memory of pyarrow
    from cdp.sources.files.building import Item

ITEMS = 1_000
BYTES = 2 << 20
VERSION = 1
"""Of how a file is read and cut into chunks: an import that was begun under another one begins anew."""


class Chunk(NamedTuple):
    """Items with the rows that each was made of."""

    number: int
    items: list[bytes]
    first_rows: list[int]
    row_counts: list[int]


class Refusal(NamedTuple):
    """One kind of problem: why items were refused."""

    reason: str
    sentence: str


class Stored(NamedTuple):
    """What became of a chunk: items by outcome, and for each kind of problem how many and the first row."""

    number: int
    rows: int
    outcomes: Counter[str]
    refusals: dict[Refusal, tuple[int, int]]


def chunks(items: Iterable[Item]) -> Iterator[Chunk]:
    """Cuts items into chunks of so many, or fewer where they are large."""
    number, chunk, size = 0, Chunk(0, [], [], []), 0
    for item in items:
        chunk.items.append(item.data)
        chunk.first_rows.append(item.row)
        chunk.row_counts.append(item.rows)
        size += len(item.data)
        if len(chunk.items) >= ITEMS or size >= BYTES:
            yield chunk
            number, size = number + 1, 0
            chunk = Chunk(number, [], [], [])
    if chunk.items:
        yield chunk


def add_refusals(sums: dict[Refusal, tuple[int, int]], more: dict[Refusal, tuple[int, int]]) -> None:
    """Adds counts, and keeps the first rows."""
    for refusal, (count, row) in more.items():
        known = sums.get(refusal)
        sums[refusal] = (count, row) if known is None else (known[0] + count, min(known[1], row))
