"""Checkpoints: how far each projection has come, in which incarnation of the log, and what it had to leave out.

A checkpoint is written in the transaction of the rows that it vouches for, on condition that it still has its old
value, so two projectors can never both advance it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from projections.contract import Connected

TABLES = """
create schema if not exists engine;
create table if not exists engine.checkpoints (
    projection text not null,
    version integer not null,
    configuration text not null,
    incarnation uuid not null,
    position bigint not null,
    recorded_at timestamptz,
    live boolean not null,
    published boolean not null,
    primary key (projection, version)
);
create table if not exists engine.parked (
    projection text not null,
    version integer not null,
    position bigint not null,
    error text not null,
    primary key (projection, version, position)
);
"""

_COLUMNS = "projection, version, configuration, incarnation, position, recorded_at, live, published"
_WRITE = f"""
insert into engine.checkpoints ({_COLUMNS})
values (%(projection)s, %(version)s, %(configuration)s, %(incarnation)s, %(position)s, %(recorded_at)s, %(live)s,
    %(published)s)
on conflict (projection, version)
do update set
    configuration = excluded.configuration,
    incarnation = excluded.incarnation,
    position = excluded.position,
    recorded_at = excluded.recorded_at,
    live = excluded.live,
    published = excluded.published
"""
_ADVANCE = """
update engine.checkpoints
set position = %(position)s, recorded_at = %(recorded_at)s, live = %(live)s
where projection = %(projection)s
    and version = %(version)s
    and incarnation = %(incarnation)s
    and position = %(expected)s
"""
_PARK = """
insert into engine.parked (projection, version, position, error)
values (%s, %s, %s, %s)
on conflict do nothing
"""


class LeadershipLost(Exception):
    """Another projector has moved a checkpoint: this one must step back and read the checkpoints again."""

    def __init__(self, projection: str, expected: int) -> None:
        super().__init__(
            f"the checkpoint of {projection} is no longer at position {expected}: another projector leads; standing by"
        )


@dataclass(frozen=True)
class Checkpoint:
    """How far a projection's version has come.

    `recorded_at` is the time of the event at `position`. `live` is set once it has reached the head: from then on an
    event that it cannot digest is parked, while in a rebuild it is fatal. `published` says that the stable views show
    this version.
    """

    projection: str
    version: int
    configuration: str
    incarnation: UUID
    position: int = 0
    recorded_at: datetime | None = None
    live: bool = False
    published: bool = False

    def moved(self, position: int, recorded_at: datetime, head: int) -> Checkpoint:
        """The checkpoint after the event at `position`, with the head of the log where it is."""
        return dataclasses.replace(self, position=position, recorded_at=recorded_at, live=self.live or position >= head)

    def restarted(self, configuration: str, incarnation: UUID) -> Checkpoint:
        """The checkpoint of a rebuild."""
        fresh = Checkpoint(self.projection, self.version, configuration, incarnation)
        return dataclasses.replace(fresh, published=self.published)


def read_checkpoints(connection: Connected) -> dict[tuple[str, int], Checkpoint]:
    """All checkpoints, by projection and version; empty where no projector ever ran."""
    row = connection.execute("select to_regclass('engine.checkpoints') is not null").fetchone()
    if row is None or not row[0]:
        return {}
    rows = connection.execute(f"select {_COLUMNS} from engine.checkpoints order by projection, version")
    return {(row[0], row[1]): Checkpoint(*row) for row in rows}


def write_checkpoint(connection: Connected, checkpoint: Checkpoint) -> None:
    """Sets a checkpoint whatever it was: for the beginning of a build."""
    connection.execute(_WRITE, dataclasses.asdict(checkpoint))


def advance_checkpoint(connection: Connected, old: Checkpoint, new: Checkpoint) -> None:
    """Moves a checkpoint on. Raises `LeadershipLost` if it is not where `old` says."""
    updated = connection.execute(_ADVANCE, {**dataclasses.asdict(new), "expected": old.position}, prepare=True)
    if updated.rowcount != 1:
        raise LeadershipLost(old.projection, old.position)


def park(connection: Connected, checkpoint: Checkpoint, position: int, error: BaseException) -> None:
    """Notes that a projection left out the event at `position`. Of the error only the type is kept: no data."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    connection.execute(_PARK, [checkpoint.projection, checkpoint.version, position, kind])


def forget_parked(connection: Connected, checkpoint: Checkpoint) -> None:
    """A rebuild starts without parked events."""
    connection.execute(
        "delete from engine.parked where projection = %s and version = %s", [checkpoint.projection, checkpoint.version]
    )
