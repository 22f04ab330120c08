"""Reading profiles: which ones an identifier leads to, and what is known of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

from projections.contract import Connected
from projections.profiles.projection import LAST_UPDATED

MOST_HOLDERS = 50
"""An identifier shared by more profiles leads to the latest of them only."""

_HOLDERS = """
select memberships.profile
from identity.identifiers
join identity.links using (number)
join identity.memberships using (subject)
where number = %s
    and not blocked
group by memberships.profile
order by max(to_at) desc, max(from_at) desc, memberships.profile
limit %s
"""
_EXISTS = """
select exists (select from identity.memberships where profile = %s)
"""
_IDENTIFIERS = """
select distinct number, type, namespace, blocked, first_position
from identity.memberships
join identity.links using (subject)
join identity.identifiers using (number)
where memberships.profile = %s
order by first_position, type, number
"""
_FIELDS = """
select attribute, value::text, source, event_id, position, occurred_at, effective_at, received_at, losing
from profiles.fields
where profile = %s
order by attribute
"""
_CHANNELS = """
select channel, count(*), min(effective_at), max(effective_at)
from identity.memberships
join timeline.touchpoints
    on touchpoints.subject = memberships.subject
    and (effective_at, event_id) >= (from_at, from_event)
    and (effective_at, event_id) < (to_at, to_event)
where profile = %s
group by channel
order by channel
"""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class IdentifierSeen(NamedTuple):
    """An identifier of a profile, by its number in the vault."""

    number: int
    type: str
    namespace: str
    blocked: bool
    first_position: int


class Field(NamedTuple):
    """The value that survives for one attribute, and where it came from. `losing` counts the claims that lost."""

    attribute: str
    value: Any
    source: UUID
    event_id: str
    position: int
    occurred_at: datetime
    effective_at: datetime
    received_at: datetime
    losing: int

    @property
    def rule(self) -> str:
        """The survivorship rule that chose the value."""
        return LAST_UPDATED


class ChannelActivity(NamedTuple):
    """What a profile did in one channel."""

    channel: str
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True)
class Profile:
    """A unified profile."""

    id: str
    identifiers: Sequence[IdentifierSeen]
    fields: Sequence[Field]
    channels: Sequence[ChannelActivity]

    @property
    def touchpoints(self) -> int:
        """In all channels."""
        return sum(channel.touchpoints for channel in self.channels)

    @property
    def first_seen(self) -> datetime | None:
        """The effective time of the first touchpoint."""
        return min((channel.first_seen for channel in self.channels), default=None)

    @property
    def last_seen(self) -> datetime | None:
        """The effective time of the last touchpoint."""
        return max((channel.last_seen for channel in self.channels), default=None)


def holders(connection: Connected, number: int, limit: int = MOST_HOLDERS) -> list[str]:
    """The ids of the profiles that an identifier leads to; of a shared one, whoever authenticated on it last first.

    A blocked identifier leads nowhere.
    """
    return [profile for (profile,) in connection.execute(_HOLDERS, [number, limit], prepare=True)]


def current_id(connection: Connected, profile: str, number: int) -> str | None:
    """The present id of the profile with this id, which carries this identifier number; None if there never was one.

    A profile that was merged away is found by the identifier after which it was named.
    """
    row = connection.execute(_EXISTS, [profile], prepare=True).fetchone()
    if row is not None and row[0]:
        return profile
    return next(iter(holders(connection, number, 1)), None)


def read_profile(connection: Connected, profile: str) -> Profile:
    """What is known of the profile with this present id."""
    return Profile(
        profile,
        [IdentifierSeen(*row) for row in connection.execute(_IDENTIFIERS, [profile], prepare=True)],
        [
            Field(attribute, _decode(value), *rest)
            for attribute, value, *rest in connection.execute(_FIELDS, [profile], prepare=True)
        ],
        [ChannelActivity(*row) for row in connection.execute(_CHANNELS, [profile], prepare=True)],
    )
