"""A file that cannot be read names itself, the row and the remedy, and nothing of it is stored."""

from __future__ import annotations

import gzip
import io
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet
import pytest

from cdp.sources.files.problem import FileProblem
from tests.files.importing import HEADER, ROWS, SALES, Desk

LINES = "\n".join([HEADER, *ROWS, ""]).encode()
MANY = LINES + b"".join(b"%d,2024-02-01 09:00:00,K1,jam,7.25,3,d\n" % order for order in range(10, 60_000))


class Bad(NamedTuple):
    """What is in the file, under which name, and what the answer says."""

    name: str
    content: bytes
    says: tuple[str, ...]


def parquet() -> bytes:
    buffer = io.BytesIO()
    rows = [row.split(",") for row in ROWS] * 2_000
    pa.parquet.write_table(
        pa.table(dict(zip(HEADER.split(","), map(list, zip(*rows, strict=True)), strict=True))), buffer
    )
    return buffer.getvalue()


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("sales.csv", LINES)
    return buffer.getvalue()


def spoilt(content: bytes) -> bytes:
    """The same with 64 bytes in the middle replaced."""
    middle = len(content) // 2
    return content[:middle] + bytes(range(64)) + content[middle + 64 :]


BAD = (
    Bad("sales.csv", b"", ("empty", "Export it again")),
    Bad("sales.csv", LINES.replace(b"card", b"cardno", 1), ("row 1", "'card' is missing", "Did you mean 'cardno'")),
    Bad("sales.csv", LINES.replace(b"note", b"card", 1), ("row 1", "'card' is there twice")),
    Bad("sales.csv", LINES.replace(b"note", b"extra", 1), ("row 1", "says nothing of 'extra'", "ignore")),
    Bad("sales.csv", archive(), ("ZIP archive", "Unpack it")),
    Bad("sales.csv", parquet(), ("Parquet file", ".parquet")),
    Bad(
        "sales.csv",
        MANY + "99999,2024-02-01,K1,çay,1,1,\n".encode("cp1254"),
        ("row 59996", "0xe7 is not utf-8", "windows-1254"),
    ),
    Bad("sales.csv", MANY + b'99999,2024-02-01,"K1' + b"x" * 3_000_000, ("row 59996", "longer than", "quote")),
    Bad("sales.csv", b"\x7fELF" + b"\x00" * 100, ("not text",)),
    Bad("sales.csv.gz", gzip.compress(MANY)[:-2_000], ("damaged or cut off",)),
    Bad("sales.parquet", parquet()[:-100], ("no whole Parquet file", "Fetch it again")),
    Bad("sales.parquet", LINES, ("no whole Parquet file",)),
    Bad("sales.parquet", b"", ("no whole Parquet file",)),
    Bad("sales.parquet", spoilt(parquet()), ("no whole Parquet file",)),
    Bad("sales.xlsx", LINES, ("no Excel workbook",)),
    Bad("sales.xlsx", archive(), ("no Excel workbook",)),
    Bad("sales.jsonl", b'{"order": 1}\n', ("'card'", "missing")),
    Bad("sales.jsonl", b'{"order": "' + b"x" * 3_000_000, ("row 1", "longer than")),
    Bad("sales.dat", LINES, ("does not say what it is", "format")),
)


@pytest.mark.parametrize("bad", BAD, ids=lambda bad: f"{bad.name}: {bad.says[0]}")
def test_bad_files_are_refused_whole(desk: Desk, bad: Bad) -> None:
    path = desk.folder / bad.name
    path.write_bytes(bad.content)
    before = desk.platform.reader.head().position
    with pytest.raises(FileProblem) as raised:
        desk.take(path)
    for each in (str(path), *bad.says):
        assert each in str(raised.value)
    assert desk.platform.reader.head().position == before
    assert desk.quarantined() == []


def folder(path: Path) -> None:
    path.mkdir()


def closed(path: Path) -> None:
    path.write_bytes(LINES)
    path.chmod(0)


@pytest.mark.parametrize(
    ("make", "says"), [(folder, "a folder"), (closed, "may not be read"), (Path.exists, "no such file")]
)
def test_files_that_are_none(desk: Desk, make: Callable[[Path], object], says: str) -> None:
    path = desk.folder / "sales.csv"
    make(path)
    if make is closed and os.access(path, os.R_OK):
        path.unlink()
        path.symlink_to(path)  # root may read everything but a link to itself
        says = "cannot be read"
    with pytest.raises(FileProblem, match=says):
        desk.take(path)


def test_a_line_of_200_megabytes_is_refused_in_little_memory(desk: Desk) -> None:
    path = desk.folder / "sales.csv"
    with path.open("wb") as file:
        file.write(LINES + b'9,2024-02-01,"')
        for _ in range(200):
            file.write(b"x" * 1_000_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(FileProblem, match="row 6: the row is longer than"):
        desk.take(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000


def test_a_file_with_nothing_below_its_header_is_imported_as_nothing(desk: Desk) -> None:
    assert desk.take(desk.write("sales.csv", HEADER), SALES).books.rows == 0


@pytest.mark.slow
def test_a_process_that_gives_up_in_the_middle_of_a_file_ends(tmp_path: Path) -> None:
    """The parser reads ahead in a thread of its own, which must not wait for an interpreter that is ending."""
    path = tmp_path / "sales.csv"
    path.write_bytes(MANY * 3)
    program = (
        "import sys; from pathlib import Path; from cdp.sources.files.notation import read_mapping\n"
        "from cdp.sources.files.separated import SeparatedReader\n"
        "portions = SeparatedReader(Path(sys.argv[1]), read_mapping(sys.argv[2])).portions()\n"
        "next(portions); portions.throw(RuntimeError('enough'))"
    )
    for _ in range(5):
        done = subprocess.run(
            [sys.executable, "-c", program, path, SALES], capture_output=True, timeout=30, check=False
        )
        assert b"enough" in done.stderr
