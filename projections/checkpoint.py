"""Checkpoints: how far each projection has come, in which incarnation of the log and in which database schema.

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
    schema text not null,
    configuration text not null,
    incarnation uuid not null,
    position bigint not null,
    recorded_at timestamptz,
    live boolean not null,
    published boolean not null,
    primary key (schema)
);
create table if not exists engine.parked (
    projection text not null,
    version integer not null,
    position bigint not null,
    error text not null,
    primary key (projection, version, position)
);
create table if not exists engine.parked_keys (
    projection text not null,
    version integer not null,
    key bigint not null,
    position bigint not null,
    primary key (projection, version, key)
);
create table if not exists engine.requests (
    projection text not null,
    kind text not null,
    primary key (projection, kind)
);
create table if not exists engine.failures (
    projection text not null,
    version integer not null,
    position bigint not null,
    error text not null,
    primary key (projection)
);
"""
_UPGRADE = """
do $$
begin
    if exists (
        select from information_schema.tables
        where table_schema = 'engine'
            and table_name = 'checkpoints'
    ) and not exists (
        select from information_schema.columns
        where table_schema = 'engine'
            and table_name = 'checkpoints'
            and column_name = 'schema'
    ) then
        alter table engine.checkpoints add column schema text;
        update engine.checkpoints set schema = projection || '_v' || version;
        alter table engine.checkpoints drop constraint checkpoints_pkey;
        alter table engine.checkpoints add primary key (schema);
    end if;
end
$$
"""
"""Takes the table of an older release over: it had no column for the schema."""

_COLUMNS = "projection, version, schema, configuration, incarnation, position, recorded_at, live, published"
_WRITE = f"""
insert into engine.checkpoints ({_COLUMNS})
values (%(projection)s, %(version)s, %(schema)s, %(configuration)s, %(incarnation)s, %(position)s, %(recorded_at)s,
    %(live)s, %(published)s)
on conflict (schema)
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
set position = %(position)s, recorded_at = %(recorded_at)s
where schema = %(schema)s
    and incarnation = %(incarnation)s
    and position = %(expected)s
"""


class LeadershipLost(Exception):
    """Another projector has moved a checkpoint: this one must step back and read the checkpoints again."""

    def __init__(self, projection: str, expected: int) -> None:
        super().__init__(
            f"the checkpoint of {projection} is no longer at position {expected}: another projector leads; standing by"
        )


@dataclass(frozen=True)
class Checkpoint:
    """How far the rows in one schema have come.

    `recorded_at` is the time of the event at `position`. `live` is set once a build is complete: from then on an event
    that cannot be digested is parked, while in a build it is fatal. `published` says that the stable views show these
    rows; until a build is complete they show those of before, unless there were none.
    """

    projection: str
    version: int
    schema: str
    configuration: str
    incarnation: UUID
    position: int = 0
    recorded_at: datetime | None = None
    live: bool = False
    published: bool = False

    def moved(self, position: int, recorded_at: datetime) -> Checkpoint:
        """The checkpoint after the event at `position`."""
        return dataclasses.replace(self, position=position, recorded_at=recorded_at)


def make_tables(connection: Connected) -> None:
    """Makes the engine's own tables where they are missing."""
    with connection.transaction():
        connection.execute(_UPGRADE)
        connection.execute(TABLES)


def read_checkpoints(connection: Connected) -> list[Checkpoint]:
    """All checkpoints, by projection and schema; empty where no projector ever ran."""
    row = connection.execute("select to_regclass('engine.requests') is not null").fetchone()
    if row is None or not row[0]:
        return []
    rows = connection.execute(f"select {_COLUMNS} from engine.checkpoints order by projection, schema")
    return [Checkpoint(*row) for row in rows]


def write_checkpoint(connection: Connected, checkpoint: Checkpoint) -> None:
    """Sets a checkpoint whatever it was: for the beginning and the end of a build."""
    connection.execute(_WRITE, dataclasses.asdict(checkpoint))


def advance_checkpoint(connection: Connected, old: Checkpoint, new: Checkpoint) -> None:
    """Moves a checkpoint on. Raises `LeadershipLost` if it is not where `old` says."""
    updated = connection.execute(_ADVANCE, {**dataclasses.asdict(new), "expected": old.position}, prepare=True)
    if updated.rowcount != 1:
        raise LeadershipLost(old.projection, old.position)


def forget_checkpoints(connection: Connected, projection: str) -> None:
    """Removes what the engine knows of a projection: its checkpoints, what was parked, asked for and failed."""
    for table in ("checkpoints", "parked", "parked_keys", "requests", "failures"):
        connection.execute(f"delete from engine.{table} where projection = %s", [projection])
