"""Reading a group's timeline, the latest touchpoint first, page by page."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from projections.contract import Connected
from projections.members import HELD, MEMBERS, Members

_PAGE = f"""
with {MEMBERS}
select touchpoint.*
from members
cross join lateral (
    select position, event_id, effective_at, occurred_at, received_at, source, channel, name, summary
    from timeline.touchpoints
    where touchpoints.subject = members.subject
        and {HELD}
        and (effective_at, event_id) < (%(before_at)s::timestamptz, %(before_event)s)
        and (%(channels)s::text[] is null or channel = any(%(channels)s))
        and (%(sources)s::uuid[] is null or source = any(%(sources)s))
        and (%(names)s::text[] is null or name = any(%(names)s))
        and (%(since)s::timestamptz is null or effective_at >= %(since)s)
        and (%(until)s::timestamptz is null or effective_at < %(until)s)
    order by effective_at desc, event_id desc
    limit %(limit)s
) as touchpoint
order by effective_at desc, event_id desc
limit %(limit)s
"""


class InvalidCursor(ValueError):
    """A cursor that no page gave out."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a cursor: expected the `next` of an earlier page; leave it out to begin")


class Cursor(NamedTuple):
    """Where a page ended: the next one holds what came before this moment, whatever was added meanwhile."""

    at: str
    event: str

    @classmethod
    def parse(cls, text: str) -> Cursor:
        """Reads what `str()` wrote. Raises `InvalidCursor`."""
        try:
            at, event = json.loads(base64.urlsafe_b64decode(text.encode()))
            return cls(datetime.fromisoformat(at).isoformat(), str(event))
        except (binascii.Error, ValueError, TypeError) as error:
            raise InvalidCursor(text) from error

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(list(self)).encode()).decode()


LATEST = Cursor("infinity", "")


@dataclass(frozen=True)
class Filters:
    """Which touchpoints are wanted: of any of these (of all where none is named), since a moment and before another."""

    channels: Sequence[str] = ()
    sources: Sequence[UUID] = ()
    names: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING = Filters()


class Entry(NamedTuple):
    """A touchpoint in a timeline."""

    position: int
    event_id: str
    effective_at: datetime
    occurred_at: datetime
    received_at: datetime
    source: UUID
    channel: str
    name: str
    summary: str


class Page(NamedTuple):
    """Some entries of a timeline, and where the next page begins; None at the end."""

    entries: list[Entry]
    next: Cursor | None


def read_timeline(
    connection: Connected, members: Members, limit: int, before: Cursor = LATEST, filters: Filters = EVERYTHING
) -> Page:
    """At most `limit` touchpoints of a group, those that pass all filters."""
    chosen = {
        "channels": [*filters.channels] or None,
        "sources": [*filters.sources] or None,
        "names": [*filters.names] or None,
        "since": filters.since,
        "until": filters.until,
    }
    place = {"before_at": before.at, "before_event": before.event, "limit": limit + 1}
    rows = connection.execute(_PAGE, {**members.parameters(), **chosen, **place}, prepare=True).fetchall()
    entries = [Entry(*row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(entries, Cursor(entries[-1].effective_at.isoformat(), entries[-1].event_id) if more else None)
