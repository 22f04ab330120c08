"""Personal fields of aggregates' events: sealed in the transcoder's form, under keys of their own, and redactable."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any, ClassVar, cast
from uuid import UUID, uuid4

import pytest
from eventsourcing.utils import register_topic

from cdp.log.events import PartedEvent
from cdp.log.parts import pack, unpack
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from cdp.sources.source import Source
from tests.ingest.door import Door, track


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Platform:
    return Platform.over(settings, databases)


@dataclass(frozen=True)
class Noted:
    """An event with personal fields of every type that the transcoder knows."""

    TOPIC: ClassVar[str] = "test.noted.v1"
    PERSONAL: ClassVar[tuple[str, ...]] = ("note",)

    originator_id: UUID
    originator_version: int
    timestamp: datetime
    note: Any
    weight: float = 0.1


register_topic(Noted.TOPIC, Noted)

NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
NOTES = [NOW, uuid4(), Decimal("0.10"), 12.5, 10**15, None, {"at": [NOW, {"by": uuid4()}]}, ["ş", 1.25]]


@pytest.mark.parametrize("note", NOTES, ids=lambda note: type(note).__name__)
def test_a_personal_field_keeps_its_type(platform: Platform, note: Any) -> None:
    event = Noted(uuid4(), 1, NOW, note)
    stored = platform.log.mapper.to_stored_event(event)
    assert b"note" not in stored.state
    found = platform.log.mapper.to_domain_event(stored)
    assert found == event
    assert isinstance(found, Noted)
    assert (type(found.note), type(found.weight)) == (type(note), float)


def redact(platform: Platform, position: int, name: str) -> None:
    """Replaces one class of an event's personal part by its digest, as erasure does where a key must stay."""
    (event,) = platform.reader.read(position - 1, 1)
    blobs = unpack(event.personal)
    blobs[name] = sha256(blobs[name]).digest()
    with platform.databases.log.connection() as connection:
        connection.execute(
            "update event set personal = %s, redacted = array[%s] where position = %s", (pack(blobs), name, position)
        )


def test_a_redacted_field_reads_as_none_and_stops_nobody(
    platform: Platform, settings: Settings, databases: Databases
) -> None:
    key = platform.sources.add("shop", channel="web", actor="ayse")
    (before,) = platform.reader.read(0, 1)
    redact(platform, 1, "content")
    (created,) = cast(Any, platform.log.events.get(Source.create_id("shop")))
    assert (created.actor, created.name) == (None, "shop")
    assert Platform.over(settings, databases).registry.credential(key) is not None
    (stored,) = platform.log.touchpoints.select_events(Source.create_id("shop"))
    assert isinstance(stored, PartedEvent) and stored.redacted == ("content",)
    assert platform.reader.read(0, 1)[0].leaf() == before.leaf()


def test_who_set_a_source_up_outlives_the_keys_of_what_it_delivered(platform: Platform) -> None:
    """A shared day key would take the audit along with the quarantine, or with touchpoints that name nobody."""
    door = Door(platform)
    source = Source.create_id("shop")
    assert [each.outcome for each in door.send({"type": "track"}, track("m-1", userId="42"))] == [
        "quarantined",
        "accepted",
    ]
    with platform.databases.log.connection() as connection:
        (held,) = connection.execute("select key_id from quarantine").fetchone() or (0,)
    platform.vault.destroy_subject_key(held)
    touchpoint = door.touchpoints()[0].header
    platform.vault.destroy_subject_key(touchpoint.keys.subject)
    for period in touchpoint.keys.period.values():
        platform.vault.destroy_period_key(period)
    (created,) = cast(Any, platform.log.events.get(source))
    assert created.actor == "test"
    with platform.databases.vault.connection() as connection:
        slots = connection.execute("select source, day from subject_key where source is not null").fetchall()
        periods = connection.execute("select distinct source from period_key").fetchall()
    assert len(slots) == len(set(slots)) == 2
    assert source not in {owner for owner, _ in slots}
    assert len(periods) == 2
