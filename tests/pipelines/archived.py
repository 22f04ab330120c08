"""A world whose events have their stored bytes, so that an archive of it can be written and read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import uuid5

from cdp.log.events import RecordedEvent
from cdp.log.header import encode_header
from cdp.log.parts import pack
from cdp.log.sealing import encode_salted
from cdp.log.touchpoint import TOPIC, Touchpoint
from pipelines.archive.form import CLEAR
from tests.projections.world import CONTROL, SPACE, World

SALT = bytes(16)


@dataclass
class ArchivedWorld(World):
    """A log in memory that gives headers and business parts as a real one stores them."""

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """Events past `after`, with their bytes."""
        last = min(after + limit, len(self.touchpoints) if up_to is None else up_to)
        return [self.stored(touchpoint) for touchpoint in self.touchpoints[after:last]]

    def stored(self, touchpoint: Touchpoint) -> RecordedEvent:
        """A touchpoint as the log keeps it. Its personal part is bytes that nobody can open."""
        topic = CONTROL if touchpoint.position in self.decided else TOPIC
        place = (touchpoint.position, uuid5(SPACE, str(touchpoint.header.source)), touchpoint.position, topic)
        personal = pack(dict.fromkeys(touchpoint.personal, b"sealed"))
        business = encode_salted(touchpoint.business, SALT) if touchpoint.business else None
        return RecordedEvent(*place, touchpoint.recorded_at, encode_header(touchpoint.header), business, personal)


@dataclass(frozen=True)
class WorldOpening:
    """Opens what a world has in memory, personal parts included."""

    world: World

    @property
    def columns(self) -> list[str]:
        """No more than others need."""
        return CLEAR

    @contextmanager
    def opened(self) -> Iterator[World]:
        """The world itself."""
        yield self.world
