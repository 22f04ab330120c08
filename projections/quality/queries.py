"""Reading the quality of what sources send."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.log.touchpoint import UNKNOWN_NAME
from projections.contract import Connected
from projections.quality.rhythm import HISTORY, Arrivals, Verdict, judge
from projections.quality.shape import FLAG, TRAIT, UNREADABLE
from projections.reading import NotBuilt

_SOURCES = """
select source, touchpoints, first_received, last_received, last_occurred
from quality.sources
order by source
"""
_HOURS = """
select hours.source, hour, deliveries
from quality.hours
join quality.sources using (source)
where hour > last_received - %(history)s
order by source, hour
"""
_FLAGS = """
select source, name = %(unknown)s, fields, sum(touchpoints)::bigint
from quality.daily
join quality.shapes using (shape)
group by source, name = %(unknown)s, shape, fields
"""
_EVENTS = """
select name, fields, sum(touchpoints)::bigint
from quality.daily
join quality.shapes using (shape)
where source = %(source)s
    and (%(first)s::date is null or day >= %(first)s)
    and (%(last)s::date is null or day <= %(last)s)
group by name, shape, fields
order by name
"""
_DAYS = """
select day, sum(touchpoints)::bigint, coalesce(sum(touchpoints) filter (where name = %(unknown)s), 0)::bigint
from quality.daily
where source = %(source)s
    and (%(first)s::date is null or day >= %(first)s)
    and (%(last)s::date is null or day <= %(last)s)
group by day
order by day
"""


class Heard(NamedTuple):
    """What was ever heard of a source. `last_occurred` is the latest effective time."""

    source: UUID
    touchpoints: int
    first_received: datetime
    last_received: datetime
    last_occurred: datetime


class Flagged(NamedTuple):
    """How many touchpoints of a source have an unknown event name, and how many carry each flag."""

    unknown: int
    flags: Mapping[str, int]


class FieldCount(NamedTuple):
    """How many of `of` touchpoints have a field. Of those whose traits cannot be read any more nobody knows, so they
    do not count for traits."""

    kind: str
    field: str
    touchpoints: int
    of: int

    @property
    def completeness(self) -> float:
        """The share of touchpoints that have the field."""
        return self.touchpoints / self.of if self.of else 0.0


class EventQuality(NamedTuple):
    """The touchpoints of one event name, their fields and their flags."""

    name: str
    touchpoints: int
    fields: list[FieldCount]
    flags: Mapping[str, int]


class DayCount(NamedTuple):
    """The touchpoints of one day, and how many of them have an unknown name."""

    day: date
    touchpoints: int
    unknown: int


def read_sources(connection: Connected) -> list[Heard]:
    """Every source that was ever heard of. Raises `NotBuilt`."""
    if connection.execute("select to_regclass('quality.sources')").fetchone() == (None,):
        raise NotBuilt
    return [Heard(*row) for row in connection.execute(_SOURCES, prepare=True)]


def read_verdicts(
    connection: Connected, sources: Sequence[Heard], now: datetime, timezone: ZoneInfo
) -> dict[UUID, Verdict]:
    """What the rhythm of each source says of its silence."""
    arrivals: defaultdict[UUID, list[Arrivals]] = defaultdict(list)
    for source, hour, deliveries in connection.execute(_HOURS, {"history": HISTORY}, prepare=True):
        arrivals[source].append(Arrivals(hour, deliveries))
    return {each.source: judge(arrivals[each.source], each.last_received, now, timezone) for each in sources}


def read_flags(connection: Connected) -> dict[UUID, Flagged]:
    """For each source the touchpoints with unknown names and with flags."""
    unknown: Counter[UUID] = Counter()
    flags: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
    for source, is_unknown, fields, count in connection.execute(_FLAGS, {"unknown": UNKNOWN_NAME}, prepare=True):
        unknown[source] += count * is_unknown
        for flag in _named(fields, FLAG):
            flags[source][flag] += count
    return {source: Flagged(count, flags[source]) for source, count in unknown.items()}


def read_days(
    connection: Connected, source: UUID, first: date | None = None, last: date | None = None
) -> list[DayCount]:
    """The days on which touchpoints of the source happened, from the first to the last, both included."""
    chosen = {"source": source, "first": first, "last": last, "unknown": UNKNOWN_NAME}
    return [DayCount(*row) for row in connection.execute(_DAYS, chosen, prepare=True)]


def read_events(
    connection: Connected, source: UUID, first: date | None = None, last: date | None = None
) -> list[EventQuality]:
    """The completeness of each event name of the source; fields that were never seen are not there."""
    chosen = {"source": source, "first": first, "last": last}
    by_name: defaultdict[str, list[tuple[Sequence[str], int]]] = defaultdict(list)
    for name, fields, count in connection.execute(_EVENTS, chosen, prepare=True):
        by_name[name].append((fields, count))
    return [event_quality(name, shapes) for name, shapes in by_name.items()]


def event_quality(name: str, shapes: Sequence[tuple[Sequence[str], int]]) -> EventQuality:
    """Sums up the shapes of one event name, each with its number of touchpoints."""
    total = sum(count for _, count in shapes)
    sums: Counter[tuple[str, str]] = Counter()
    for fields, count in shapes:
        for each in fields:
            kind, _, field = each.partition(":")
            sums[kind, field] += count
    unreadable = sums[FLAG, UNREADABLE]
    return EventQuality(
        name,
        total,
        [
            FieldCount(kind, field, count, total - unreadable if kind == TRAIT else total)
            for (kind, field), count in sorted(sums.items())
            if kind != FLAG
        ],
        {field: count for (kind, field), count in sorted(sums.items()) if kind == FLAG and count},
    )


def _named(fields: Sequence[str], kind: str) -> list[str]:
    return [each.partition(":")[2] for each in fields if each.startswith(f"{kind}:")]
