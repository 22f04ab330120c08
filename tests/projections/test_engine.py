"""The engine: batches of any size, restarts, two leaders, a restored log."""

from __future__ import annotations

import dataclasses
from datetime import timedelta

import psycopg
import pytest

from cdp.postgres.databases import Databases
from projections.checkpoint import LeadershipLost, advance_checkpoint
from projections.lag import lag
from tests.projections.world import START, World, catch_up, dump, erase, rows_of


@pytest.fixture
def world() -> World:
    """Some touchpoints of three people in four channels."""
    world = World()
    for day in range(4):
        at = 24.0 * day
        world.see({"anonymous_id": "a1"}, at=at)
        world.see({"anonymous_id": "a1", "user_id": "u1"}, "User Identified", at=at + 1, traits={"city": f"c{day}"})
        world.see({"email": "one@shop.com", "user_id": "u1"}, at=at + 2, channel="email", source="mailer")
        world.see(
            {"loyalty_card": f"k{day % 2}"},
            "Order Completed",
            at=at + 3,
            channel="store",
            source="till",
            properties={"total": "12.50", "currency": "TRY", "products": [{"quantity": 2}]},
        )
    return world


def test_batches_of_any_size_give_the_same_rows(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        dumps = []
        for batch_size in (1, 3, 5_000):
            # Given an empty read database
            erase(connection)
            # When the log is projected in batches of this size
            catch_up(world.engine(connection, batch_size=batch_size))
            dumps.append(dump(connection))
        # Then the rows are the same
        assert dumps[0] == dumps[1] == dumps[2]
        assert all(any(rows for table, rows in dumps[0].items() if table.startswith(n)) for n in ("sales", "identity"))


def test_a_new_engine_goes_on_where_the_old_one_was_killed(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        # Given an engine that stopped after its first batch
        world.engine(connection, batch_size=5).step()
        # When another takes over
        engine = world.engine(connection)
        assert {checkpoint.position for checkpoint in engine.checkpoints.values()} == {5}
        catch_up(engine)
        taken_over = dump(connection)
        # Then the rows are those of one run
        erase(connection)
        catch_up(world.engine(connection))
        assert dump(connection) == taken_over


def test_a_batch_that_fails_half_way_leaves_nothing(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        # Given an engine whose database goes away while a batch is written
        engine = world.engine(connection)
        before = dump(connection)

        def gone(numbers: object) -> None:
            raise psycopg.OperationalError("gone")

        engine._builds._writers["identity"]._values = gone  # type: ignore[attr-defined]
        with pytest.raises(psycopg.OperationalError):
            engine.step()
        # Then neither rows nor checkpoints moved
        assert dump(connection) == before
        assert rows_of(connection, "select distinct position from engine.checkpoints") == [(0,)]


def test_a_second_leader_is_refused(databases: Databases, world: World) -> None:
    with databases.read.connection() as first, databases.read.connection() as second:
        # Given two engines that both believe to lead
        old, new = world.engine(first), world.engine(second)
        new.step()
        # When the one that did not move the checkpoint writes
        with pytest.raises(LeadershipLost):
            old.step()
        # Then what the other wrote is all there is
        once = dump(second)
        erase(second)
        catch_up(world.engine(second))
        assert dump(second) == once


def test_a_checkpoint_moves_only_from_its_old_value(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        checkpoint = world.engine(connection).checkpoints["sales"]
        elsewhere = dataclasses.replace(checkpoint, position=7)
        with pytest.raises(LeadershipLost, match="no longer at position 7"):
            advance_checkpoint(connection, elsewhere, elsewhere.moved(8, START))


def test_a_restored_log_forces_a_rebuild(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        # Given projections of a log that is then restored to an earlier state, and goes on otherwise
        engine = world.engine(connection)
        catch_up(engine)
        restored = world.restored_to(6)
        for _ in range(len(world.touchpoints)):
            restored.see({"user_id": "u9"}, "Order Completed", properties={"total": 1})
        # When a new engine finds the other incarnation
        catch_up(restored.engine(connection, at_once=False))
        # Then nothing of the former is left
        rebuilt = dump(connection)
        erase(connection)
        catch_up(restored.engine(connection))
        assert dump(connection) == rebuilt


def test_a_running_engine_notices_that_the_log_was_restored(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        engine = world.engine(connection)
        catch_up(engine)
        restored = world.restored_to(6)
        world.touchpoints, world.incarnation = restored.touchpoints, restored.incarnation
        catch_up(engine)
        assert rows_of(connection, "select max(position) from timeline.touchpoints") == [(6,)]


@pytest.mark.unbuilt
def test_lag_counts_events_and_seconds(databases: Databases, world: World) -> None:
    with databases.read.connection() as connection:
        assert lag(databases.read, world, START) == []
        engine = world.engine(connection, batch_size=10)
        engine.step()
        now = world.touchpoints[10].recorded_at + timedelta(seconds=3)
        behind = lag(databases.read, world, now)
        assert {(each.position, each.events, each.seconds) for each in behind} == {(10, 6, 3.0)}
        catch_up(engine)
        assert {(each.events, each.seconds, each.live) for each in lag(databases.read, world, now)} == {(0, 0.0, True)}
