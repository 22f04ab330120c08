"""What a segment of the archive looks like: the columns, how they are encoded, and events to rows and back.

The parts of an event are kept as the log stores them, byte for byte; what is encrypted stays encrypted. Beside them
stand the fields that queries filter, group and sum by, as columns of their own (`pipelines.archive.promoted`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq

from cdp.log.events import RecordedEvent
from pipelines.archive.promoted import MOMENT, PROMOTED, promoted

SCHEMA_VERSION = 2
"""Raised when a column changes its name, type or meaning."""

ROW_GROUP = 128 * 1024
"""Rows of a row group: small enough to be one element of a pipeline."""

STORED = pa.schema(
    [
        pa.field("position", pa.int64(), nullable=False),
        pa.field("originator_id", pa.string(), nullable=False),
        pa.field("version", pa.int64(), nullable=False),
        pa.field("topic", pa.string(), nullable=False),
        pa.field("recorded_at", MOMENT, nullable=False),
        pa.field("header", pa.binary(), nullable=False),
        pa.field("business", pa.binary()),
        pa.field("personal", pa.binary()),
        pa.field("redacted", pa.list_(pa.string())),
    ]
)
"""What the log holds of an event, in the order of `RecordedEvent`."""

SCHEMA = pa.schema([*STORED, *PROMOTED])
CLEAR = [name for name in STORED.names if name != "personal"]
"""The columns that whoever does not open personal parts has to read."""

_FEW_VALUES = ["originator_id", "topic", "source", "channel", "name", "currency", "store", "campaign", "coupon"]
_RISING = ["position", "version", "recorded_at", "effective_at", "occurred_at", "received_at"]


def segment_writer(path: Path) -> pq.ParquetWriter:
    """A writer of one segment."""
    return pq.ParquetWriter(
        path,
        SCHEMA,
        compression="zstd",
        compression_level=3,
        use_dictionary=_FEW_VALUES,
        column_encoding=dict.fromkeys(_RISING, "DELTA_BINARY_PACKED"),
        write_statistics=[*_FEW_VALUES, *_RISING, "subject"],
    )


def to_table(events: Sequence[RecordedEvent]) -> pa.Table:
    """The rows of events."""
    stored = zip(*map(_stored, events), strict=True)
    fields = zip(*map(promoted, events), strict=True)
    columns = [pa.array(values, field.type) for values, field in zip((*stored, *fields), SCHEMA, strict=True)]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def to_events(rows: pa.Table) -> Iterator[RecordedEvent]:
    """The events of rows; a part whose column was not read is None."""
    names = set(rows.column_names)
    columns = [rows[name].to_pylist() if name in names else [None] * len(rows) for name in STORED.names]
    columns[1] = _each_once(columns[1], UUID)
    columns[4] = _each_once(rows["recorded_at"].cast(pa.int64()).to_pylist(), _moment)
    columns[8] = [tuple(redacted or ()) for redacted in columns[8]]
    return map(RecordedEvent._make, zip(*columns, strict=True))


def _stored(event: RecordedEvent) -> tuple[Any, ...]:
    return (event.position, str(event.originator_id), *event[2:8], list(event.redacted) or None)


def _each_once(values: Iterable[Any], make: Any) -> list[Any]:
    """`make` of each value; equal values, of which there are many in a row, share one result."""
    made: dict[Any, Any] = {}
    return [made[value] if value in made else made.setdefault(value, make(value)) for value in values]


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
