"""Which profiles a batch shows, on which days and in which places, as far as that is new.

What was seen is remembered, so that a touchpoint of somebody known, on a day and in a place that are known, asks
nothing of the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from cdp.log.touchpoint import Touchpoint
from cdp.vault.recent import Recent
from projections.contract import Connected
from projections.search.statements import HOLDERS, STATES, in_schemas

REMEMBERED = 200_000
"""Subjects and profiles, each, that are remembered."""

_QUARTER = 900
"""Seconds in which no time zone changes its offset or its day: each offset is a multiple of a quarter of an hour."""


class State(NamedTuple):
    """What is known of a profile: the last day on which it was seen, and all its places."""

    newest: date
    places: frozenset[str]


Moment = tuple[datetime, str]


class Sight(NamedTuple):
    """A touchpoint as a search sees it."""

    subject: int
    day: date
    place: str
    touchpoint: Touchpoint

    @property
    def moment(self) -> Moment:
        """What orders it among the touchpoints of its subject."""
        header = self.touchpoint.header
        return header.effective_at, header.id


class Holder(NamedTuple):
    """Whose a subject's touchpoints are, from one moment to another; None is open."""

    start: Moment | None
    end: Moment | None
    profile: str

    def has(self, moment: Moment) -> bool:
        """Whether a touchpoint at this moment is the profile's."""
        return (self.start is None or self.start <= moment) and (self.end is None or moment < self.end)


@dataclass
class News:
    """What a batch shows for the first time.

    `days` are later than any known of their profile, `late` ones may be known; each with the position that shows it.
    `places` are those that are new, by profile.
    """

    days: list[tuple[str, date, int]] = field(default_factory=list)
    late: dict[tuple[str, date], int] = field(default_factory=dict)
    places: dict[str, set[str]] = field(default_factory=dict)


class Sightings:
    """Turns batches into news, and remembers what it was told and what it looked up."""

    def __init__(self, schemas: Mapping[str, str], timezone: ZoneInfo) -> None:
        self._holders, self._states = (in_schemas(statement, schemas) for statement in (HOLDERS, STATES))
        self._timezone = timezone
        self._days: dict[int, date] = {}
        self._places: dict[tuple[str, int], str] = {}
        self._subjects: Recent[int, tuple[str, int]] = Recent(REMEMBERED)
        self._profiles: Recent[str, tuple[State, int]] = Recent(REMEMBERED)
        self._moved: dict[str, int] = {}
        self._batch = 0

    def news(self, connection: Connected, touchpoints: Iterable[Touchpoint], moved: Collection[str]) -> News:
        """What the touchpoints show for the first time, but for profiles that identity moved with this batch."""
        self._forget(moved)
        sights = [self._sight(each) for each in touchpoints if each.header.subject is not None]
        profiles = self._profiles_of(connection, sights)
        states = self._states_of(connection, {each for each in profiles if each is not None}.difference(moved))
        news, before = News(), dict(states)
        for sight, profile in zip(sights, profiles, strict=True):
            if profile is not None and profile not in moved:
                states[profile] = _seen(news, profile, states.get(profile), sight)
        self._remember({profile: state for profile, state in states.items() if state is not before.get(profile)})
        return news

    def _forget(self, moved: Collection[str]) -> None:
        """Whatever was known of profiles that moved, and of subjects that belonged to them, holds no longer."""
        self._batch += 1
        if len(self._moved) + len(moved) > REMEMBERED:
            self._subjects, self._profiles, self._moved = Recent(REMEMBERED), Recent(REMEMBERED), {}
        self._moved.update(dict.fromkeys(moved, self._batch))

    def _sight(self, touchpoint: Touchpoint) -> Sight:
        header = touchpoint.header
        place = self._places.get(key := (header.channel, header.source.int))
        if place is None:
            place = self._places[key] = f"{header.channel} {header.source}"
        day = self._days.get(quarter := int(header.effective_at.timestamp()) // _QUARTER)
        if day is None:
            local = datetime.fromtimestamp(quarter * _QUARTER, UTC).astimezone(self._timezone)
            day = self._days[quarter] = local.date()
        return Sight(header.subject or 0, day, place, touchpoint)

    def _profiles_of(self, connection: Connected, sights: Sequence[Sight]) -> list[str | None]:
        """Whose each sight is."""
        subjects = {sight.subject for sight in sights}
        known = {
            subject: profile
            for subject, (profile, batch) in self._subjects.pick(subjects).items()
            if self._moved.get(profile, 0) <= batch
        }
        unknown = self._look_up(connection, subjects - known.keys())
        alone = {
            subject: holders[0].profile
            for subject, holders in unknown.items()
            if len(holders) == 1 and holders[0].start is holders[0].end is None
        }
        self._subjects.put({subject: (profile, self._batch) for subject, profile in alone.items()})
        known |= alone
        return [known.get(sight.subject) or _holder(unknown.get(sight.subject, ()), sight.moment) for sight in sights]

    def _look_up(self, connection: Connected, subjects: Collection[int]) -> dict[int, list[Holder]]:
        found: dict[int, list[Holder]] = {}
        if subjects:
            for subject, from_at, from_event, to_at, to_event, profile in _rows(connection, self._holders, subjects):
                start = None if from_at is None else (from_at, from_event)
                end = None if to_at is None else (to_at, to_event)
                found.setdefault(subject, []).append(Holder(start, end, profile))
        return found

    def _states_of(self, connection: Connected, profiles: Collection[str]) -> dict[str, State]:
        """What is known of these profiles; those never seen are left out."""
        known = {
            profile: state
            for profile, (state, batch) in self._profiles.pick(profiles).items()
            if self._moved.get(profile, 0) <= batch
        }
        if unknown := [profile for profile in profiles if profile not in known]:
            rows = _rows(connection, self._states, unknown)
            found = {profile: State(newest, frozenset(places)) for profile, newest, places in rows}
            self._remember(found)
            known |= found
        return known

    def _remember(self, states: Mapping[str, State]) -> None:
        self._profiles.put({profile: (state, self._batch) for profile, state in states.items()})


def _seen(news: News, profile: str, state: State | None, sight: Sight) -> State:
    """The state of a profile after a sight; adds to the news what is new."""
    if state is None:
        news.days.append((profile, sight.day, sight.touchpoint.position))
        news.places[profile] = {sight.place}
        return State(sight.day, frozenset((sight.place,)))
    newest, places = state
    if sight.day > newest:
        news.days.append((profile, sight.day, sight.touchpoint.position))
        newest = sight.day
    elif sight.day < newest:
        news.late.setdefault((profile, sight.day), sight.touchpoint.position)
    if sight.place not in places:
        news.places.setdefault(profile, set()).add(sight.place)
        places |= {sight.place}
    return state if newest is state.newest and places is state.places else State(newest, places)


def _holder(holders: Iterable[Holder], moment: tuple[datetime, str]) -> str | None:
    return next((each.profile for each in holders if each.has(moment)), None)


def _rows(connection: Connected, statement: str, keys: Collection[Any]) -> list[tuple[Any, ...]]:
    return connection.execute(statement, [list(keys)], prepare=True, binary=True).fetchall()
