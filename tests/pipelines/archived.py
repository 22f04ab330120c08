"""A world whose events have their stored bytes, so that an archive of it can be written and read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from uuid import uuid5

from cdp.log.events import RecordedEvent
from cdp.log.header import encode_header
from cdp.log.parts import pack
from cdp.log.sealing import encode_salted
from cdp.log.touchpoint import TOPIC, Touchpoint
from tests.projections.world import SPACE, World

SALT = bytes(16)


@dataclass
class ArchivedWorld(World):
    """A log in memory that gives headers and business parts as a real one stores them."""

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """Events past `after`, with their bytes."""
        last = min(after + limit, len(self.touchpoints) if up_to is None else up_to)
        return [stored(touchpoint) for touchpoint in self.touchpoints[after:last]]


def stored(touchpoint: Touchpoint) -> RecordedEvent:
    """A touchpoint as the log keeps it. Its personal part is bytes that nobody can open."""
    personal = pack({name: b"sealed" for name in touchpoint.personal})
    business = encode_salted(touchpoint.business, SALT) if touchpoint.business else None
    header = encode_header(touchpoint.header)
    place = (touchpoint.position, uuid5(SPACE, str(touchpoint.header.source)), touchpoint.position, TOPIC)
    return RecordedEvent(*place, touchpoint.recorded_at, header, business, personal)


def again(touchpoint: Touchpoint, position: int) -> Touchpoint:
    """The same touchpoint at another position."""
    return dataclasses.replace(touchpoint, position=position)
