"""Which format a file has, and the reader for it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from cdp.sources.files.bytestream import unreadable
from cdp.sources.files.jsonlines import JsonLinesReader
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.parquet import ParquetReader
from cdp.sources.files.portion import FileReader
from cdp.sources.files.problem import FileProblem
from cdp.sources.files.separated import SeparatedReader
from cdp.sources.files.workbook import WorkbookReader

_READERS: dict[str, Callable[[Path, FileMapping], FileReader]] = {
    "csv": SeparatedReader,
    "jsonl": JsonLinesReader,
    "parquet": ParquetReader,
    "xlsx": WorkbookReader,
}
_ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".txt": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}


def open_file(path: Path, mapping: FileMapping) -> FileReader:
    """The reader of a file. Raises `FileProblem`."""
    form = mapping.file.format or _format(path)
    if path.is_dir():
        raise unreadable(path, IsADirectoryError())
    try:
        return _READERS[form](path, mapping)
    except OSError as error:
        raise unreadable(path, error) from error


def file_digest(path: Path) -> bytes:
    """SHA-256 of the file as it lies on disk. Raises `FileProblem`."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise unreadable(path, error) from error


def _format(path: Path) -> str:
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] == ".gz":
        endings.pop()
    found = _ENDINGS.get(endings[-1] if endings else "")
    if found is None:
        if path.is_dir():
            raise unreadable(path, IsADirectoryError())
        remedy = 'Write format = "csv" (or "jsonl", "parquet", "xlsx") under [file] in the mapping.'
        raise FileProblem(path, "its name does not say what it is", remedy)
    return found
