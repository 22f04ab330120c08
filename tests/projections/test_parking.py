"""Parked events: what cannot be digested is left out with its keys, noted without data, and taken in after a mend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cdp.log.header import encode_header
from cdp.postgres.databases import Databases
from projections import publication
from projections.contract import Connected, Projection, tables_of
from projections.parking import keys_of_recorded, read_parked, subject_key
from projections.requests import REBUILD, RETRY, Request, ask, read_requests
from tests.projections.shop import SHOP, TABLES
from tests.projections.variants import Variant, found, with_requirements
from tests.projections.world import World, catch_up, dump, erase, rows_of

TIMELINE = found("timeline")


@pytest.fixture
def connection(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connected]:
    """A connection to a read database in which the shop's tables can be made."""

    def tables(projection: Projection) -> str:
        return TABLES if projection.name == "shop" else tables_of(projection)

    monkeypatch.setattr(publication, "tables_of", tables)
    with databases.read.connection() as connection:
        yield connection


def order(world: World, who: str, number: str, step: str = "Placed") -> int:
    """A step of an order; gives its position."""
    at = len(world.touchpoints)
    return world.see({"user_id": who}, f"Order {step}", at=at, properties={"order_id": number}).position


def test_poison_is_parked_when_live_and_the_rest_goes_on(connection: Connected) -> None:
    # Given live projections, one of which cannot digest an event to come
    world = World()
    clumsy = Variant(TIMELINE, clumsy={3})
    engine = world.engine(connection, [clumsy, found("quality")])
    catch_up(engine)
    # When the log goes on
    for _ in range(10):
        world.see({"user_id": "u1"})
    catch_up(engine)
    # Then only that event is missing, for that projection, and its data is not in the note
    assert rows_of(connection, "select projection, position, error from engine.parked") == [
        ("timeline", 3, "builtins.KeyError")
    ]
    assert rows_of(connection, "select count(*) from timeline.touchpoints") == [(9,)]
    assert rows_of(connection, "select sum(touchpoints) from quality.daily") == [(10,)]
    assert {checkpoint.position for checkpoint in engine.checkpoints.values()} == {10}


def test_later_events_of_a_parked_key_are_parked_too(connection: Connected) -> None:
    # Given a projection with entities that could not digest an order's first step
    world = World()
    shop = Variant(SHOP, clumsy={1})
    projections = with_requirements(shop)
    engine = world.engine(connection, projections)
    catch_up(engine)
    order(world, "1", "A")
    catch_up(engine)
    # When more comes in of the same person and of others, in the same batch and after a restart
    order(world, "1", "A", "Paid")
    order(world, "2", "B")
    catch_up(engine)
    engine = world.engine(connection, projections)
    order(world, "1", "C")
    order(world, "2", "B", "Paid")
    catch_up(engine)
    # Then nothing is made of half an order, and the others' are whole
    assert rows_of(connection, "select order_number, state from shop.orders") == [("B", "Paid")]
    assert [tuple(each) for each in read_parked(connection, "shop")] == [
        (1, "builtins.KeyError"),
        (2, "projections.parking.KeyParked"),
        (4, "projections.parking.KeyParked"),
    ]
    assert rows_of(connection, "select count(*) from engine.parked_keys") == [(1,)]


def test_a_retry_after_a_mend_takes_in_what_was_parked(connection: Connected) -> None:
    # Given parked events
    world = World()
    shop = Variant(SHOP, clumsy={1})
    projections = with_requirements(shop)
    engine = world.engine(connection, projections)
    catch_up(engine)
    for step in ("Placed", "Paid"):
        order(world, "1", "A", step)
        order(world, "2", "B", step)
    catch_up(engine)
    # When a retry comes before the mend
    ask(connection, Request("shop", RETRY))
    catch_up(engine)
    # Then they stay parked
    assert [each.position for each in read_parked(connection, "shop")] == [1, 3]
    assert not read_requests(connection)
    # But when it comes after it
    shop.clumsy.clear()
    ask(connection, Request("shop", RETRY))
    catch_up(engine)
    order(world, "1", "A", "Voided")
    catch_up(engine)
    # Then the rows are those of a replay, without one
    assert not read_parked(connection, "shop")
    assert rows_of(connection, "select order_number, state from shop.orders") == [("B", "Paid")]
    live = dump(connection, projections)
    erase(connection)
    catch_up(world.engine(connection, projections))
    assert dump(connection, projections) == live


def test_a_retry_is_heard_by_the_projector_that_starts_after_it(connection: Connected) -> None:
    # Given a parked event, the mend, and a retry asked for while no projector ran
    world = World()
    clumsy = Variant(TIMELINE, clumsy={1})
    engine = world.engine(connection, [clumsy])
    catch_up(engine)
    world.see({"user_id": "u1"})
    catch_up(engine)
    clumsy.clumsy.clear()
    ask(connection, Request("timeline", RETRY))
    # When one starts
    catch_up(world.engine(connection, [clumsy]))
    # Then the event is there, and nothing is asked for any more
    assert rows_of(connection, "select count(*) from timeline.touchpoints") == [(1,)]
    assert not read_requests(connection)


def test_a_retry_builds_anew_what_cannot_take_events_late(connection: Connected) -> None:
    # Given identity, whose names depend on the order of the log, with a parked event
    world = World()
    identity = Variant(found("identity"), clumsy={1}, version=found("identity").version)
    engine = world.engine(connection, [identity])
    catch_up(engine)
    world.see({"user_id": "1"})
    world.see({"user_id": "2"})
    catch_up(engine)
    assert [each.position for each in read_parked(connection, "identity")] == [1]
    # When it was mended and a retry is asked for
    identity.clumsy.clear()
    ask(connection, Request("identity", RETRY))
    catch_up(engine)
    # Then it was built anew with everything
    assert not read_parked(connection, "identity")
    assert rows_of(connection, "select count(*) from identity.memberships") == [(2,)]


def test_a_rebuild_takes_in_what_was_parked(connection: Connected) -> None:
    world = World()
    clumsy = Variant(TIMELINE, clumsy={1})
    engine = world.engine(connection, [clumsy])
    catch_up(engine)
    world.see({"user_id": "1"})
    catch_up(engine)
    assert rows_of(connection, "select count(*) from timeline.touchpoints") == [(0,)]
    clumsy.clumsy.clear()
    ask(connection, Request("timeline", REBUILD))
    catch_up(engine)
    assert rows_of(connection, "select count(*) from timeline.touchpoints") == [(1,)]
    assert not read_parked(connection, "timeline")


def test_an_event_that_cannot_be_opened_is_parked_for_all(connection: Connected) -> None:
    world = World()
    engine = world.engine(connection, [TIMELINE, found("quality")])
    catch_up(engine)
    for _ in range(4):
        world.see({"user_id": "u1"})
    world.poison = {3}
    catch_up(engine)
    parked = rows_of(connection, "select projection, position from engine.parked order by 1")
    assert parked == [("quality", 3), ("timeline", 3)]
    assert rows_of(connection, "select count(*) from timeline.touchpoints") == [(3,)]


def test_the_keys_of_an_event_that_cannot_be_opened_come_from_its_header() -> None:
    world = World()
    touchpoint = world.see({"user_id": "1"}, "Order Placed")
    event = world.read(0, 1)[0]
    assert keys_of_recorded(SHOP, event) == frozenset()
    assert len(keys_of_recorded(SHOP, event._replace(header=encode_header(touchpoint.header)))) == 1
    assert keys_of_recorded(TIMELINE, event._replace(header=encode_header(touchpoint.header))) == frozenset()
    assert subject_key(world.see({})) == ()
