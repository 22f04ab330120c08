"""Stored names are stable and older forms are lifted: what is in the log stays readable for ever."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import UUID, uuid4

import msgspec
import pytest
from eventsourcing.persistence import StoredEvent
from eventsourcing.utils import get_topic, register_topic

from cdp.access import ServiceToken
from cdp.log.events import PartedEvent
from cdp.log.header import decode_header, encode_header
from cdp.log.mapper import TouchpointRecorded
from cdp.log.touchpoint import Header
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from cdp.sources.source import Source
from tests.ingest.door import Door, track

STORED_HEADER = (
    b'{"id":"5b2f427c139947dae6a8ef21b930b77a","source":"acc02be2-c6db-59ef-884b-9868ac6b1c05","connector":"segment",'
    b'"connector_version":1,"credential":"wk_452bd9a1b770","delivery":"01a2002d-e115-713e-af0d-8e35a16e76cf","item":97,'
    b'"message":"46d279adec3044cd09450bc104d2a9c1","type":"track","name":"Order Completed","channel":"web",'
    b'"occurred_at":"2026-11-01T10:15:36.592622Z","sent_at":"2026-11-21T22:00:00Z",'
    b'"received_at":"2026-11-21T22:15:36.469622Z","identifiers":[["self","user_id","web",4554176417580461756]],'
    b'"subject":3054674294458873356,"keys":{"subject":6362609280477615938,"period":{"contact":3252554159328011232}},'
    b'"raw_digest":"7cf7c2043593b4f6f8b9fe5154ecbcb255a82c530b9656750a6c3dd04d771373","flags":["clock_corrected"]}'
)


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Platform:
    return Platform.over(settings, databases)


def test_the_names_of_stored_events_never_change() -> None:
    names = {
        "touchpoint.v1": TouchpointRecorded,
        "source.created.v1": Source.Created,
        "source.write_key_rotated.v1": Source.WriteKeyRotated,
        "source.disabled.v1": Source.Disabled,
        "service_token.created.v1": ServiceToken.Created,
        "service_token.revoked.v1": ServiceToken.Revoked,
    }
    for name, event_class in names.items():
        assert get_topic(event_class) == name


def test_a_header_stored_by_the_first_version_reads_for_ever() -> None:
    header = decode_header(STORED_HEADER)
    assert header.name == "Order Completed"
    assert header.identifiers[0].number == 4554176417580461756
    assert encode_header(header) == STORED_HEADER


def test_an_older_header_is_lifted_step_by_step() -> None:
    def name_the_till(state: dict[str, Any]) -> None:
        state["channel"] = state["channel"].upper()

    def count_from_one(state: dict[str, Any]) -> None:
        state["item"] += 1

    lifted = decode_header(STORED_HEADER, (name_the_till, count_from_one))
    assert (lifted.channel, lifted.item) == ("WEB", 98)
    second = msgspec.json.encode({**msgspec.json.decode(STORED_HEADER), "v": 2})
    assert decode_header(second, (name_the_till, count_from_one)).channel == "web"
    assert decode_header(second, (name_the_till, count_from_one)).item == 98


@dataclass(frozen=True)
class Renamed:
    """An event whose first version called its field otherwise."""

    TOPIC: ClassVar[str] = "test.renamed.v1"
    class_version: ClassVar[int] = 2

    originator_id: UUID
    originator_version: int
    label: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["label"] = state.pop("title")


register_topic(Renamed.TOPIC, Renamed)


def test_an_older_event_of_an_aggregate_is_lifted_by_its_class(platform: Platform) -> None:
    stream = uuid4()
    first_version = StoredEvent(stream, 1, Renamed.TOPIC, b'{"title":"x"}')
    assert platform.log.mapper.to_domain_event(first_version) == Renamed(stream, 1, "x")
    stored = platform.log.mapper.to_stored_event(Renamed(stream, 2, "y"))
    assert platform.log.mapper.to_domain_event(stored) == Renamed(stream, 2, "y")


def test_a_touchpoint_is_a_domain_event_of_its_own(platform: Platform) -> None:
    Door(platform).send(track("m-1"))
    (recorded,) = platform.log.events.get(platform.sources.get("shop").stream)
    assert isinstance(recorded, TouchpointRecorded)
    assert isinstance(recorded.header, Header)
    again = TouchpointRecorded(uuid4(), 1, recorded.header, recorded.business, recorded.personal)
    platform.log.save(again)
    (event,) = platform.reader.read(2, 10)
    first = platform.reader.read(1, 1)[0]
    assert (event.header, event.personal, event.topic) == (first.header, first.personal, "touchpoint.v1")


def test_a_stored_event_without_parts_is_the_librarys_own(platform: Platform) -> None:
    platform.log.touchpoints.insert_events([StoredEvent(stream := uuid4(), 1, "t", b"s")])
    (found,) = platform.log.touchpoints.select_events(stream)
    assert type(found) is StoredEvent
    platform.log.touchpoints.insert_events([PartedEvent(stream, 2, "t", b"s", b"business", b"personal")])
    assert platform.log.touchpoints.select_events(stream, gt=1) == [
        PartedEvent(stream, 2, "t", b"s", b"business", b"personal")
    ]
