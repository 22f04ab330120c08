"""Moments of the log: which position it had reached by a time. Positions and times of recording rise together."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from cdp.log.events import Head, RecordedEvent


class Reader(Protocol):
    """What of the log's reader is needed."""

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """At most `limit` events past `after`."""
        ...

    def head(self) -> Head:
        """The end of the log."""
        ...


def position_at(reader: Reader, moment: datetime) -> int:
    """The last position that was recorded by this moment, 0 where none was. Reads as many events as it has bits."""
    head = reader.head()
    if head.recorded_at is None or head.recorded_at <= moment:
        return head.position
    by_then, later = 0, head.position
    while later - by_then > 1:
        middle = (by_then + later) // 2
        [event] = reader.read(middle - 1, 1)
        if event.recorded_at <= moment:
            by_then = middle
        else:
            later = middle
    return by_then
