"""Verifying the archive: every file is as it was written, and every byte in it is the log's."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa

from cdp.log.events import RecordedEvent
from pipelines.archive.form import SCHEMA, SCHEMA_VERSION, STORED, to_events, to_table
from pipelines.archive.manifest import Manifest, Segment, existing_manifest
from pipelines.archive.promoted import PROMOTED
from pipelines.archive.reading import SegmentDamaged, check_digest, open_segment
from pipelines.archive.writing import PAGE, Reader, Report, check_same_log

NAMED = 20
"""How many differences are named; there may be as many as events."""


class Verified(NamedTuple):
    """What was compared: files, and events with the bytes of their parts."""

    manifest: Manifest
    files: int
    events: int
    bytes: int
    head: int


class ArchiveDiffers(Exception):
    """The archive says something else than the log."""

    def __init__(self, folder: Path, differences: list[str]) -> None:
        super().__init__(
            f"the archive in {folder} is not what the log says:\n"
            + "\n".join(f"  {each}" for each in differences)
            + "\n"
            "If the log is right, write the segments of these positions anew with: cdp archive --rewrite POSITION"
        )
        self.differences = differences


def verify(reader: Reader, folder: Path, report: Report = lambda count: None) -> Verified:
    """Compares all files with the manifest and all events with the log.

    Raises ArchiveDiffers with every damaged file and the first differing events, NoArchive, ManifestInvalid and
    ForeignArchive.
    """
    manifest = existing_manifest(folder)
    head = reader.head()
    check_same_log(folder, manifest, head)
    differences: list[str] = []
    size = 0
    for segment in manifest.segments:
        try:
            check_digest(folder, segment)
        except SegmentDamaged as damage:
            differences.append(str(damage))
            continue
        named = NAMED - len(differences)
        differences += islice(_differences(reader, folder, segment, report), max(named, 1))
        size += segment.bytes
    if differences:
        raise ArchiveDiffers(folder, differences)
    return Verified(manifest, len(manifest.segments), manifest.last, size, head.position)


def _differences(reader: Reader, folder: Path, segment: Segment, report: Report) -> Iterator[str]:
    file = open_segment(folder, segment)
    if not file.schema_arrow.equals(SCHEMA):
        yield f"{segment.file}: its columns are not those of schema version {SCHEMA_VERSION}"
        return
    touchpoints = redacted = after = 0
    after = segment.first - 1
    for batch in file.iter_batches(PAGE):
        rows = pa.Table.from_batches([batch])
        events = reader.read(after, len(rows), segment.last)
        after += len(rows)
        yield from _differing(rows, events)
        touchpoints += len(rows) - rows["name"].null_count
        redacted += sum(bool(event.redacted) for event in events)
        report(len(rows))
    if (segment.touchpoints, segment.redacted) != (touchpoints, redacted):
        yield (
            f"{segment.file}: {touchpoints:,} touchpoints and {redacted:,} redacted events, "
            f"the manifest says {segment.touchpoints:,} and {segment.redacted:,}"
        )


def _differing(rows: pa.Table, events: list[RecordedEvent]) -> Iterator[str]:
    archived = list(to_events(rows))
    if archived == events:
        yield from _wrongly_promoted(rows, events)
        return
    for ours, theirs in zip(archived, events, strict=False):
        names = [name for name, a, b in zip(STORED.names, ours, theirs, strict=True) if a != b]
        if names:
            yield f"position {theirs.position}: {', '.join(names)} differ from the log"
    if len(archived) != len(events):
        yield f"from position {archived[0].position}: {len(archived):,} events, the log has {len(events):,}"


def _wrongly_promoted(rows: pa.Table, events: list[RecordedEvent]) -> Iterator[str]:
    """The columns beside the stored bytes must say what the stored parts say."""
    expected = to_table(events)
    for name in PROMOTED.names:
        if not rows[name].equals(expected[name]):
            first, last = events[0].position, events[-1].position
            yield f"positions {first} to {last}: column {name} is not what the stored parts say"
