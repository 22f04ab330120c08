"""Builds: a version is built beside what is served and swapped in, with whatever hangs together with it."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from cdp.postgres.databases import Databases
from projections.checkpoint import make_tables, read_checkpoints
from projections.contract import Connected, Projection, schema_of
from projections.discovery import found_projections
from projections.engine import ProjectionFailed
from projections.lag import BUILDING, FAILED, LIVE, standings
from projections.publication import swapping
from projections.reading import BuiltBefore, snapshot
from projections.requests import REBUILD, Request, ask
from tests.projections.variants import Variant, found, with_requirements
from tests.projections.world import START, World, catch_up, dump, erase, rows_of

TIMELINE, QUALITY = found("timeline"), found("quality")


@pytest.fixture
def world() -> World:
    """A dozen touchpoints of two people."""
    world = World()
    for at in range(12):
        who = {"user_id": f"u{at % 2}"} if at % 3 else {"user_id": f"u{at % 2}", "email": f"{at % 2}@shop.com"}
        world.see(who, "User Identified", at=at, traits={"city": f"c{at}"})
    return world


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to an empty read database."""
    with databases.read.connection() as connection:
        yield connection


def raised(projection: Projection) -> Variant:
    """The same with its version raised."""
    return Variant(projection, version=projection.version + 1)


def shown(connection: Connected) -> int:
    """How many touchpoints the timeline shows."""
    [(count,)] = rows_of(connection, "select count(*) from timeline.touchpoints")
    return int(count)


def test_a_new_version_is_built_beside_the_old_one_which_is_served_meanwhile(
    connection: Connected, world: World
) -> None:
    # Given projections that are served
    catch_up(world.engine(connection, [TIMELINE, QUALITY]))
    # When one of them has a new version and touchpoints come in
    newer = raised(TIMELINE)
    engine = world.engine(connection, [newer, QUALITY], batch_size=5)
    world.see({"user_id": "u1"})
    engine.step()
    # Then its old rows stay as they were, and the other one goes on
    assert shown(connection) == 12
    assert engine.checkpoints["timeline"].position == 5
    assert rows_of(connection, "select sum(touchpoints) from quality.daily") == [(13,)]
    # And when the build has come as far, it takes the place of the old version
    catch_up(engine)
    assert shown(connection) == 13
    assert rows_of(connection, f"select to_regnamespace('{schema_of(TIMELINE)}') is null") == [(True,)]
    assert {each.schema for each in read_checkpoints(connection)} == {schema_of(newer), schema_of(QUALITY)}


def test_what_requires_a_new_version_is_built_with_it_and_swapped_in_together(
    connection: Connected, world: World
) -> None:
    # Given identity and what requires it, served
    before = with_requirements(found("profiles"))
    catch_up(world.engine(connection, before))
    rows = dump(connection, before)
    # When identity has a new version
    after = [raised(each) if each.name == "identity" else each for each in before]
    engine = world.engine(connection, after, batch_size=4)
    engine.step()
    profiles, identity = engine.checkpoints["profiles"], engine.checkpoints["identity"]
    assert profiles.position == identity.position == 4
    assert profiles.schema.endswith("_next")
    # Then both are served together, with the same rows
    catch_up(engine)
    assert rows_of(connection, "select count(distinct position) from engine.checkpoints") == [(1,)]
    renamed = {table.replace(schema_of(before[0]), schema_of(after[0])): each for table, each in rows.items()}
    assert dump(connection, after) == renamed


def test_what_a_new_version_requires_is_built_along_with_it_while_it_stays_served(
    connection: Connected, world: World
) -> None:
    # Given profiles, which require identity, in a new version
    projections = with_requirements(found("profiles"))
    catch_up(world.engine(connection, projections))
    newer = [raised(each) if each.name == "profiles" else each for each in projections]
    engine = world.engine(connection, newer, batch_size=4)
    world.see({"user_id": "u0", "email": "1@shop.com"}, at=3)
    # When the build is on its way
    engine.step()
    # Then identity that is served has seen everything, and the build sees the identity of its own position
    assert rows_of(connection, "select position from engine.checkpoints where projection = 'identity' and live") == [
        (13,)
    ]
    assert engine.checkpoints["identity"].position == engine.checkpoints["profiles"].position == 4
    catch_up(engine)
    built = dump(connection, newer)
    erase(connection)
    catch_up(world.engine(connection, newer))
    assert dump(connection, newer) == built


@pytest.mark.parametrize("name", [projection.name for projection in found_projections()])
def test_a_rebuild_on_request_gives_the_same_rows_while_the_old_ones_go_on(
    connection: Connected, world: World, name: str
) -> None:
    # Given a projection that is served, and asked to be built anew
    projections = with_requirements(found(name))
    engine = world.engine(connection, projections, batch_size=3)
    catch_up(engine)
    rows = dump(connection, projections)
    ask(connection, Request(name, REBUILD))
    # When the build is on its way, what is served goes on
    engine.step()
    assert engine.checkpoints[name].position == 3
    world.see({"user_id": "u1"})
    engine.step()
    live = {each.position for each in read_checkpoints(connection) if each.live}
    assert live == {13}
    # Then in the end there is one of each, with the rows of a replay
    catch_up(engine)
    assert rows_of(connection, "select count(*) from engine.requests") == [(0,)]
    assert not [each for each in read_checkpoints(connection) if each.schema.endswith("_next")]
    built = dump(connection, projections)
    assert built.keys() == rows.keys()
    erase(connection)
    catch_up(world.engine(connection, projections))
    assert dump(connection, projections) == built


def test_a_build_goes_on_where_its_projector_was_killed(connection: Connected, world: World) -> None:
    # Given a build that stopped on its way
    catch_up(world.engine(connection, [TIMELINE]))
    newer = raised(TIMELINE)
    world.engine(connection, [newer], batch_size=5).step()
    # When another engine takes over
    engine = world.engine(connection, [newer], batch_size=5)
    # Then it begins there
    assert engine.checkpoints["timeline"].position == 5
    catch_up(engine)
    assert shown(connection) == 12


def test_a_swap_waits_for_readers_and_they_see_one_version_to_their_end(
    databases: Databases, connection: Connected, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.publication.LOCK_TIMEOUT", "20ms")
    monkeypatch.setattr("projections.engine.SWAP_AGAIN_SECONDS", 0)
    # Given a reader in the middle of an answer
    projections = with_requirements(TIMELINE, found("identity"))
    catch_up(world.engine(connection, projections))
    engine = world.engine(connection, [raised(each) for each in projections])
    with snapshot(databases.read) as reader:
        # When a new version is complete
        catch_up(engine)
        # Then the reader still sees the old one, of every projection
        assert shown(reader) == 12
        assert rows_of(reader, "select count(*) > 0 from identity.memberships") == [(True,)]
        served = {each.version for each in read_checkpoints(connection) if each.live and each.projection == "timeline"}
        assert served == {TIMELINE.version}
    # And when it is done, the swap happens
    engine.step()
    assert {each.version - 1 for each in read_checkpoints(connection) if each.projection == "timeline"} == {
        TIMELINE.version
    }


def test_what_an_older_release_built_lacks_is_said_and_does_not_break(
    databases: Databases, connection: Connected, world: World
) -> None:
    # Given what is served
    sales = with_requirements(found("sales"))
    catch_up(world.engine(connection, sales))
    # When an answer needs a table that it lacks
    with (
        pytest.raises(BuiltBefore, match="built by an older release"),
        snapshot(databases.read) as reader,
    ):
        reader.execute("select from sales.table_of_the_next_release")
    # Or a function that answers are read with, then that is there as soon as the projector begins
    connection.execute("drop aggregate sales.sum_of_few(numeric)")
    with pytest.raises(BuiltBefore), snapshot(databases.read) as reader:
        reader.execute("select sales.sum_of_few(1.5)")
    world.engine(connection, sales).step()
    with snapshot(databases.read) as reader:
        assert reader.execute("select sales.sum_of_few(1.5)").fetchall() == [(Decimal("1.5"),)]


def test_a_reader_that_begins_during_a_swap_waits_for_it(databases: Databases, connection: Connected) -> None:
    hurried = {"autocommit": True, "options": "-c lock_timeout=20ms"}
    with (
        ConnectionPool(databases.read.conninfo, min_size=1, kwargs=hurried) as pool,
        connection.transaction(),
        swapping(connection),
        pytest.raises(psycopg.errors.LockNotAvailable),
        snapshot(pool),
    ):
        raise AssertionError("it must not begin")


def test_poison_is_fatal_while_nothing_is_served_and_names_no_data(connection: Connected, world: World) -> None:
    # Given a projection that is built for the first time and cannot digest an event
    engine = world.engine(connection, [Variant(TIMELINE, clumsy={4})])
    # When it gets there
    with pytest.raises(ProjectionFailed, match=r"past position 3 up to 4; .* mend it and start again") as failed:
        catch_up(engine)
    # Then the build ends at the event before
    assert "somebody" not in str(failed.value)
    assert shown(connection) == 3


def test_a_build_that_fails_is_given_up_while_the_rest_goes_on(
    databases: Databases, connection: Connected, world: World
) -> None:
    # Given a new version that cannot digest an event
    catch_up(world.engine(connection, [TIMELINE, QUALITY]))
    broken = Variant(TIMELINE, version=TIMELINE.version + 1, clumsy={4})
    engine = world.engine(connection, [broken, QUALITY])
    # When it is built
    world.see({"user_id": "u1"})
    catch_up(engine)
    # Then the old one is served as it was, the other goes on, and one can see where it failed
    assert shown(connection) == 12
    assert rows_of(connection, "select sum(touchpoints) from quality.daily") == [(13,)]
    states = {each.lag.projection: each for each in standings(databases.read, world, START)}
    assert (states["timeline"].state, states["quality"].state) == (FAILED, LIVE)
    failure = states["timeline"].failure
    assert failure is not None
    assert failure._asdict() == {"version": broken.version, "position": 4, "error": "builtins.KeyError"}
    # And when it is mended and asked for, it is built
    broken.clumsy.clear()
    ask(connection, Request("timeline", REBUILD))
    catch_up(engine)
    assert shown(connection) == 13
    assert {each.state for each in standings(databases.read, world, START)} == {LIVE}


@pytest.mark.unbuilt
def test_standings_show_how_far_a_build_is(databases: Databases, connection: Connected, world: World) -> None:
    assert standings(databases.read, world, START) == []
    catch_up(world.engine(connection, [TIMELINE]))
    world.engine(connection, [raised(TIMELINE)], batch_size=5).step()
    [standing] = standings(databases.read, world, START)
    assert (standing.state, standing.lag.version) == (BUILDING, TIMELINE.version)
    assert standing.build is not None
    assert standing.build._asdict() == {"version": TIMELINE.version + 1, "position": 5, "head": 12}


def test_what_no_folder_declares_any_more_is_dropped(
    connection: Connected, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    # Given two projections
    catch_up(world.engine(connection, [TIMELINE, QUALITY]))
    # When one of them is gone from the code
    catch_up(world.engine(connection, [TIMELINE]))
    # Then nothing is left of it, and that was said
    gone = "select count(*) from pg_namespace where nspname like 'quality%%'"
    assert rows_of(connection, gone) == [(0,)]
    assert {each.projection for each in read_checkpoints(connection)} == {"timeline"}
    assert "quality is no longer declared: its tables are dropped" in caplog.text


def test_a_request_for_a_projection_that_there_is_not_is_put_away(connection: Connected, world: World) -> None:
    engine = world.engine(connection, [TIMELINE])
    catch_up(engine)
    ask(connection, Request("nobody", REBUILD))
    catch_up(engine)
    assert rows_of(connection, "select count(*) from engine.requests") == [(0,)]


def test_another_time_zone_rebuilds_what_counts_by_days_and_nothing_else(connection: Connected, world: World) -> None:
    catch_up(world.engine(connection, [TIMELINE, QUALITY], timezone="UTC"))
    engine = world.engine(connection, [TIMELINE, QUALITY], timezone="Asia/Tokyo")
    assert {name: each.position for name, each in engine.checkpoints.items()} == {"timeline": 12, "quality": 0}


def test_checkpoints_of_an_older_release_are_taken_over(connection: Connected, world: World) -> None:
    # Given the engine's table without the column for schemas
    catch_up(world.engine(connection, [TIMELINE]))
    connection.execute("alter table engine.checkpoints drop column schema")
    connection.execute("alter table engine.checkpoints add primary key (projection, version)")
    # When an engine starts
    make_tables(connection)
    make_tables(connection)
    # Then it goes on with the rows that are there
    [checkpoint] = read_checkpoints(connection)
    assert (checkpoint.schema, checkpoint.position) == (schema_of(TIMELINE), 12)
    assert world.engine(connection, [TIMELINE]).checkpoints["timeline"] == checkpoint


def test_an_empty_log_is_caught_up_with_at_once(connection: Connected) -> None:
    world = World()
    assert world.engine(connection, [TIMELINE]).checkpoints["timeline"].live
