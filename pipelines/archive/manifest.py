"""The archive's table of contents: what is in no manifest is not in the archive.

It is replaced as a whole, by renaming, after the files that it names are on disk. So whoever reads it sees a state in
which every file is complete, and files themselves never change.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec

from pipelines.archive.form import SCHEMA_VERSION

NAME = "manifest.json"
SEGMENT_EVENTS = 1_000_000

Digest = str


class ManifestInvalid(Exception):
    """The manifest is damaged or was changed by hand: the archive must be written anew, or restored from a copy."""

    def __init__(self, folder: Path, found: str, expected: str) -> None:
        super().__init__(
            f"the manifest of the archive in {folder} has {found}, where expected is {expected}; restore the folder "
            "from a copy, or remove it and write the archive anew with: cdp archive"
        )


class NoArchive(Exception):
    """There is no archive in the folder yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(f"{folder} holds no archive ({NAME}); write one with: cdp archive")


class Segment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file with the events from position `first` to `last`, one row each.

    `sha256` is of the whole file, in hexadecimal, and `bytes` its size. `redacted` counts the events of which a part
    is only its digest.
    """

    file: str
    first: int
    last: int
    rows: int
    touchpoints: int
    redacted: int
    bytes: int
    sha256: Digest


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The segments in the order of their positions, without a gap from position 1.

    All but the last have exactly `segment_events` rows. `superseded` are files that were named before the last run and
    are no more: somebody may still be reading them. `tree_head` is for the head of the Merkle tree over the
    events; until the log is sealed it is null.
    """

    incarnation: UUID
    schema_version: int = SCHEMA_VERSION
    segment_events: int = SEGMENT_EVENTS
    segments: tuple[Segment, ...] = ()
    superseded: tuple[str, ...] = ()
    tree_head: None = None

    @property
    def last(self) -> int:
        """The last position in the archive; 0 when it is empty."""
        return self.segments[-1].last if self.segments else 0

    @property
    def complete(self) -> tuple[Segment, ...]:
        """The segments to which nothing can be added any more."""
        return tuple(segment for segment in self.segments if segment.rows == self.segment_events)

    @property
    def files(self) -> frozenset[str]:
        """The files that must stay in the folder."""
        return frozenset({*self.superseded, *(segment.file for segment in self.segments)})

    def following(self, segments: tuple[Segment, ...], before: Manifest) -> Manifest:
        """The manifest that names these segments next, in a run that began with the manifest `before`."""
        kept = {segment.file for segment in segments}
        superseded = tuple(segment.file for segment in before.segments if segment.file not in kept)
        return msgspec.structs.replace(self, segments=segments, superseded=superseded)


def load_manifest(folder: Path) -> Manifest | None:
    """The manifest of an archive; None where there is none. Raises ManifestInvalid."""
    try:
        stored = (folder / NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        manifest = msgspec.json.decode(stored, type=Manifest)
    except msgspec.DecodeError as error:
        raise ManifestInvalid(folder, str(error), "what `cdp archive` writes") from None
    _check(folder, manifest)
    return manifest


def existing_manifest(folder: Path) -> Manifest:
    """The manifest of an archive. Raises NoArchive and ManifestInvalid."""
    manifest = load_manifest(folder)
    if manifest is None:
        raise NoArchive(folder)
    return manifest


def save_manifest(folder: Path, manifest: Manifest) -> None:
    """Replaces the manifest."""
    _check(folder, manifest)
    stored = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with replacing(folder / NAME) as temporary:
        temporary.write_bytes(stored + b"\n")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` at the end of the block, durably, or never does."""
    temporary = path.with_name(f".{path.name}.partial")
    yield temporary
    sync(temporary)
    temporary.replace(path)
    sync(path.parent)


def sync(path: Path) -> None:
    """Waits until a file, or the names in a folder, are on disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check(folder: Path, manifest: Manifest) -> None:
    def expect(what: str, found: Any, expected: Any) -> None:
        if found != expected:
            raise ManifestInvalid(folder, f"{what} {found}", str(expected))

    expect("schema version", manifest.schema_version, SCHEMA_VERSION)
    position = 0
    for segment in manifest.segments:
        expect("a segment that begins at position", segment.first, position + 1)
        expect(f"as rows of the segment from {segment.first} to {segment.last}", segment.rows, segment.last - position)
        expect("as name of a segment's file", segment.file, file_name(segment.first, segment.last, segment.sha256))
        position = segment.last
    for segment in manifest.segments[:-1]:
        expect(f"as rows of the segment from {segment.first}", segment.rows, manifest.segment_events)
    for name in manifest.superseded:
        expect("as name of a superseded file", name, Path(name).name)


def file_name(first: int, last: int, sha256: Digest) -> str:
    """The name of a segment's file: what is in it decides, so no two contents ever share a name."""
    return f"{first:012d}-{last:012d}-{sha256[:16]}.parquet"
