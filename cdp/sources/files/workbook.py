"""Excel workbooks (.xlsx), one sheet, row by row."""

from __future__ import annotations

import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pyarrow as pa

from cdp.sources.files.bytestream import unreadable
from cdp.sources.files.cells import Cells
from cdp.sources.files.header import check_columns
from cdp.sources.files.kinds import fraction_text
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.portion import Portion, Progress
from cdp.sources.files.problem import FileProblem

ROWS = 4096
LARGEST_TEXTS = 128 << 20
"""Bytes of a workbook's table of texts, which must be held in memory."""

_TEXTS = "xl/sharedStrings.xml"


class WorkbookReader:
    """Reads a sheet: the one that the mapping names, else the first."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self._path = path
        self._mapping = mapping
        self._empty = frozenset(mapping.file.empty)
        self._done = 0
        self._total: int | None = None
        with self._rows() as rows:
            header = next(rows, None)
            if header is None:
                raise FileProblem(path, "the sheet is empty", "Name another under [file] sheet.")
            self._names = [str(value).strip() if value is not None else "" for value in header]
        while self._names and not self._names[-1]:
            self._names.pop()
        check_columns(path, self._names, mapping, mapping.file.header_row)

    @property
    def progress(self) -> Progress:
        """In rows."""
        return Progress(self._done, self._total)

    def portions(self) -> Generator[Portion, None, None]:
        """The rows below the header, numbered as the sheet numbers them."""
        first = self._mapping.file.header_row + 1
        with self._rows() as rows:
            next(rows, None)
            numbers: list[int] = []
            filled: list[Sequence[Any]] = []
            blank = 0
            for number, row in enumerate(rows, first):
                if any(value is not None and value not in self._empty for value in row):
                    numbers.append(number)
                    filled.append(row)
                else:
                    blank += 1
                if len(numbers) + blank >= ROWS:
                    self._done = number
                    yield self._portion(numbers, filled, blank)
                    numbers, filled, blank = [], [], 0
            if numbers or blank:
                yield self._portion(numbers, filled, blank)

    def _portion(self, numbers: list[int], rows: list[Sequence[Any]], blank: int) -> Portion:
        columns = {
            name: self._cells(name, [_at(row, self._names.index(name)) for row in rows])
            for name in self._mapping.columns
        }
        return Portion(columns, pa.array(numbers, pa.int64()), (), blank)

    def _cells(self, name: str, values: list[Any]) -> Cells:
        decimals = self._mapping.decimals.get(name)
        texts = [None if value is None or value in self._empty else _text(value, decimals) for value in values]
        return Cells(
            pa.array(texts, pa.string()), pa.array([not isinstance(value, str) for value in values], pa.bool_())
        )

    @contextmanager
    def _rows(self) -> Iterator[Iterator[Sequence[Any]]]:
        import openpyxl
        from openpyxl.utils.exceptions import InvalidFileException

        self._check_archive()
        try:
            book = openpyxl.load_workbook(self._path, read_only=True, data_only=True)
        except (InvalidFileException, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise FileProblem(self._path, "this is no Excel workbook (.xlsx)", "Save it again as .xlsx.") from error
        try:
            sheet = self._sheet(book)
            sheet.reset_dimensions()
            yield sheet.iter_rows(min_row=self._mapping.file.header_row, values_only=True)
        except (zipfile.BadZipFile, EOFError) as error:
            raise FileProblem(self._path, "the workbook is damaged", "Save it again.", self._done + 1) from error
        finally:
            book.close()

    def _sheet(self, book: Any) -> Any:
        wanted = self._mapping.file.sheet
        if wanted is None:
            return book.worksheets[0]
        if wanted not in book.sheetnames:
            found = ", ".join(repr(name) for name in book.sheetnames)
            raise FileProblem(self._path, f"there is no sheet {wanted!r}; there are {found}", "Correct [file] sheet.")
        return book[wanted]

    def _check_archive(self) -> None:
        try:
            with zipfile.ZipFile(self._path) as archive:
                sizes = {each.filename: each.file_size for each in archive.infolist()}
        except zipfile.BadZipFile as error:
            raise FileProblem(self._path, "this is no Excel workbook (.xlsx)", "Save it again as .xlsx.") from error
        except OSError as error:
            raise unreadable(self._path, error) from error
        if sizes.get(_TEXTS, 0) > LARGEST_TEXTS:
            what = f"its texts take more than {LARGEST_TEXTS >> 20} MB of memory"
            raise FileProblem(self._path, what, "Save the sheet as CSV: that can have any size.")


def _text(value: Any, decimals: int | None) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return fraction_text(value if decimals is None else round(value, decimals))
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _at(row: Sequence[Any], place: int) -> Any:
    return row[place] if place < len(row) else None
