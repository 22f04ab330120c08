"""How projections stand, in the form in which the command line and HTTP answer."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from cdp.platform import Platform
from projections.lag import Standing, standings
from projections.parking import read_parked
from projections.requests import UnknownProjection

SHOWN = 1_000
"""How many parked events are shown at once; they are the earliest."""


class BuildAnswer(BaseModel):
    """A version that is built."""

    version: int
    position: int
    head: int


class FailureAnswer(BaseModel):
    """Where a build was given up. `error` is a type: data is never kept."""

    version: int
    position: int
    error: str


class ProjectionAnswer(BaseModel):
    """A projection: what is served of it, what is built, what was left out."""

    name: str
    state: str = Field(description="live, building or failed")
    version: int = Field(description="the version that is served")
    position: int
    events_behind: int
    seconds_behind: float
    build: BuildAnswer | None
    failure: FailureAnswer | None
    parked: int = Field(description="events left out, because they or an earlier one of their key cannot be digested")
    parked_keys: int


class ParkedAnswer(BaseModel):
    """An event that was left out."""

    position: int
    error: str


class ParkedEvents(BaseModel):
    """The events that a projection left out, the earliest first."""

    projection: str
    parked: int
    events: list[ParkedAnswer]


def projections_of(platform: Platform) -> list[ProjectionAnswer]:
    """All projections, by name; none before a projector ran."""
    return [_answer(each) for each in standings(platform.databases.read, platform.reader, datetime.now(UTC))]


def projection_of(platform: Platform, name: str) -> ProjectionAnswer:
    """One projection. Raises `UnknownProjection`."""
    every = projections_of(platform)
    for each in every:
        if each.name == name:
            return each
    raise UnknownProjection(name, [each.name for each in every])


def parked_of(platform: Platform, name: str) -> ParkedEvents:
    """What a projection left out. Raises `UnknownProjection`."""
    answer = projection_of(platform, name)
    with platform.databases.read.connection() as connection:
        events = [ParkedAnswer(**each._asdict()) for each in read_parked(connection, name, SHOWN)]
    return ParkedEvents(projection=name, parked=answer.parked, events=events)


def _answer(standing: Standing) -> ProjectionAnswer:
    lag = standing.lag
    return ProjectionAnswer(
        name=lag.projection,
        state=standing.state,
        version=lag.version,
        position=lag.position,
        events_behind=lag.events,
        seconds_behind=lag.seconds,
        build=BuildAnswer(**standing.build._asdict()) if standing.build else None,
        failure=FailureAnswer(**standing.failure._asdict()) if standing.failure else None,
        parked=lag.parked,
        parked_keys=standing.parked_keys,
    )
