"""JSON Lines: one object a line; columns are its keys, with dots for what lies deeper."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from cdp.sources.files.bytestream import BLOCK, ByteStream, opened
from cdp.sources.files.cells import Cells
from cdp.sources.files.header import check_columns, check_overlooked
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.portion import BrokenRow, Portion, Progress
from cdp.sources.files.problem import Fault, FileProblem
from cdp.sources.rejection import Reason

ROWS = 4096
LONGEST = BLOCK
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode
Cell = tuple[str | None, bool]


class JsonLinesReader:
    """Reads such a file line by line."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self._path = path
        self._mapping = mapping
        self._paths = {name: tuple(name.split(".")) for name in mapping.columns}
        self._empty = frozenset(mapping.file.empty)
        self._total = path.stat().st_size
        self._done = 0

    @property
    def progress(self) -> Progress:
        """In bytes on disk."""
        return Progress(self._done, self._total)

    def portions(self) -> Generator[Portion, None, None]:
        """The rows, some thousands at a time."""
        seen: set[str] = set()
        rows = _Rows(self._paths, self._empty)
        with opened(self._path, self._mapping.file.encoding) as stream:
            for number, line in enumerate(self._lines(stream), 1):
                rows.take(number, line)
                if len(rows) >= ROWS:
                    self._done = stream.position
                    self._check(rows, seen)
                    yield rows.portion()
            self._done = stream.position
        self._check(rows, seen)
        if missing := [name for name in self._paths if name not in rows.found]:
            check_columns(self._path, [*rows.found, *seen], self._mapping, None)
            raise FileProblem(self._path, f"no row has {missing[0]!r}", "Correct the mapping.")
        if len(rows):
            yield rows.portion()

    def _check(self, rows: _Rows, seen: set[str]) -> None:
        if new := rows.keys - seen:
            seen |= new
            check_overlooked(self._path, new, self._mapping, None)

    def _lines(self, stream: ByteStream) -> Iterator[bytes]:
        rest = b""
        number = 0
        while block := stream.read(BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            number += len(lines)
            yield from lines
            if len(rest) > LONGEST:
                what, remedy = f"the line is longer than {LONGEST:,} bytes", "Is this JSON Lines, one object a line?"
                raise FileProblem(self._path, what, remedy, number + 1)
        if rest:
            yield rest


class _Rows:
    """Rows on their way into a portion."""

    def __init__(self, paths: dict[str, tuple[str, ...]], empty: frozenset[str]) -> None:
        self._paths = paths
        self._empty = empty
        self.keys: set[str] = set()
        self.found: set[str] = set()
        self._clear()

    def __len__(self) -> int:
        return len(self._numbers) + len(self._broken)

    def take(self, number: int, line: bytes) -> None:
        if not line.strip():
            self._blank += 1
            return None
        try:
            tree = _decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return self._break(number, line, Reason.MALFORMED_JSON, "expected one JSON object a line")
        if not isinstance(tree, dict):
            return self._break(number, line, Reason.NOT_AN_OBJECT, "expected one JSON object a line")
        self.keys.update(tree)
        self._numbers.append(number)
        for (name, path), cells in zip(self._paths.items(), self._cells, strict=True):
            cells.append(self._cell(tree, name, path))
        return None

    def portion(self) -> Portion:
        columns = {
            name: Cells(pa.array([text for text, _ in cells], pa.string()), pa.array([plain for _, plain in cells]))
            for name, cells in zip(self._paths, self._cells, strict=True)
        }
        portion = Portion(columns, pa.array(self._numbers, pa.int64()), self._broken, self._blank)
        self._clear()
        return portion

    def _clear(self) -> None:
        self._numbers: list[int] = []
        self._cells: list[list[Cell]] = [[] for _ in self._paths]
        self._broken: list[BrokenRow] = []
        self._blank = 0

    def _break(self, number: int, line: bytes, reason: Reason, sentence: str) -> None:
        self._broken.append(BrokenRow(number, line.decode("utf-8", errors="replace"), Fault(reason, "", sentence)))

    def _cell(self, tree: Any, name: str, path: tuple[str, ...]) -> Cell:
        if name not in tree:
            for key in path:
                if not isinstance(tree, dict) or key not in tree:
                    return None, False
                tree = tree[key]
        else:
            tree = tree[name]
        self.found.add(name)
        if tree is None or (isinstance(tree, str) and tree in self._empty):
            return None, False
        if isinstance(tree, str):
            return tree, False
        if isinstance(tree, bool | dict | list):
            return _encode(tree).decode(), True
        return format(tree, "f") if isinstance(tree, Decimal) else str(tree), True
