"""Parquet, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from cdp.sources.files.bytestream import unreadable
from cdp.sources.files.cells import Cells, Texts
from cdp.sources.files.header import check_columns
from cdp.sources.files.kinds import digits_of, fraction_text
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.portion import Portion, Progress
from cdp.sources.files.problem import FileProblem

ROWS = 8_192
_BUFFER = 1 << 20
_encode = msgspec.json.Encoder(decimal_format="number").encode


class ParquetReader:
    """Reads the mapped columns only; of what the file knows to be a number or a time the text needs no marks."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self._path = path
        self._mapping = mapping
        self._done = 0
        with self._file() as file:
            self._total = file.metadata.num_rows
            self._schema = file.schema_arrow
            check_columns(path, self._schema.names, mapping, None)

    @property
    def progress(self) -> Progress:
        """In rows."""
        return Progress(self._done, self._total)

    def portions(self) -> Generator[Portion, None, None]:
        """The rows; the first is number 1."""
        self._done = 0
        names = self._mapping.columns
        with self._file() as file:
            for batch in file.iter_batches(ROWS, columns=names, use_threads=False):
                rows = pa.array(range(self._done + 1, self._done + 1 + batch.num_rows), pa.int64())
                columns = {name: self._cells(name, batch.column(name)) for name in names}
                self._done += batch.num_rows
                yield Portion(columns, rows)

    def _cells(self, name: str, column: Any) -> Cells:
        type_ = column.type
        if pa.types.is_floating(type_):
            decimals = self._mapping.decimals.get(name)
            known = pc.if_else(pc.is_nan(column), None, column)  # pandas writes "not a number" for nothing
            return Cells(known if decimals is None else pc.round(known, decimals), True, _floats)
        if pa.types.is_timestamp(type_):
            return Cells(column, True, _times)
        if pa.types.is_nested(type_):
            return Cells(_nested(column), True)
        if _is_text(type_):
            texts = column.cast(pa.string())
            nothing = pc.is_in(texts, value_set=pa.array(self._mapping.file.empty, pa.string()))
            return Cells(pc.if_else(nothing, None, texts))
        return Cells(column, True, digits_of if pa.types.is_decimal(type_) else _cast)

    @contextmanager
    def _file(self) -> Iterator[Any]:
        try:
            with pyarrow.parquet.ParquetFile(self._path, pre_buffer=False, buffer_size=_BUFFER) as file:
                yield file
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise self._damaged(str(error)) from error
        except OSError as error:
            if error.errno is None:
                raise self._damaged(str(error)) from error
            raise unreadable(self._path, error) from error

    def _damaged(self, what: str) -> FileProblem:
        row = self._done + 1 if self._done else None
        return FileProblem(self._path, f"this is no whole Parquet file ({_first_line(what)})", "Fetch it again.", row)


def _is_text(type_: Any) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_dictionary, pa.types.is_binary)
    return any(kind(type_) for kind in kinds)


def _cast(column: Any) -> Texts:
    return column.cast(pa.string())


def _times(column: Any) -> Texts:
    """ISO 8601: with a zone where the file knows one, and seconds with decimals only where there are any."""
    if column.type.tz is None:
        local = column.cast(pa.timestamp("us"), safe=False).cast(pa.string())
        return pc.replace_substring_regex(local, r"\.000000$", "")
    utc = column.cast(pa.timestamp("us", "UTC"), safe=False).cast(pa.timestamp("us"))
    return pc.binary_join_element_wise(pc.strftime(utc, "%Y-%m-%dT%H:%M:%S"), pa.scalar("Z"), "")


def _nested(column: Any) -> Texts:
    return pa.array([None if each is None else _encode(each).decode() for each in column.to_pylist()], pa.string())


def _floats(column: Any) -> Texts:
    """The shortest decimal that is this binary fraction, never with an exponent."""
    texts = column.cast(pa.string())
    if not pc.any(pc.match_substring(texts, "e")).as_py():
        return texts
    return pa.array([None if each is None else fraction_text(each) for each in column.to_pylist()], pa.string())


def _first_line(text: str) -> str:
    return text.splitlines()[0].rstrip(".")[:120]
