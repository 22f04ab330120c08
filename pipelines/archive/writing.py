"""Writing the archive: the log's position ranges as immutable files.

Complete segments have a fixed number of events and are written once. What comes after the last of them, up to the
log's head, is the *tail*: a segment as well, which the next run supersedes by a longer one under another name. The
manifest is replaced after each segment, so that a run which was killed loses one segment at most and the next goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import pyarrow as pa

from cdp.log.events import Head, RecordedEvent
from cdp.postgres.lock import FileLock
from pipelines.archive.form import ROW_GROUP, segment_writer, to_table
from pipelines.archive.manifest import (
    SEGMENT_EVENTS,
    Manifest,
    Segment,
    existing_manifest,
    file_name,
    load_manifest,
    save_manifest,
    sync,
)

PAGE = 8 * 1024
"""Events read from the log at a time."""

ROW_GROUP_BYTES = 64 * 1024 * 1024
"""A row group of large events ends earlier, so that memory stays bounded."""

LOCK = ".lock"
_CHUNK = 1024 * 1024

Report = Callable[[int], None]
"""Told how many more events are archived."""


class Reader(Protocol):
    """The part of the log's reader that is needed here."""

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """At most `limit` events past `after`, in order, without a gap, up to `up_to` inclusive."""
        ...

    def head(self) -> Head:
        """The last position, its time, and the log's incarnation."""
        ...


class ForeignArchive(Exception):
    """The archive is of another log, or of this one before it was restored to an earlier state."""

    def __init__(self, folder: Path, found: str, expected: str) -> None:
        super().__init__(
            f"the archive in {folder} is of {found}, the log is {expected}: it was restored or set up anew since. "
            "Write its archive into another folder with: cdp archive --folder FOLDER"
        )


class ArchiveBusy(Exception):
    """Another process is writing to the archive."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"another `cdp archive` is writing to {folder}; wait for it to end")


class NotArchived(Exception):
    """A position is not in the archive."""

    def __init__(self, folder: Path, position: int, last: int) -> None:
        super().__init__(
            f"position {position:,} is not in the archive in {folder}, which has positions 1 to {last:,}; "
            "write what is missing with: cdp archive"
        )


class Archived(NamedTuple):
    """What a run did: the manifest it left, and how many events it wrote."""

    manifest: Manifest
    written: int


def archive(
    reader: Reader, folder: Path, report: Report = lambda count: None, segment_events: int = SEGMENT_EVENTS
) -> Archived:
    """Brings the archive up to the log's head. Nothing is done where it is there already.

    `segment_events` counts for a new archive only. Raises ForeignArchive, ArchiveBusy, ManifestInvalid and LogCorrupt.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        head = reader.head()
        manifest = load_manifest(folder)
        if manifest is None:
            manifest = Manifest(incarnation=head.incarnation, segment_events=segment_events)
            save_manifest(folder, manifest)
        check_same_log(folder, manifest, head)
        archived = _brought_up(reader, folder, manifest, head.position, report)
        _sweep(folder, archived.manifest)
        return archived


def rewrite(reader: Reader, folder: Path, position: int, report: Report = lambda count: None) -> Segment:
    """Writes the segment that holds a position anew, because the log's bytes are others now, and removes the old file.

    Raises NotArchived, NoArchive, ForeignArchive, ArchiveBusy, ManifestInvalid and LogCorrupt.
    """
    manifest = existing_manifest(folder)
    with _alone(folder):
        check_same_log(folder, manifest, reader.head())
        old = next((each for each in manifest.segments if each.first <= position <= each.last), None)
        if old is None:
            raise NotArchived(folder, position, manifest.last)
        new = write_segment(reader, folder, old.first - 1, old.last, report)
        segments = tuple(new if each is old else each for each in manifest.segments)
        manifest = msgspec.structs.replace(manifest, segments=segments, superseded=())
        save_manifest(folder, manifest)
        _sweep(folder, manifest)
    return new


def check_same_log(folder: Path, manifest: Manifest, head: Head) -> None:
    """Raises ForeignArchive."""
    if manifest.incarnation != head.incarnation:
        raise ForeignArchive(folder, f"incarnation {manifest.incarnation}", f"incarnation {head.incarnation}")
    if manifest.last > head.position:
        raise ForeignArchive(folder, f"positions up to {manifest.last}", f"at position {head.position}")


def _brought_up(reader: Reader, folder: Path, manifest: Manifest, head: int, report: Report) -> Archived:
    written, before = 0, manifest
    while manifest.last < head:
        complete = manifest.complete
        after = complete[-1].last if complete else 0
        segment = write_segment(reader, folder, after, min(head, after + manifest.segment_events), report)
        manifest = manifest.following((*complete, segment), before)
        save_manifest(folder, manifest)
        written += segment.rows
    return Archived(manifest, written)


def write_segment(reader: Reader, folder: Path, after: int, last: int, report: Report = lambda count: None) -> Segment:
    """Writes the events past `after` up to `last` into a file of their own; it counts once a manifest names it."""
    temporary = folder / f".{after + 1}-{last}.partial"
    touchpoints = redacted = 0
    with segment_writer(temporary) as writer:
        for rows in _row_groups(reader, after, last, report):
            writer.write_table(rows, row_group_size=len(rows))
            touchpoints += len(rows) - rows["name"].null_count
            redacted += len(rows) - rows["redacted"].null_count
    digest, size = digest_of(temporary)
    name = file_name(after + 1, last, digest)
    sync(temporary)
    temporary.replace(folder / name)
    sync(folder)
    return Segment(
        file=name,
        first=after + 1,
        last=last,
        rows=last - after,
        touchpoints=touchpoints,
        redacted=redacted,
        bytes=size,
        sha256=digest,
    )


def _row_groups(reader: Reader, after: int, last: int, report: Report) -> Iterator[pa.Table]:
    """The events in tables that are one row group each."""
    gathered: list[pa.Table] = []
    count = size = 0
    while after < last:
        page = to_table(reader.read(after, min(PAGE, ROW_GROUP - count), last))
        after += len(page)
        count, size = count + len(page), size + page.nbytes
        gathered.append(page)
        report(len(page))
        if count == ROW_GROUP or size > ROW_GROUP_BYTES or after == last:
            yield pa.concat_tables(gathered)
            gathered, count, size = [], 0, 0


def digest_of(path: Path) -> tuple[str, int]:
    """The SHA-256 of a file, in hexadecimal, and its size."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / LOCK)
    try:
        if not lock.claim():
            raise ArchiveBusy(folder)
        yield
    finally:
        lock.close()


def _sweep(folder: Path, manifest: Manifest) -> None:
    """Removes what a killed run left, and what was superseded before the last run."""
    for path in [*folder.glob("*.parquet"), *folder.glob(".*.partial")]:
        if path.name not in manifest.files:
            path.unlink()
