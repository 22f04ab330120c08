"""Making projections ready to run: tables, checkpoints, and which of them must be built anew."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping

from cdp.log.events import Head
from projections.checkpoint import TABLES, Checkpoint, forget_parked, read_checkpoints, write_checkpoint
from projections.contract import Connected, Projection, Surroundings
from projections.publication import empty, install, publish

Projections = Mapping[str, Projection]
Checkpoints = dict[str, Checkpoint]

_logger = logging.getLogger(__name__)


def prepare(connection: Connected, projections: Projections, surroundings: Surroundings, head: Head) -> Checkpoints:
    """Makes missing tables and gives the checkpoint of each projection, in the order given.

    A projection is emptied and begins at position 0 where its rows cannot be continued: it is new, its configuration
    changed, its checkpoint is of another incarnation of the log or past its head, or it is ahead of what it requires.
    """
    connection.execute(TABLES)
    stored = read_checkpoints(connection)
    ready: Checkpoints = {}
    for name, projection in projections.items():
        install(connection, projection)
        configuration = projection.configuration(surroundings)
        checkpoint = stored.get((name, projection.version))
        cause = _cause_to_rebuild(checkpoint, configuration, head, [ready[each] for each in projection.requires])
        if cause is None and checkpoint is not None:
            ready[name] = checkpoint
        else:
            _logger.info("building %s version %d: %s", name, projection.version, cause)
            first = Checkpoint(name, projection.version, configuration, head.incarnation)
            ready[name] = _begin(connection, projection, checkpoint or first, configuration, head)
    return publish_ready(connection, projections, ready)


def _cause_to_rebuild(
    checkpoint: Checkpoint | None, configuration: str, head: Head, required: list[Checkpoint]
) -> str | None:
    if checkpoint is None:
        return "it has no checkpoint"
    if checkpoint.configuration != configuration:
        return f"its configuration changed from {checkpoint.configuration!r} to {configuration!r}"
    if checkpoint.incarnation != head.incarnation:
        return "its checkpoint is of another incarnation of the log, which was restored since"
    if checkpoint.position > head.position:
        return f"its checkpoint {checkpoint.position} is past the head of the log, {head.position}"
    if any(checkpoint.position > each.position for each in required):
        return "what it requires is built anew"
    return None


def _begin(
    connection: Connected, projection: Projection, old: Checkpoint, configuration: str, head: Head
) -> Checkpoint:
    fresh = dataclasses.replace(old.restarted(configuration, head.incarnation), live=head.position == 0)
    with connection.transaction():
        empty(connection, projection)
        forget_parked(connection, fresh)
        write_checkpoint(connection, fresh)
    return fresh


def publish_ready(connection: Connected, projections: Projections, checkpoints: Checkpoints) -> Checkpoints:
    """Points the stable views at every version that has caught up, or that nobody could see an older version of."""
    waiting = [checkpoint for checkpoint in checkpoints.values() if not checkpoint.published]
    if not waiting:
        return checkpoints
    shown = {name for (name, _), each in read_checkpoints(connection).items() if each.published}
    ready = [each for each in waiting if each.live or each.projection not in shown]
    return {**checkpoints, **{each.projection: _publish(connection, projections, each) for each in ready}}


def _publish(connection: Connected, projections: Projections, checkpoint: Checkpoint) -> Checkpoint:
    published = dataclasses.replace(checkpoint, published=True)
    with connection.transaction():
        publish(connection, projections[checkpoint.projection])
        write_checkpoint(connection, published)
    return published
