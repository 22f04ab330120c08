"""The archive holds the log byte for byte, in files that never change, and says so itself."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pyarrow.parquet as pq
import pytest

from cdp.log.events import RecordedEvent
from cdp.platform import Platform
from cdp.postgres.lock import FileLock
from cdp.settings import Settings
from pipelines.archive.form import STORED, to_events
from pipelines.archive.manifest import (
    Manifest,
    ManifestInvalid,
    NoArchive,
    existing_manifest,
    load_manifest,
    save_manifest,
)
from pipelines.archive.promoted import OF_BUSINESS, OF_HEADER, PROMOTED
from pipelines.archive.verifying import ArchiveDiffers, verify
from pipelines.archive.writing import (
    LOCK,
    ArchiveBusy,
    ForeignArchive,
    NotArchived,
    archive,
    rewrite,
    write_segment,
)
from tests.ingest.door import Door, track
from tests.pipelines.archived import ArchivedWorld
from tests.projections.world import START

SIZE = 10


def world_of(events: int) -> ArchivedWorld:
    """A log of so many touchpoints."""
    world = ArchivedWorld()
    grow(world, events)
    return world


def grow(world: ArchivedWorld, events: int) -> None:
    for number in range(events):
        world.see({"email": f"{number % 7}@example.org"}, at=number, late=-3, traits={"name": "Ada"}, channel="store")


def events_of(folder: Path) -> list[RecordedEvent]:
    """What an archive holds."""
    segments = existing_manifest(folder).segments
    return [event for each in segments for event in to_events(pq.read_table(folder / each.file))]


def files(folder: Path) -> dict[str, int]:
    """The segments' files, with what tells a file that was written anew."""
    return {path.name: path.stat().st_ino for path in folder.glob("*.parquet")}


def test_every_byte_of_a_real_log_comes_back(settings: Settings, tmp_path: Path) -> None:
    # Given a log with the events of a source, and touchpoints with all three parts
    with Platform.open(settings) as platform:
        door = Door(platform)
        orders = [track(f"m{number}", properties={"total": "12.50", "note": "ring twice"}) for number in range(30)]
        door.send(*orders, {"type": "identify", "userId": "42", "traits": {"email": "ada@example.org"}})
        # When it is archived
        archived = archive(platform.reader, tmp_path / "archive", segment_events=SIZE)
        # Then every event is there as the log has it, encrypted parts still encrypted
        stored = platform.reader.read(0, 1_000)
        assert events_of(tmp_path / "archive") == stored
        assert archived.written == len(stored) > 30
        assert any(event.personal and b"ring twice" not in event.personal for event in stored)
        assert not any(b"ring twice" in path.read_bytes() for path in (tmp_path / "archive").iterdir())
        checked = verify(platform.reader, tmp_path / "archive")
        assert (checked.events, checked.files) == (len(stored), len(stored) // SIZE + 1)


def test_fields_of_the_header_are_columns(tmp_path: Path) -> None:
    world = world_of(1)
    world.decide("block", {"email": "0@example.org"})

    archive(world, tmp_path)

    touchpoint = world.touchpoints[0]
    [segment] = existing_manifest(tmp_path).segments
    first, control = pq.read_table(tmp_path / segment.file).to_pylist()
    assert {name: first[name] for name in OF_HEADER.names} == {
        "source": str(touchpoint.header.source),
        "channel": "store",
        "name": "Page Viewed",
        "effective_at": touchpoint.header.received_at,
        "occurred_at": START,
        "received_at": touchpoint.header.received_at,
        "subject": touchpoint.header.subject,
    }
    assert {control[name] for name in PROMOTED.names} == {first[name] for name in OF_BUSINESS.names} == {None}
    assert (segment.touchpoints, segment.rows) == (1, 2)


@pytest.mark.parametrize(
    ("sent", "column"),
    [
        ({"total": "12.50", "currency": "TRY"}, {"total": "12.50", "currency": "TRY"}),
        ({"total": Decimal("12.50"), "revenue": 7, "store": 'Çarşı "1"'}, {"total": "12.50", "revenue": "7"}),
        ({"total": -3, "campaign": "güz", "coupon": "10"}, {"total": "-3", "campaign": "güz", "coupon": "10"}),
        ({"total": None, "products": [{"total": "1"}], "currency": True}, {"total": None, "currency": None}),
        ({"store": 'Çarşı "1"', "campaign": ["a"]}, {"store": 'Çarşı "1"', "campaign": None}),
    ],
)
def test_business_fields_are_columns_as_they_were_sent(
    tmp_path: Path, sent: dict[str, object], column: dict[str, str | None]
) -> None:
    world = ArchivedWorld()
    world.see({"email": "ada@example.org"}, "Order Completed", properties=sent, references={"order_id": "A-1"})

    archive(world, tmp_path)

    [segment] = existing_manifest(tmp_path).segments
    [row] = pq.read_table(tmp_path / segment.file).to_pylist()
    assert row["order_reference"] == "A-1"
    assert {name: row[name] for name in column} == column
    verify(world, tmp_path)


@pytest.mark.parametrize("changed", [{"redacted": ("business",)}, {}, {"business": bytes(16) + b"[1]"}])
def test_a_business_part_that_cannot_be_read_gives_no_columns(tmp_path: Path, changed: dict[str, Any]) -> None:
    world = ArchivedWorld()
    world.see({"email": "ada@example.org"}, "Order Completed", properties={"total": "1"}, references={"order_id": "1"})

    archive(Twisted(world, 1, **{"business": bytes(32)} | changed), tmp_path)

    [segment] = existing_manifest(tmp_path).segments
    [row] = pq.read_table(tmp_path / segment.file).to_pylist()
    assert {row[name] for name in OF_BUSINESS.names} == {None}
    assert row["name"] == "Order Completed"


def test_columns_are_encoded_by_their_kind(tmp_path: Path) -> None:
    archive(world_of(SIZE), tmp_path)

    [segment] = existing_manifest(tmp_path).segments
    metadata = pq.ParquetFile(tmp_path / segment.file).metadata.row_group(0)
    columns = [metadata.column(number) for number in range(metadata.num_columns)]
    encodings = {column.path_in_schema: column.encodings for column in columns}
    assert {column.compression for column in columns} == {"ZSTD"}
    for name in ("position", "recorded_at", "effective_at"):
        assert "DELTA_BINARY_PACKED" in encodings[name]
    for name in ("topic", "source", "channel", "name"):
        assert "RLE_DICTIONARY" in encodings[name]
    assert "RLE_DICTIONARY" not in encodings["header"]


def test_the_tail_is_superseded_and_complete_segments_stay(tmp_path: Path) -> None:
    # Given an archive of two complete segments and a tail
    world = world_of(2 * SIZE + 3)
    first = archive(world, tmp_path, segment_events=SIZE).manifest
    assert [(each.first, each.last) for each in first.segments] == [(1, 10), (11, 20), (21, 23)]
    before = files(tmp_path)
    # When the log grew past the tail's end
    grow(world, SIZE)
    second = archive(world, tmp_path)
    # Then the tail's events are in another file, and the old file is there for who still reads it
    assert [(each.first, each.last) for each in second.manifest.segments] == [(1, 10), (11, 20), (21, 30), (31, 33)]
    assert second.written == SIZE + 3
    assert second.manifest.superseded == (first.segments[-1].file,)
    assert before.items() <= files(tmp_path).items()
    # And the next run that finds something new removes it
    grow(world, 1)
    third = archive(world, tmp_path).manifest
    assert third.superseded == (second.manifest.segments[-1].file,)
    assert files(tmp_path).keys() == third.files
    assert events_of(tmp_path) == world.read(0, 1_000)


def test_nothing_is_written_when_nothing_is_new(tmp_path: Path) -> None:
    world = world_of(SIZE + 1)
    archive(world, tmp_path, segment_events=SIZE)
    before = files(tmp_path), (tmp_path / "manifest.json").stat().st_ino

    assert archive(world, tmp_path).written == 0

    assert (files(tmp_path), (tmp_path / "manifest.json").stat().st_ino) == before


def test_the_same_events_give_the_same_files(tmp_path: Path) -> None:
    world = world_of(SIZE)

    assert archive(world, tmp_path / "a").manifest == archive(world, tmp_path / "b").manifest


def test_an_empty_log_has_an_empty_archive(tmp_path: Path) -> None:
    with pytest.raises(NoArchive, match="cdp archive"):
        verify(ArchivedWorld(), tmp_path)
    assert archive(ArchivedWorld(), tmp_path).manifest.segments == ()
    assert verify(ArchivedWorld(), tmp_path).events == 0


def test_a_segment_is_written_anew_where_a_part_had_to_go(tmp_path: Path) -> None:
    # Given an event of which the log has the business part's digest only, since it was archived
    world = world_of(2 * SIZE)
    archive(world, tmp_path, segment_events=SIZE)
    before = files(tmp_path)
    redacted = Twisted(world, 3, business=b"digest", redacted=("business",))
    with pytest.raises(ArchiveDiffers, match="position 3: business, redacted differ"):
        verify(redacted, tmp_path)
    # When its segment is written anew
    rewrite(redacted, tmp_path, 3)
    # Then the old file is gone, and the others are as they were
    verify(redacted, tmp_path)
    [new, other] = existing_manifest(tmp_path).segments
    assert new.redacted == 1
    assert other.file in before
    assert files(tmp_path).keys() == {new.file, other.file}
    # And a position past the archive's end is refused
    with pytest.raises(NotArchived, match="positions 1 to 20"):
        rewrite(redacted, tmp_path, 21)


def test_what_a_killed_run_left_is_swept_and_the_rest_is_written(tmp_path: Path) -> None:
    # Given a run that died after its first segment, with another that no manifest names, and a half of one
    world = world_of(3 * SIZE)
    head = world.head()
    first = write_segment(world, tmp_path, 0, SIZE)
    save_manifest(tmp_path, Manifest(incarnation=head.incarnation, segment_events=SIZE, segments=(first,)))
    orphan = write_segment(world, tmp_path, SIZE, 2 * SIZE - 1)
    (tmp_path / f".{SIZE + 1}-{2 * SIZE}.partial").write_bytes(b"PAR1")
    # When the next run goes on
    archived = archive(world, tmp_path)
    # Then it writes what is missing, and nothing else is left
    assert archived.written == 2 * SIZE
    assert orphan.file not in files(tmp_path)
    assert not list(tmp_path.glob(".*.partial"))
    assert events_of(tmp_path) == world.read(0, 1_000)


def test_an_archive_of_another_log_is_refused(tmp_path: Path) -> None:
    world = world_of(SIZE)
    archive(world, tmp_path)

    with pytest.raises(ForeignArchive, match="incarnation"):
        archive(dataclasses.replace(world, incarnation=uuid4()), tmp_path)
    with pytest.raises(ForeignArchive, match="positions up to 10"):
        verify(dataclasses.replace(world, touchpoints=world.touchpoints[:4]), tmp_path)


def test_two_runs_do_not_write_at_once(tmp_path: Path) -> None:
    lock = FileLock(tmp_path / LOCK)
    lock.claim()

    with pytest.raises(ArchiveBusy, match="wait"):
        archive(world_of(1), tmp_path)

    lock.close()


def tampered(folder: Path, change: dict[str, object], segment: int | None = None) -> None:
    """Changes the manifest by hand: its own fields, or those of a segment."""
    path = folder / "manifest.json"
    content = msgspec.json.decode(path.read_bytes())
    (content if segment is None else content["segments"][segment]).update(change)
    path.write_bytes(msgspec.json.encode(content))


@pytest.mark.parametrize(
    ("change", "segment", "said"),
    [
        ({"schema_version": 1}, None, "schema version 1"),
        ({"schema_version": "one"}, None, "Expected `int`"),
        ({"more": 1}, None, "unknown field"),
        ({"tree_head": "abc"}, None, "Expected `null`"),
        ({"segments": []}, None, None),
        ({"first": 2}, 0, "begins at position 2"),
        ({"rows": 9}, 0, "rows of the segment"),
        ({"last": 12}, 1, "rows of the segment"),
        ({"sha256": "0" * 64}, 0, "name of a segment's file"),
        ({"file": "../elsewhere.parquet"}, 1, "name of a segment's file"),
        ({"superseded": ["../elsewhere"]}, None, "superseded file"),
    ],
)
def test_a_manifest_that_contradicts_itself_is_refused(
    tmp_path: Path, change: dict[str, object], segment: int | None, said: str | None
) -> None:
    archive(world_of(SIZE + 5), tmp_path, segment_events=SIZE)

    tampered(tmp_path, change, segment)

    if said is None:
        assert existing_manifest(tmp_path).last == 0
    else:
        with pytest.raises(ManifestInvalid, match=said):
            load_manifest(tmp_path)


def test_a_manifest_that_lies_consistently_is_found_by_comparing_with_the_log(tmp_path: Path) -> None:
    world = world_of(SIZE)
    archive(world, tmp_path)
    tampered(tmp_path, {"touchpoints": 7}, 0)

    with pytest.raises(ArchiveDiffers, match="the manifest says 7"):
        verify(world, tmp_path)


def test_a_flipped_bit_is_found(tmp_path: Path) -> None:
    world = world_of(2 * SIZE)
    archive(world, tmp_path, segment_events=SIZE)
    path = tmp_path / existing_manifest(tmp_path).segments[1].file
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)

    with pytest.raises(ArchiveDiffers, match=f"{path.name} has SHA-256"):
        verify(world, tmp_path)


def test_a_missing_and_a_shortened_file_are_found(tmp_path: Path) -> None:
    world = world_of(2 * SIZE)
    archive(world, tmp_path, segment_events=SIZE)
    gone, short = (tmp_path / each.file for each in existing_manifest(tmp_path).segments)
    gone.unlink()
    short.write_bytes(short.read_bytes()[:-1])

    with pytest.raises(ArchiveDiffers) as found:
        verify(world, tmp_path)

    assert len(found.value.differences) == 2
    assert "no file" in found.value.differences[0]


class Twisted:
    """A log in which some stored bytes of one event are others than when it was archived."""

    def __init__(self, world: ArchivedWorld, position: int, **changed: object) -> None:
        self._world = world
        self._position = position
        self._changed = changed
        self.head = world.head

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        events: Sequence[RecordedEvent] = self._world.read(after, limit, up_to)
        return [
            event._replace(**self._changed) if event.position == self._position else event  # type: ignore[arg-type]
            for event in events
        ]


@pytest.mark.parametrize(
    "changed",
    [{"business": b"x"}, {"personal": None}, {"redacted": ("contact",)}, {"version": 9}],
    ids=lambda changed: next(iter(changed)),
)
def test_an_event_that_differs_from_the_log_is_named(tmp_path: Path, changed: dict[str, object]) -> None:
    world = world_of(SIZE)
    archive(world, tmp_path)

    with pytest.raises(ArchiveDiffers, match=f"position 6: {next(iter(changed))} differ"):
        verify(Twisted(world, 6, **changed), tmp_path)


def test_a_column_that_says_something_else_than_the_header_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a file whose column was made of something else than its headers, with a manifest that fits
    world = world_of(SIZE)
    with monkeypatch.context() as patch:
        values = ("x", "web", "y", START, START, START, 1, *[None] * len(OF_BUSINESS))
        patch.setattr("pipelines.archive.form.promoted", lambda event: values)
        archive(world, tmp_path)

    with pytest.raises(ArchiveDiffers, match="column source is not what the stored parts say"):
        verify(world, tmp_path)


def test_stored_columns_are_those_of_a_recorded_event() -> None:
    assert tuple(STORED.names) == RecordedEvent._fields


def test_amounts_survive_to_the_last_digit(tmp_path: Path) -> None:
    world = ArchivedWorld()
    world.see({}, properties={"total": Decimal("0.10"), "text": "0.1000"})
    archive(world, tmp_path)

    [event] = events_of(tmp_path)

    assert event.business is not None
    assert event.business[16:] == b'{"properties":{"total":0.10,"text":"0.1000"}}'
