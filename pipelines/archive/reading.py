"""Reading the archive: in portions that are one element of a pipeline each, after their file was checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from pipelines.archive.manifest import Manifest, Segment
from pipelines.archive.writing import digest_of

SLICE = 4_096
"""Events that are read and opened at a time."""


class SegmentDamaged(Exception):
    """A file of the archive is not the one that its manifest names."""

    def __init__(self, path: Path, found: str, expected: str) -> None:
        super().__init__(
            f"{path} has {found}, its manifest says {expected}; restore the file from a copy, or remove the archive "
            "and write it anew with: cdp archive"
        )


class Portion(NamedTuple):
    """A row group of a segment's file. Plain values, so that it travels to any worker."""

    path: str
    row_group: int


def portions(folder: Path, manifest: Manifest, up_to: int | None = None) -> Iterator[Portion]:
    """The portions that hold positions up to `up_to`; the last may hold later ones as well."""
    for segment in manifest.segments:
        if up_to is None or segment.first <= up_to:
            file = open_segment(folder, segment)
            for number in range(file.num_row_groups):
                if up_to is None or _first_position(file, number) <= up_to:
                    yield Portion(str(folder / segment.file), number)


def open_segment(folder: Path, segment: Segment) -> pq.ParquetFile:
    """The segment's file, if it has the rows that the manifest says. Raises SegmentDamaged."""
    path = folder / segment.file
    try:
        file = pq.ParquetFile(path)
    except FileNotFoundError:
        raise SegmentDamaged(path, "no file", f"{segment.bytes:,} bytes") from None
    except pa.ArrowInvalid as error:
        raise SegmentDamaged(path, str(error), "a Parquet file") from None
    if file.metadata.num_rows != segment.rows:
        raise SegmentDamaged(path, f"{file.metadata.num_rows:,} rows", f"{segment.rows:,} rows")
    return file


def check_digest(folder: Path, segment: Segment) -> None:
    """Raises SegmentDamaged if a single bit of the file is another than when it was written."""
    path = folder / segment.file
    try:
        digest, size = digest_of(path)
    except FileNotFoundError:
        raise SegmentDamaged(path, "no file", f"{segment.bytes:,} bytes") from None
    if size != segment.bytes:
        raise SegmentDamaged(path, f"{size:,} bytes", f"{segment.bytes:,} bytes")
    if digest != segment.sha256:
        raise SegmentDamaged(path, f"SHA-256 {digest}", f"SHA-256 {segment.sha256}")


def read_slices(portion: Portion, columns: list[str], up_to: int | None = None) -> Iterator[pa.Table]:
    """The rows of a portion at positions up to `up_to`, a slice at a time: a whole row group may be large."""
    with pq.ParquetFile(portion.path) as file:
        for batch in file.iter_batches(SLICE, [portion.row_group], columns):
            rows = pa.Table.from_batches([batch])
            if up_to is not None and rows["position"][-1].as_py() > up_to:
                yield rows.filter(pa.compute.less_equal(rows["position"], up_to))
                return
            yield rows


def _first_position(file: pq.ParquetFile, row_group: int) -> int:
    statistics = file.metadata.row_group(row_group).column(0).statistics
    return int(statistics.min)
