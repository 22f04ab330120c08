"""How far projections are behind the log, in events and in seconds."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from cdp.postgres.databases import Pool
from projections.checkpoint import Checkpoint, read_checkpoints
from projections.engine import Reader

_PARKED = """
select projection, version, count(*)
from engine.parked
group by projection, version
"""


class Lag(NamedTuple):
    """How far one version of a projection is behind.

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


def lag(read: Pool, reader: Reader, now: datetime) -> list[Lag]:
    """The lag of every projection, by name; empty when no projector ever ran."""
    with read.connection() as connection:
        checkpoints = read_checkpoints(connection)
        rows = connection.execute(_PARKED).fetchall() if checkpoints else []
    parked = {(projection, version): count for projection, version, count in rows}
    waiting = {each.position: _seconds_behind(reader, each.position, now) for each in checkpoints.values()}
    head = reader.head().position
    return [_lag(each, head, waiting[each.position], parked.get(key, 0)) for key, each in checkpoints.items()]


def _seconds_behind(reader: Reader, position: int, now: datetime) -> float:
    unseen = reader.read(position, 1)
    return max((now - unseen[0].recorded_at).total_seconds(), 0.0) if unseen else 0.0


def _lag(checkpoint: Checkpoint, head: int, seconds: float, parked: int) -> Lag:
    events = max(head - checkpoint.position, 0)
    return Lag(checkpoint.projection, checkpoint.version, checkpoint.position, events, seconds, parked, checkpoint.live)
