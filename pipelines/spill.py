"""What travels between the steps of a pipeline, put down in files: an engine carries only where it lies.

So the memory that a step needs does not depend on how an engine keeps what waits for the next one. The files are in the
folder of the work, which every worker can read and write.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO
from uuid import uuid4

import msgspec

from pipelines.compression import compressed, decompressed

FOLDER = "spilled"


class Place(msgspec.Struct, frozen=True, array_like=True):
    """Where some bytes lie: the file's name, where in it they begin, how many they are there and once unpacked."""

    file: str
    offset: int
    stored: int
    size: int


_decoder = msgspec.msgpack.Decoder(Place)


class Spill:
    """Puts bytes down in the folder of some work, and takes up again what any worker put down there."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder) / FOLDER
        self._file: IO[bytes] | None = None

    def put(self, content: bytes) -> bytes:
        """Writes bytes and gives their place; they can be read once `settle` was called."""
        if self._file is None:
            self._folder.mkdir(exist_ok=True)
            self._file = (self._folder / uuid4().hex).open("xb")
        stored = compressed(content)
        place = Place(Path(self._file.name).name, self._file.tell(), len(stored), len(content))
        self._file.write(stored)
        return msgspec.msgpack.encode(place)

    def settle(self) -> None:
        """Ends the file; what is put down later goes into another one, so that nobody reads a file that grows."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def take(self, place: bytes) -> bytes:
        """The bytes at a place."""
        at = _decoder.decode(place)
        with (self._folder / at.file).open("rb", buffering=0) as file:
            file.seek(at.offset)
            return decompressed(file.read(at.stored), at.size)
