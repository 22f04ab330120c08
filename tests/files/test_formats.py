"""The same rows give the same items from every format and encoding, and every character arrives."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet
import pytest

from cdp.imports.reading import Reading
from cdp.sources.files.notation import read_mapping

COLUMNS = ("sipariş", "tarih", "ad", "tutar", "adet", "üye")
LATER = datetime.fromisoformat("2024-02-01T09:30")
ROWS: list[dict[str, Any]] = [
    {
        "sipariş": "A1",
        "tarih": datetime.fromisoformat("2024-01-31T12:00"),
        "ad": 'İğne; "oya"\nörtü',
        "tutar": 1234.5,
        "adet": 2,
        "üye": "Evet",
    },
    {
        "sipariş": "A2",
        "tarih": datetime.fromisoformat("2024-02-01T09:30"),
        "ad": "Çay",
        "tutar": 0.1,
        "adet": 1,
        "üye": "Hayır",
    },
    {
        "sipariş": "A3",
        "tarih": datetime.fromisoformat("2024-02-01T09:30"),
        "ad": None,
        "tutar": 15.0,
        "adet": 1,
        "üye": "Evet",
    },
]
MAPPING = """
[event]
name = "Order Completed"
[time]
column = "tarih"
zone = "Europe/Istanbul"
[key]
columns = ["sipariş"]
prefix = ""
[[identifiers]]
column = "sipariş"
type = "user_id"
[properties]
name = "ad"
total = { column = "tutar", kind = "decimal" }
quantity = { column = "adet", kind = "integer" }
member = { column = "üye", kind = "boolean" }
"""
EXPECTED = [
    ("A1", "2024-01-31T09:00:00Z", 'İğne; "oya"\nörtü', "1234.5", 2, True),
    ("A2", "2024-02-01T06:30:00Z", "Çay", "0.1", 1, False),
    ("A3", "2024-02-01T06:30:00Z", None, "15", 1, True),
]


def said(path: Path, mapping: str = MAPPING) -> list[tuple[Any, ...]]:
    reading = Reading(path, read_mapping(mapping))
    reading.survey(lambda progress: None)
    found = []
    for item in reading.items(lambda progress: None):
        tree = json.loads(item.data)
        properties = tree["properties"]
        names = ("name", "total", "quantity", "member")
        found.append((tree["messageId"], tree["timestamp"], *[properties.get(name) for name in names]))
    return found


def csv_text(separator: str, decimal: str, time: str, end: str = "\r\n") -> str:
    lines = [separator.join(COLUMNS)]
    for row in ROWS:
        name = "" if row["ad"] is None else '"' + row["ad"].replace('"', '""') + '"'
        amount = f"{row['tutar']:g}".replace(".", decimal)
        cells = (row["sipariş"], row["tarih"].strftime(time), name, amount, str(row["adet"]), row["üye"])
        lines.append(separator.join(cells))
    return "".join(line + end for line in lines)


def turkish(folder: Path, encoding: str, end: str = "\r\n") -> Path:
    path = folder / "satışlar.csv"
    path.write_bytes(csv_text(";", ",", "%d.%m.%Y %H:%M", end).encode(encoding))
    return path


TURKISH = MAPPING.replace("zone =", 'format = "%d.%m.%Y %H:%M"\nzone =') + '[numbers]\ndecimal = ","\nthousands = "."\n'


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1254"])
def test_turkish_csv(tmp_path: Path, encoding: str, end: str) -> None:
    stated = f'[file]\nencoding = "{encoding}"\n' if encoding == "windows-1254" else ""
    assert said(turkish(tmp_path, encoding, end), stated + TURKISH) == EXPECTED


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found(tmp_path: Path, separator: str) -> None:
    path = tmp_path / "sales.csv"
    path.write_text(csv_text(separator, ".", "%Y-%m-%d %H:%M"), encoding="utf-8", newline="")
    assert said(path) == EXPECTED


def test_mixed_line_ends_are_line_ends(tmp_path: Path) -> None:
    text = csv_text(",", ".", "%Y-%m-%d %H:%M", "\n")
    head, _, rest = text.partition("\n")
    path = tmp_path / "sales.csv"
    path.write_text(f"{head}\r\n{rest}", encoding="utf-8", newline="")
    assert said(path) == EXPECTED


def test_columns_can_be_named_in_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "sales.txt"
    path.write_text(csv_text(",", ".", "%Y-%m-%d %H:%M").partition("\r\n")[2], encoding="utf-8", newline="")
    names = ", ".join(f'"{name}"' for name in COLUMNS)
    assert said(path, f"[file]\ncolumns = [{names}]\n{MAPPING}") == EXPECTED


def test_compressed_csv(tmp_path: Path) -> None:
    path = tmp_path / "sales.csv.gz"
    path.write_bytes(gzip.compress(csv_text(",", ".", "%Y-%m-%d %H:%M").encode()))
    assert said(path) == EXPECTED


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "sales.jsonl"
    lines = [json.dumps({**row, "tarih": row["tarih"].isoformat()}, ensure_ascii=False) for row in ROWS]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert [row[:3] for row in said(path)] == [row[:3] for row in EXPECTED]
    assert [Decimal(row[3]) for row in said(path)] == [Decimal(row[3]) for row in EXPECTED]


def test_what_lies_deeper_in_json_lines_is_named_with_dots(tmp_path: Path) -> None:
    path = tmp_path / "deep.jsonl"
    path.write_text('{"id": 1, "customer": {"mail": "a@example.com"}, "lines": [{"sku": "x", "price": 1.10}]}\n')
    mapping = """
    event.name = "Order Completed"
    [key]
    columns = ["id"]
    prefix = ""
    [[identifiers]]
    column = "customer.mail"
    type = "email"
    [properties]
    products = { column = "lines", kind = "json" }
    """
    (item,) = Reading(path, read_mapping(mapping)).items(lambda progress: None)
    tree = json.loads(item.data, parse_float=Decimal)
    assert tree["context"]["traits"]["email"] == "a@example.com"
    assert tree["properties"]["products"] == [{"sku": "x", "price": Decimal("1.10")}]


@pytest.mark.parametrize("amounts", [pa.float64(), pa.decimal128(12, 1), pa.string()])
def test_parquet(tmp_path: Path, amounts: pa.DataType) -> None:
    path = tmp_path / "sales.parquet"
    columns: dict[str, Any] = {name: pa.array([row[name] for row in ROWS]) for name in COLUMNS}
    exact = [Decimal(str(row["tutar"])) for row in ROWS]
    columns["tutar"] = (
        pa.array([str(each) for each in exact]) if amounts == pa.string() else pa.array(exact).cast(amounts)
    )
    pa.parquet.write_table(pa.table(columns), path)
    assert [(*row[:3], Decimal(row[3]), *row[4:]) for row in said(path)] == [
        (*row[:3], Decimal(row[3]), *row[4:]) for row in EXPECTED
    ]


def test_workbooks_need_no_marks_for_their_own_numbers_and_times(tmp_path: Path) -> None:
    path = tmp_path / "sales.xlsx"
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(COLUMNS)
    for row in ROWS:
        sheet.append([row[name] for name in COLUMNS])
    sheet.append([None] * 6)
    sheet.append(["A4", "01.02.2024 09:30", "Kahve", "1.234,5", "1", "Evet"])
    book.create_sheet("other")
    book.save(path)
    assert said(path, TURKISH) == [*EXPECTED, ("A4", "2024-02-01T06:30:00Z", "Kahve", "1234.5", 1, True)]


@pytest.mark.parametrize("rows", [1, 3, 5_000])
def test_rows_are_numbered_as_an_editor_numbers_them(
    tmp_path: Path, rows: int, writing: Callable[[Path, int], Path]
) -> None:
    path = writing(tmp_path, rows)
    reading = Reading(path, read_mapping(MAPPING))
    found = [(item.row, item.fault is None) for item in reading.items(lambda progress: None)]
    assert found == [(row, row % 7 != 0) for row in range(2, rows + 2)]


@pytest.fixture(params=["csv"])
def writing(request: pytest.FixtureRequest) -> Callable[[Path, int], Path]:
    def write(folder: Path, rows: int) -> Path:
        path = folder / "many.csv"
        lines = [",".join(COLUMNS)]
        filler = "x" * 2_000
        lines += ["short" if row % 7 == 0 else f"A{row},2024-02-01,{filler},1,1,Evet" for row in range(2, rows + 2)]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write
