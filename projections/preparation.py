"""Making projections ready to run: tables and checkpoints as the plan says, and leftovers removed."""

from __future__ import annotations

import logging
from collections.abc import Collection

from cdp.log.events import Head
from projections.checkpoint import forget_checkpoints, read_checkpoints, write_checkpoint
from projections.contract import Connected, Projection
from projections.plan import Plan, Planning
from projections.publication import (
    drop_projection,
    drop_schema,
    empty,
    install,
    own_schemas,
    provide,
    publish,
    swapping,
)
from projections.requests import REBUILD, Request
from projections.track import Workplace

_logger = logging.getLogger(__name__)


def prepare(
    work: Workplace, head: Head, requests: Collection[Request], given_up: Collection[frozenset[str]] = ()
) -> Plan:
    """Makes what is missing, removes what nobody needs, and says what goes on and what is built."""
    connection, projections = work.connection, work.projections
    stored = read_checkpoints(connection)
    for name in sorted({each.projection for each in stored} - projections.keys()):
        _remove(connection, name)
    plan = Planning(
        projections=projections,
        configurations={name: each.configuration(work.surroundings) for name, each in projections.items()},
        stored=stored,
        head=head,
        asked={request.projection for request in requests if request.kind == REBUILD},
        given_up=given_up,
    ).plan()
    _clear(connection, plan, projections)
    for name, checkpoint in plan.live.items():
        install(connection, projections[name], checkpoint.schema)
    for name in projections:
        provide(connection, name)
    for name in plan.building:
        _begin(connection, plan, projections[name], fresh=name in plan.fresh)
    return plan


def _remove(connection: Connected, name: str) -> None:
    """Drops what is left of a projection that no folder declares any more."""
    _logger.warning("the projection %s is no longer declared: its tables are dropped", name)
    with connection.transaction(), swapping(connection):
        drop_projection(connection, name)
        forget_checkpoints(connection, name)


def _clear(connection: Connected, plan: Plan, projections: Collection[str]) -> None:
    """Drops unfinished builds that cannot go on, and schemas that no checkpoint vouches for."""
    kept = {each.schema for each in (*plan.live.values(), *plan.building.values())}
    with connection.transaction():
        for checkpoint in plan.obsolete:
            connection.execute("delete from engine.checkpoints where schema = %s", [checkpoint.schema])
        kept |= {each.schema for each in read_checkpoints(connection)}
        for name in projections:
            for schema in own_schemas(connection, name):
                if schema not in kept:
                    drop_schema(connection, schema)


def _begin(connection: Connected, plan: Plan, projection: Projection, fresh: bool) -> None:
    checkpoint = plan.building[projection.name]
    install(connection, projection, checkpoint.schema)
    if not fresh:
        _logger.info("building %s goes on at position %d", checkpoint.schema, checkpoint.position)
        return
    cause = plan.causes.get(projection.name, "what is built anew requires it")
    _logger.info("building %s version %d: %s", projection.name, projection.version, cause)
    with connection.transaction(), swapping(connection):
        empty(connection, checkpoint.schema)
        write_checkpoint(connection, checkpoint)
        if checkpoint.published:
            publish(connection, projection.name, checkpoint.schema)
