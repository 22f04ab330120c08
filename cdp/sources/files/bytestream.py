"""The bytes of a text file as UTF-8, whatever it is written in and whether it is compressed."""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

from cdp.sources.files.problem import FileProblem

BLOCK = 1 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_FOREIGN = (
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook", "Unpack it, or name a workbook .xlsx"),
    (b"PAR1", "a Parquet file", 'Name it .parquet, or write format = "parquet" under [file]'),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls)", "Save it as .xlsx or CSV"),
    (b"%PDF", "a PDF document", "Export its table as CSV"),
    (b"BZh", "compressed with bzip2", "Unpack it"),
    (b"\xfd7zXZ", "compressed with xz", "Unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "Unpack it"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd", "Unpack it"),
    (b"SQLite format 3", "an SQLite database", "Export its table as CSV"),
)


class ByteStream(io.RawIOBase):
    """Reads a text file as UTF-8 without a byte order mark.

    `position` is how much of the file on disk has been read. A character that is none raises `FileProblem` with the
    line's number, the first being 1.
    """

    def __init__(self, path: Path, encoding: str | None) -> None:
        super().__init__()
        self._path = path
        self._disk: BinaryIO = path.open("rb")
        head = self._disk.read(16)
        self._disk.seek(0)
        self._source = cast(BinaryIO, gzip.GzipFile(fileobj=self._disk)) if head.startswith(b"\x1f\x8b") else self._disk
        self._line = 1
        self._stopped = False
        self._rest = self._first(encoding)

    @property
    def position(self) -> int:
        """Bytes of the file on disk that have been read."""
        return self._disk.tell()

    def stop(self) -> None:
        """Ends the stream here."""
        self._stopped, self._rest = True, b""

    def readable(self) -> bool:
        """It is."""
        return True

    def close(self) -> None:
        """Closes the file."""
        self._disk.close()
        super().close()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; none at the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(BLOCK), b""))
        while not self._rest and not self._stopped:
            block = self._block()
            if not block:
                self._rest = self._decode(b"", True)
                break
            self._rest = self._decode(block, False)
        found, self._rest = self._rest[:size], self._rest[size:]
        return found

    def _first(self, encoding: str | None) -> bytes:
        block = self._block()
        for magic, what, remedy in _FOREIGN:
            if block.startswith(magic):
                raise FileProblem(self._path, f"this is {what}, not text", f"{remedy}.")
        for bom, found in _BOMS:
            if block.startswith(bom):
                block, encoding = block[len(bom) :], found
                break
        self._encoding = encoding or "utf-8"
        if b"\x00" in block[:4096] and not self._encoding.startswith(("utf-16", "utf-32")):
            remedy = 'If it is UTF-16, write encoding = "utf-16-le" under [file]; else export it as text.'
            raise FileProblem(self._path, "this is not text: it holds NUL characters", remedy)
        self._decoder = codecs.getincrementaldecoder(self._encoding)()
        return self._decode(block, False)

    def _block(self) -> bytes:
        try:
            return self._source.read(BLOCK)
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            remedy = "Fetch or compress it again."
            raise FileProblem(self._path, f"the compressed file is damaged or cut off ({error})", remedy) from error
        except OSError as error:
            raise FileProblem(self._path, f"it cannot be read ({error.strerror})", "Check the disk.") from error

    def _decode(self, block: bytes, final: bool) -> bytes:
        try:
            text = self._decoder.decode(block, final)
        except UnicodeDecodeError as error:
            raise self._undecodable(error) from error
        self._line += text.count("\n")
        return text.encode()

    def _undecodable(self, error: UnicodeDecodeError) -> FileProblem:
        row = self._line + error.object[: error.start].decode(self._encoding, errors="ignore").count("\n")
        other = "windows-1254" if self._encoding == "utf-8" else "utf-8"
        remedy = f'Write its true encoding under [file], such as encoding = "{other}", or save it as UTF-8.'
        return FileProblem(self._path, f"byte 0x{error.object[error.start]:02x} is not {self._encoding}", remedy, row)


@contextmanager
def opened(path: Path, encoding: str | None) -> Iterator[ByteStream]:
    """The file as a stream, closed at the end."""
    try:
        stream = ByteStream(path, encoding)
    except OSError as error:
        raise unreadable(path, error) from error
    try:
        yield stream
    finally:
        stream.close()


def unreadable(path: Path, error: OSError) -> FileProblem:
    """Why a file cannot be opened."""
    if isinstance(error, IsADirectoryError):
        return FileProblem(path, "this is a folder", "Name one file; several are imported one after the other.")
    if isinstance(error, FileNotFoundError):
        return FileProblem(path, "there is no such file", "Check its name.")
    if isinstance(error, PermissionError):
        return FileProblem(path, "it may not be read", "Allow it: chmod +r, or run the command as its owner.")
    return FileProblem(path, f"it cannot be read ({error.strerror})", "Check the disk.")
