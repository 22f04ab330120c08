"""What a rebuild leaves: files of rows by table, and for each bucket how many rows it has and what they add up to.

A file's name is that of its table and of the part of the work that made it, and it appears as a whole. So a part that
a runner repeats leaves the same file again. The results count once `rebuilt.json` is there, which is written last.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path
from struct import Struct
from typing import IO, Any
from uuid import uuid4

import msgspec
import pyarrow as pa

from pipelines.buckets import Codec, packed_table, unpacked_table
from pipelines.canonical import Digest, Layout, added
from pipelines.compression import compressed, decompressed
from projections.tallies import in_rows

NAME = "rebuilt.json"

_FRAME = Struct(">?II")
"""Before each frame: whether it has columns, how many bytes it has, and how many once unpacked."""


class Part(msgspec.Struct, frozen=True):
    """A file of one table's rows with its digests by bucket."""

    table: str
    file: str
    digests: dict[int, Digest]


class Output:
    """Writes the rows of one table that one part of the work makes, with digests where a layout says of what."""

    def __init__(self, folder: str, table: str, part: str, layout: Layout | None = None) -> None:
        self._path = Path(folder) / f"{table}-{part}.rows"
        self._table = table
        self._layout = layout
        self._file: IO[bytes] | None = None
        self._digests: dict[int, Digest] = {}

    def add(self, rows: Sequence[Sequence[Any]]) -> None:
        """Takes rows in, and lets go of them."""
        if rows:
            self._write(Codec.pack(rows), columns=False)
            self._note(rows)

    def add_groups(self, groups: pa.Table) -> None:
        """Takes groups of a tally in, which are rows only for whoever asks for them."""
        if len(groups):
            self._write(packed_table(groups), columns=True)
            if self._layout:
                self._note(in_rows(groups))

    def _write(self, frame: bytes, columns: bool) -> None:
        if self._file is None:
            self._file = _partial(self._path).open("wb")
        stored = compressed(frame)
        self._file.write(_FRAME.pack(columns, len(stored), len(frame)))
        self._file.write(stored)

    def _note(self, rows: Sequence[Sequence[Any]]) -> None:
        if self._layout:
            self._digests = added(self._digests, self._layout.digests(rows))

    def close(self) -> Iterator[bytes]:
        """Ends the file and gives what is to be said of it; nothing where there was no row."""
        if self._file is not None:
            self._file.close()
            Path(self._file.name).replace(self._path)
            yield msgspec.json.encode(Part(self._table, self._path.name, self._digests))


def write_parts(folder: str, parts: Iterable[bytes]) -> None:
    """Notes which files make up the results: the end of a rebuild."""
    _write(Path(folder) / NAME, b"\n".join(sorted(parts)))


def _write(path: Path, content: bytes) -> None:
    """The file appears as a whole. It need not survive a power cut: then the work is done again."""
    temporary = _partial(path)
    temporary.write_bytes(content)
    temporary.replace(path)


def _partial(path: Path) -> Path:
    """A file of this attempt alone: an engine may repeat a part while it is being made."""
    return path.with_name(f".{path.name}.{uuid4().hex}.partial")


class Rebuilt:
    """The results of a rebuild."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        stored = (folder / NAME).read_bytes()
        self._parts = [msgspec.json.decode(line, type=Part) for line in stored.splitlines()]

    def digests(self, table: str) -> dict[int, Digest]:
        """A table's digests by bucket."""
        found: dict[int, Digest] = {}
        for part in self._of(table):
            found = added(found, part.digests)
        return found

    def rows(self, table: str, kind: Any, buckets: Collection[int] | None = None) -> Iterator[Any]:
        """A table's rows, of type `kind`; with `buckets` only from files that have rows of these."""
        codec: Codec[Any] = Codec(kind)
        for part in self._of(table):
            if buckets is None or not part.digests.keys().isdisjoint(buckets):
                for columns, frame in _frames(self._folder / part.file):
                    yield from in_rows(unpacked_table(frame)) if columns else codec.unpack(frame)

    def _of(self, table: str) -> list[Part]:
        return [part for part in self._parts if part.table == table]


def _frames(path: Path) -> Iterator[tuple[bool, bytes]]:
    with path.open("rb") as file:
        while head := file.read(_FRAME.size):
            columns, stored, size = _FRAME.unpack(head)
            yield columns, decompressed(file.read(stored), size)
