"""Building everything again at once: empty tables, as an engine would make them, without the price of making them."""

from __future__ import annotations

from uuid import UUID

from projections.checkpoint import Checkpoint, read_checkpoints
from projections.contract import Connected
from projections.publication import relations


def begin_again(connection: Connected, incarnation: UUID) -> None:
    """Has projections of another incarnation of the log begin at position 0 of this one, with empty tables.

    An engine would build them beside what is served, which is right and dear: tests that replay one drawn log after
    the other need only the end of it. Tests of builds let the engine do it.
    """
    found = read_checkpoints(connection)
    if all(each.incarnation == incarnation for each in found) or not all(each.live for each in found):
        return
    with connection.transaction():
        for each in found:
            _empty(connection, each)
        for table in ("parked", "parked_keys", "requests", "failures"):
            connection.execute(f"delete from engine.{table}")
        connection.execute(
            "update engine.checkpoints set incarnation = %s, position = 0, recorded_at = null, live = false",
            [incarnation],
        )


def _empty(connection: Connected, checkpoint: Checkpoint) -> None:
    tables = relations(connection, checkpoint.schema, "r")
    connection.execute("; ".join(f"delete from {checkpoint.schema}.{table}" for table in tables))
