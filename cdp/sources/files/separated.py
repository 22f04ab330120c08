"""CSV and its relatives: any separator, quoted texts with line ends in them, rows of the wrong length set apart."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from cdp.sources.files.bytestream import BLOCK, ByteStream, opened
from cdp.sources.files.cells import Cells
from cdp.sources.files.header import check_columns
from cdp.sources.files.kinds import any_of
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.portion import BrokenRow, Portion, Progress
from cdp.sources.files.problem import Fault, FileProblem
from cdp.sources.rejection import Reason

LONGEST = BLOCK
"""Bytes of one row, quoted line ends included: what a quote that is never closed may swallow."""

_SEPARATORS = ",;\t|"


class SeparatedReader:
    """Reads such a file in blocks; memory does not depend on its size."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self._path = path
        self._mapping = mapping
        self._form = mapping.file
        self._total = path.stat().st_size
        self._stream: ByteStream | None = None
        self._done = 0
        header, self._separator = self._header()
        self._names = list(self._form.columns or header)
        check_columns(path, self._names, mapping)

    @property
    def progress(self) -> Progress:
        """In bytes on disk."""
        if self._stream is not None and not self._stream.closed:
            self._done = self._stream.position
        return Progress(self._done, self._total)

    def portions(self) -> Generator[Portion, None, None]:
        """The rows, a block at a time."""
        with opened(self._path, self._form.encoding) as stream:
            self._stream = stream
            rows = _Numbering(0 if self._form.columns else 1)
            try:
                with self._batches(stream, rows) as batches, _finished(batches, stream):
                    for batch in batches:
                        yield self._portion(batch, rows)
            except pa.ArrowInvalid as error:
                raise self._explained(error, rows) from error
            if rows.broken:
                yield Portion(self._nothing(), pa.array([], pa.int64()), rows.left())

    def _batches(self, stream: ByteStream, rows: _Numbering) -> Any:
        names = [f"{at}" for at in range(len(self._names))]
        return pyarrow.csv.open_csv(
            stream,
            read_options=pyarrow.csv.ReadOptions(
                block_size=BLOCK, use_threads=False, column_names=names, skip_rows_after_names=rows.before
            ),
            parse_options=pyarrow.csv.ParseOptions(
                delimiter=self._separator,
                quote_char=self._form.quote,
                newlines_in_values=True,
                ignore_empty_lines=False,
                invalid_row_handler=rows.take_broken,
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                include_columns=[str(self._names.index(name)) for name in self._mapping.columns],
                check_utf8=False,  # the stream has
                strings_can_be_null=True,
                null_values=list(self._form.empty),
            ),
        )

    def _portion(self, batch: Any, rows: _Numbering) -> Portion:
        columns = {name: Cells(batch.column(at)) for at, name in enumerate(self._mapping.columns)}
        numbers, broken = rows.of(batch.num_rows)
        portion = Portion(columns, numbers, broken)
        filled = any_of([pc.is_valid(column) for column in batch.columns])
        if pc.all(filled).as_py():
            return portion
        kept = portion.take(pc.indices_nonzero(filled))
        return replace(kept, broken=broken, blank=pc.sum(pc.invert(filled)).as_py())

    def _nothing(self) -> dict[str, Any]:
        return {name: Cells(pa.array([], pa.string())) for name in self._mapping.columns}

    def _header(self) -> tuple[list[str], str]:
        with opened(self._path, self._form.encoding) as stream:
            start = stream.read(BLOCK).decode("utf-8", errors="ignore")
        if not start.strip():
            raise FileProblem(self._path, "the file is empty", "Export it again.")
        line = start.splitlines()[0]
        separator = self._form.separator or _sniffed(self._path, line, self._mapping)
        reader = csv.reader(io.StringIO(start, newline=""), delimiter=separator, quotechar=self._form.quote)
        try:
            return [name.strip() for name in next(reader)], separator
        except csv.Error:
            remedy = "Is this a CSV file? Its first row must name the columns, or [file] columns must."
            raise FileProblem(self._path, "the header cannot be read", remedy, 1) from None

    def _explained(self, error: pa.ArrowInvalid, rows: _Numbering) -> FileProblem:
        if "straddling" in str(error):
            what = f"the row is longer than {LONGEST:,} bytes"
            remedy = (
                "Is a quote opened there and never closed? Close it, or name another quote sign under [file] quote."
            )
            return FileProblem(self._path, what, remedy, rows.next)
        if "Empty CSV" in str(error):
            return FileProblem(self._path, "there is no row below the header", "Export it again.", 1)
        return FileProblem(self._path, f"it cannot be read as CSV ({error})", "Correct the row.", rows.next)


@contextmanager
def _finished(batches: Any, stream: ByteStream) -> Iterator[None]:
    """Leaves no thread behind that still reads ahead: at the end of the process it would wait for the interpreter for
    ever, and the interpreter for it."""
    try:
        yield
    finally:
        stream.stop()
        with suppress(pa.ArrowInvalid, FileProblem):
            for _ in batches:
                pass


class _Numbering:
    """Gives rows their numbers, though broken rows are missing between the others."""

    def __init__(self, before: int) -> None:
        self.before = before
        self.next = before + 1
        self.broken: list[BrokenRow] = []

    def take_broken(self, row: Any) -> str:
        """Called by the parser for a row of the wrong length."""
        expected = f"expected {row.expected_columns} columns, found {row.actual_columns}"
        fault = Fault(Reason.WRONG_COLUMNS, "", f"{expected}; put texts that hold the separator in quotes")
        self.broken.append(BrokenRow(row.number, row.text, fault))
        return "skip"

    def of(self, count: int) -> tuple[Any, Sequence[BrokenRow]]:
        """The numbers of the next rows, and the broken ones that lie before or between them."""
        last = self.next + count - 1
        between = 0
        while between < len(self.broken) and self.broken[between].row <= last:
            between += 1
            last += 1
        broken, self.broken = self.broken[:between], self.broken[between:]
        numbers = range(self.next, last + 1)
        self.next = last + 1
        missing = {each.row for each in broken}
        return pa.array([each for each in numbers if each not in missing] if missing else numbers, pa.int64()), broken

    def left(self) -> Sequence[BrokenRow]:
        """The broken rows after the last good one."""
        found, self.broken = self.broken, []
        return found


def _sniffed(path: Path, line: str, mapping: FileMapping) -> str:
    """The separator of a header: the sign that cuts out most of the columns that the mapping names."""
    names = set(mapping.columns)
    found = Counter({sign: len(names & {name.strip(' "') for name in line.split(sign)}) for sign in _SEPARATORS})
    (best, count), (_, second) = found.most_common(2)
    if count > second or len(names) == 1:
        return best
    return max(_SEPARATORS, key=line.count)
