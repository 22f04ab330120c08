"""Answers about sales as files: CSV for programs and for a Turkish Excel, a workbook, Parquet and Arrow."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from api.sales_answers import Column, Value, plain
from projections.sales.measures import COUNT

LONGEST_DECIMAL = 38
"""The digits of the longest decimal that Arrow and Parquet hold everywhere; longer ones are written as text."""

EXCEL_DIGITS = 15
"""The digits that a workbook's numbers keep; longer ones are written as text."""


class Tabular(Protocol):
    """An answer with columns and rows; `name` is what its file is called."""

    @property
    def name(self) -> str:
        """What it is."""

    @property
    def timezone(self) -> str:
        """Where its days begin."""

    @property
    def columns(self) -> Sequence[Column]:
        """The columns with what they mean."""

    @property
    def rows(self) -> Sequence[tuple[Value, ...]]:
        """The rows."""


class File(NamedTuple):
    """An answer as a file."""

    content: bytes
    media_type: str
    name: str


def as_file(answered: Tabular, kind: str) -> File:
    """The answer in this form: one of `csv`, `csv-tr`, `xlsx`, `parquet`, `arrow`."""
    write, media_type, ending = _WRITERS[kind]
    return File(write(answered), media_type, f"{answered.name}.{ending}")


def as_csv(answered: Tabular) -> bytes:
    """CSV as programs read it: commas, decimal points, ISO dates, UTF-8."""
    return _separated(answered, ",", plain).encode()


def as_turkish_csv(answered: Tabular) -> bytes:
    """CSV as Excel reads it where Turkish is set: semicolons, decimal commas, 31.12.2024, UTF-8 with its mark."""
    zone = ZoneInfo(answered.timezone)
    return _separated(answered, ";", lambda value: _turkish(value, zone)).encode("utf-8-sig")


def _separated(answered: Tabular, separator: str, shown: Callable[[Value], Any]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=separator, lineterminator="\r\n")
    writer.writerow([column.name for column in answered.columns])
    writer.writerows([_harmless(shown(value)) for value in row] for row in answered.rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay what they are."""
    formula = isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r")
    return f"'{value}" if formula and not _numeric(value) else value


def _numeric(text: str) -> bool:
    return text.lstrip("+-").replace(".", "", 1).replace(",", "", 1).isdigit()


def _turkish(value: Value, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).strftime("%d.%m.%Y %H:%M")
    if isinstance(value, date):
        return value.strftime("%d.%m.%Y")
    return f"{value:f}".replace(".", ",") if isinstance(value, Decimal) else value


def as_workbook(answered: Tabular) -> bytes:
    """A workbook: the figures on one sheet, what they mean on another."""
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book, bold = Workbook(), Font(bold=True)
    figures = book.active
    figures.title = answered.name
    zone = ZoneInfo(answered.timezone)
    figures.append([column.name for column in answered.columns])
    for row in answered.rows:
        figures.append([_cell(value, zone) for value in row])
    meaning = book.create_sheet("definitions")
    meaning.append(["column", "unit", "definition", "source"])
    for column in answered.columns:
        meaning.append([column.name, column.unit, column.definition, column.source])
    for sheet in (figures, meaning):
        sheet.freeze_panes = "A2"
        for cell in sheet[1]:
            cell.font = bold
    for at, column in enumerate(answered.columns, start=1):
        if column.unit is not None:
            for (cell,) in figures.iter_rows(min_row=2, min_col=at, max_col=at):
                cell.number_format = _number_format(column, cell.value)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def _cell(value: Value, zone: ZoneInfo) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(zone).replace(tzinfo=None)
    if isinstance(value, str):
        return _harmless(value)
    if isinstance(value, Decimal) and len(value.as_tuple().digits) > EXCEL_DIGITS:
        return f"{value:f}"
    return value


def _number_format(column: Column, value: Any) -> str:
    if column.unit == COUNT:
        return "#,##0"
    places = -int(value.as_tuple().exponent) if isinstance(value, Decimal) else 0
    return f"#,##0.{'0' * places}" if places > 0 else "#,##0"


def as_parquet(answered: Tabular) -> bytes:
    """Parquet; exact decimals, each column with its definition."""
    import pyarrow.parquet as pq

    content = io.BytesIO()
    pq.write_table(_arrow_table(answered), content)
    return content.getvalue()


def as_arrow(answered: Tabular) -> bytes:
    """An Arrow stream."""
    import pyarrow as pa

    content = io.BytesIO()
    table = _arrow_table(answered)
    with pa.ipc.new_stream(content, table.schema) as stream:
        stream.write_table(table)
    return content.getvalue()


def _arrow_table(answered: Tabular) -> Any:
    import pyarrow as pa

    columns = list(zip(*answered.rows, strict=True)) or [()] * len(answered.columns)
    arrays, fields = [], []
    for column, values in zip(answered.columns, columns, strict=True):
        type_, prepared = _arrow_column(column, values)
        arrays.append(pa.array(prepared, type_))
        described = {"definition": column.definition, "unit": column.unit or "", "source": column.source or ""}
        fields.append(pa.field(column.name, type_, metadata=described))
    return pa.table(arrays, schema=pa.schema(fields, metadata={"timezone": answered.timezone}))


def _arrow_column(column: Column, values: Sequence[Value]) -> tuple[Any, Sequence[Any]]:
    import pyarrow as pa

    known = next((value for value in values if value is not None), None)
    if column.unit == COUNT:
        return pa.int64(), values
    if column.unit is not None:
        return _arrow_decimals([value for value in values if isinstance(value, Decimal)], values)
    if isinstance(known, datetime):
        return pa.timestamp("us", "UTC"), values
    if isinstance(known, date):
        return pa.date32(), values
    return (pa.int64(), values) if isinstance(known, int) else (pa.string(), values)


def _arrow_decimals(known: Sequence[Decimal], values: Sequence[Value]) -> tuple[Any, Sequence[Any]]:
    """Decimals of one scale that holds all of them exactly; text where they are too long."""
    import pyarrow as pa

    scale = max((max(0, -int(value.as_tuple().exponent)) for value in known), default=2)
    whole = max((value.adjusted() + 1 for value in known if value), default=1)
    if max(1, whole) + scale > LONGEST_DECIMAL:
        return pa.string(), [None if value is None else f"{value:f}" for value in values]
    return pa.decimal128(LONGEST_DECIMAL, scale), values


_WRITERS: Mapping[str, tuple[Callable[[Tabular], bytes], str, str]] = {
    "csv": (as_csv, "text/csv; charset=utf-8", "csv"),
    "csv-tr": (as_turkish_csv, "text/csv; charset=utf-8", "csv"),
    "xlsx": (as_workbook, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "parquet": (as_parquet, "application/vnd.apache.parquet", "parquet"),
    "arrow": (as_arrow, "application/vnd.apache.arrow.stream", "arrow"),
}
