"""How far projections are behind the log, in events and in seconds, and what is built beside them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cdp.postgres.databases import Pool
from projections.checkpoint import Checkpoint, read_checkpoints
from projections.contract import Connected
from projections.track import Reader

_PARKED = """
select projection, count(*)
from engine.parked
group by projection
"""
_PARKED_KEYS = """
select projection, count(*)
from engine.parked_keys
group by projection
"""
_FAILURES = """
select projection, version, position, error
from engine.failures
"""
LIVE, BUILDING, FAILED = "live", "building", "failed"


class Lag(NamedTuple):
    """How far a projection is behind: the version that is served, or one that is built while none is served.

    `events` is how many events it has not seen, `seconds` how long the oldest of them has been waiting, `parked` how
    many events it had to leave out.
    """

    projection: str
    version: int
    position: int
    events: int
    seconds: float
    parked: int
    live: bool


class Build(NamedTuple):
    """A version that is built: where it is of `head` events."""

    version: int
    position: int
    head: int


class Failure(NamedTuple):
    """Where the build of a version failed, and the type of the error."""

    version: int
    position: int
    error: str


class Standing(NamedTuple):
    """What is served of a projection, what is built, what was left out.

    `state` is `live`; `building`: a version is built, beside what is served or for the first time; `failed`: the build
    was given up at an event.
    """

    lag: Lag
    state: str
    build: Build | None
    failure: Failure | None
    parked_keys: int


def lag(read: Pool, reader: Reader, now: datetime) -> list[Lag]:
    """The lag of every projection, by name; empty when no projector ever ran."""
    with read.connection() as connection:
        checkpoints = read_checkpoints(connection)
        parked = _counts(connection, _PARKED) if checkpoints else {}
    return _lags(checkpoints, parked, reader, now)


def standings(read: Pool, reader: Reader, now: datetime) -> list[Standing]:
    """How every projection stands, by name; empty when no projector ever ran."""
    with read.connection() as connection:
        checkpoints = read_checkpoints(connection)
        if not checkpoints:
            return []
        parked, keys = _counts(connection, _PARKED), _counts(connection, _PARKED_KEYS)
        failures = {row[0]: Failure(*row[1:]) for row in connection.execute(_FAILURES)}
    head = reader.head().position
    builds = {each.projection: Build(each.version, each.position, head) for each in checkpoints if not each.live}
    return [
        Standing(each, _state(each, builds, failures), builds.get(name), failures.get(name), keys.get(name, 0))
        for each in _lags(checkpoints, parked, reader, now)
        for name in [each.projection]
    ]


def _state(served: Lag, builds: dict[str, Build], failures: dict[str, Failure]) -> str:
    if served.projection in builds:
        return BUILDING
    return FAILED if served.projection in failures else LIVE


def _counts(connection: Connected, query: str) -> dict[str, int]:
    return {name: count for name, count in connection.execute(query)}  # noqa: C416 - a cursor has no keys


def _lags(checkpoints: list[Checkpoint], parked: dict[str, int], reader: Reader, now: datetime) -> list[Lag]:
    unserved = {each.projection: each for each in checkpoints}
    served = {**unserved, **{each.projection: each for each in checkpoints if each.published}}
    waiting = {position: _seconds_behind(reader, position, now) for position in {e.position for e in served.values()}}
    head = reader.head().position
    return [_lag(each, head, waiting[each.position], parked.get(name, 0)) for name, each in sorted(served.items())]


def _seconds_behind(reader: Reader, position: int, now: datetime) -> float:
    unseen = reader.read(position, 1)
    return max((now - unseen[0].recorded_at).total_seconds(), 0.0) if unseen else 0.0


def _lag(checkpoint: Checkpoint, head: int, seconds: float, parked: int) -> Lag:
    events = max(head - checkpoint.position, 0)
    return Lag(checkpoint.projection, checkpoint.version, checkpoint.position, events, seconds, parked, checkpoint.live)
