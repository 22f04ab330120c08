"""Reading profiles: which ones an identifier leads to, and what is known of one, now or at a past moment."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from cdp.survivorship.choice import Choice, Chosen
from cdp.survivorship.rules import Rule, Survivorship
from projections.contract import Connected
from projections.members import HELD, MEMBERS, Members
from projections.profiles.candidates import weighed

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
_KINDS = """
select number, type, namespace
from identity.identifiers
where number = any(%s::bigint[])
"""
_CHANNELS = f"""
with {MEMBERS}
select channel, count(*), min(effective_at), max(effective_at)
from members
join timeline.touchpoints using (subject)
where {HELD}
group by channel
order by channel
"""
_SEEN = """
select min(position)
from engine.checkpoints
where published
    and projection in ('identity', 'profiles', 'timeline')
"""
_TIMES = """
select distinct position, occurred_at, received_at
from profiles.claims
where position = any(%s::bigint[])
"""


class Kind(NamedTuple):
    """What an identifier is, whatever its value."""

    type: str
    namespace: str


class Times(NamedTuple):
    """The two clocks of a touchpoint."""

    occurred_at: datetime
    received_at: datetime


@dataclass(frozen=True)
class Field:
    """What survives of one attribute by its rule.

    `losing` counts all claims that lost, also those of candidates that are too many for `choice` to have.
    `times` has the clocks of the touchpoints that won, by position.
    """

    attribute: str
    rule: Rule
    choice: Choice
    losing: int
    times: Mapping[int, Times]


class ChannelActivity(NamedTuple):
    """What a profile did in one channel."""

    channel: str
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


@dataclass(frozen=True)
class Known:
    """What is known of a group: its fields, and what it did by channel."""

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


def seen_up_to(connection: Connected) -> int:
    """The last position of the log that everything about profiles takes into account."""
    row = connection.execute(_SEEN, prepare=True).fetchone()
    return row[0] or 0 if row else 0


def holders(connection: Connected, number: int, limit: int = MOST_HOLDERS) -> list[str]:
    """The ids of the profiles that an identifier leads to; of a shared one, whoever authenticated on it last first.

    A blocked identifier leads nowhere.
    """
    return [profile for (profile,) in connection.execute(_HOLDERS, [number, limit], prepare=True)]


def read_kinds(connection: Connected, numbers: Iterable[int]) -> dict[int, Kind]:
    """What these identifiers are, by number."""
    rows = connection.execute(_KINDS, [sorted(numbers)], prepare=True, binary=True)
    return {number: Kind(*rest) for number, *rest in rows}


def read_known(connection: Connected, members: Members, survivorship: Survivorship, now: datetime) -> Known:
    """What is known of a group. Claims expire by `now`."""
    return Known(read_fields(connection, members, survivorship, now), read_channels(connection, members))


def read_fields(connection: Connected, members: Members, survivorship: Survivorship, now: datetime) -> list[Field]:
    """The fields of a group, by attribute; those too of which nothing survives any more."""
    found = weighed(connection, members, survivorship, now)
    times = _times(connection, (won.said.position for each in found for won in _survivors(each.choice)))
    return [
        Field(attribute, survivorship.of(attribute), choice, others + _claims(choice), times)
        for attribute, choice, others in found
    ]


def _claims(choice: Choice) -> int:
    return sum(each.candidate.claims for each in choice.lost)


def read_channels(connection: Connected, members: Members) -> list[ChannelActivity]:
    """What a group did in each channel, by name."""
    rows = connection.execute(_CHANNELS, members.parameters(), prepare=True, binary=True)
    return [ChannelActivity(*row) for row in rows]


def _survivors(choice: Choice) -> Iterable[Chosen]:
    return (*(() if choice.winner is None else (choice.winner,)), *choice.items)


def _times(connection: Connected, positions: Iterable[int]) -> dict[int, Times]:
    rows = connection.execute(_TIMES, [sorted(set(positions))], prepare=True, binary=True)
    return {position: Times(*rest) for position, *rest in rows}
