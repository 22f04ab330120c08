"""Reading a profile's timeline, the latest touchpoint first, page by page."""

from __future__ import annotations

import base64
import binascii
import json
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from projections.contract import Connected

_PAGE = """
select touchpoint.*
from identity.memberships
cross join lateral (
    select position, event_id, effective_at, occurred_at, received_at, source, channel, name, summary
    from timeline.touchpoints
    where touchpoints.subject = memberships.subject
        and (effective_at, event_id) >= (from_at, from_event)
        and (effective_at, event_id) < (to_at, to_event)
        and (effective_at, event_id) < (%(before_at)s::timestamptz, %(before_event)s)
        and (%(channel)s::text is null or channel = %(channel)s)
        and (%(source)s::uuid is null or source = %(source)s)
        and (%(name)s::text is null or name = %(name)s)
    order by effective_at desc, event_id desc
    limit %(limit)s
) as touchpoint
where profile = %(profile)s
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
    connection: Connected,
    profile: str,
    limit: int,
    before: Cursor = LATEST,
    channel: str | None = None,
    source: UUID | None = None,
    name: str | None = None,
) -> Page:
    """At most `limit` touchpoints of the profile with this present id, those that pass all filters given."""
    chosen = {"profile": profile, "channel": channel, "source": source, "name": name, "limit": limit + 1}
    place = {"before_at": before.at, "before_event": before.event}
    rows = connection.execute(_PAGE, {**chosen, **place}, prepare=True).fetchall()
    entries = [Entry(*row) for row in rows[:limit]]
    more = len(rows) > limit
    return Page(entries, Cursor(entries[-1].effective_at.isoformat(), entries[-1].event_id) if more else None)
