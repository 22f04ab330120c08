"""What the projection counts: shapes by day, deliveries by hour, never a value."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from datetime import date
from typing import Any
from uuid import uuid4, uuid5

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.log.touchpoint import CONTACT, RAW, Touchpoint
from cdp.postgres.databases import Databases
from projections.contract import Connected
from projections.quality.queries import EventQuality, read_days, read_events, read_flags, read_sources
from projections.quality.shape import OTHER, Shape, field_name, shape_id, shape_of
from tests.projections.world import SPACE, START, World, catch_up, dump, rows_of


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection


def changed(touchpoint: Touchpoint, **header: Any) -> Touchpoint:
    """A touchpoint with another header."""
    return msgspec.structs.replace(touchpoint, header=msgspec.structs.replace(touchpoint.header, **header))


def the_event(connection: Connected, source: str = "shop") -> EventQuality:
    """The one event that a source sent."""
    [event] = read_events(connection, uuid5(SPACE, source))
    return event


def test_completeness_is_counted_by_source_event_and_kind_of_field(connection: Connected) -> None:
    # Given three orders, one with an identifier, a trait and a property that the others lack
    world = World()
    world.see({"user_id": "1", "email": "a"}, "Order Completed", traits={"city": "x"}, properties={"total": "1"})
    world.see({"user_id": "1"}, "Order Completed", traits={"city": None}, properties={"total": "1"})
    world.see({"user_id": "2"}, "Order Completed", traits={"city": ""}, references={"order_id": "hash"})
    # When they are counted
    catch_up(world.engine(connection))
    # Then each field is present as often as it was sent with a value
    fields = {(each.kind, each.field): (each.touchpoints, each.of) for each in the_event(connection).fields}
    assert fields == {
        ("identifier", "email"): (1, 3),
        ("identifier", "user_id"): (3, 3),
        ("trait", "city"): (1, 3),
        ("property", "total"): (2, 3),
        ("property", "order_id"): (1, 3),
    }


def test_a_day_is_one_of_the_time_zone_by_effective_time(connection: Connected) -> None:
    # Given touchpoints around midnight in Istanbul, one of which claims to be from the day after it was received
    world = World()
    world.see({"user_id": "1"}, at=8.9)
    world.see({"user_id": "1"}, "(unknown)", at=9)
    world.see({"user_id": "1"}, at=30, late=-24)
    catch_up(world.engine(connection))
    # Then the days are Istanbul's, and nothing happens before it is received
    days = read_days(connection, uuid5(SPACE, "shop"))
    assert [tuple(day) for day in days] == [(date(2024, 3, 1), 2, 0), (date(2024, 3, 2), 1, 1)]
    assert [day.touchpoints for day in read_days(connection, uuid5(SPACE, "shop"), first=date(2024, 3, 2))] == [1]


def test_late_and_flagged_touchpoints_are_counted(connection: Connected) -> None:
    world = World()
    for late in (0.9, 1.1, 25, 200):
        world.see({"user_id": "1"}, late=late)
    flagged = world.see({"user_id": "1"}, "(unknown)")
    world.touchpoints[-1] = changed(flagged, flags=("clock_corrected", "unusable:email", "unusable:email"))
    catch_up(world.engine(connection))
    found = read_flags(connection)[uuid5(SPACE, "shop")]
    assert found.flags == {"late:1h": 3, "late:1d": 2, "late:7d": 1, "clock_corrected": 1, "unusable:email": 1}
    assert found.unknown == 1


def test_traits_that_cannot_be_read_any_more_do_not_make_the_others_incomplete(connection: Connected) -> None:
    world = World()
    world.see({"user_id": "1"}, traits={"city": "x"})
    gone = world.see({"user_id": "2"})
    world.touchpoints[-1] = msgspec.structs.replace(gone, withheld=frozenset({CONTACT, RAW}))
    catch_up(world.engine(connection))
    event = the_event(connection)
    assert {each.field: each.completeness for each in event.fields} == {"user_id": 1.0, "city": 1.0}
    assert event.flags == {"unreadable": 1}


def test_freshness_is_the_latest_receipt_and_the_latest_occurrence(connection: Connected) -> None:
    world = World()
    world.see({"user_id": "1"}, at=1, late=5)
    world.see({"user_id": "1"}, at=3, late=1)
    world.see({"user_id": "1"}, at=2)
    catch_up(world.engine(connection, batch_size=1))
    [heard] = read_sources(connection)
    hours = [(each - START).total_seconds() / 3600 for each in (heard.first_received, heard.last_received)]
    assert (heard.touchpoints, hours) == (3, [2, 6])
    assert (heard.last_occurred - START).total_seconds() / 3600 == 3


deliveries = st.lists(
    st.tuples(st.sampled_from(["shop", "till"]), st.integers(0, 4), st.integers(1, 4), st.booleans()),
    min_size=1,
    max_size=12,
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(deliveries, st.integers(1, 7))
def test_every_delivery_counts_once_in_whatever_batches_it_is_read(
    connection: Connected, drawn: list[tuple[str, int, int, bool]], batch_size: int
) -> None:
    # Given deliveries of several touchpoints each
    world = World(incarnation=uuid4())
    expected: Counter[tuple[str, Any]] = Counter()
    for number, (source, hour, size, has_email) in enumerate(drawn):
        for _ in range(size):
            who = {"user_id": "1"} | ({"email": "a"} if has_email else {})
            seen = world.see(who, at=hour, source=source)
            world.touchpoints[-1] = changed(seen, delivery=uuid5(SPACE, str(number)))
        expected[source, seen.header.received_at.replace(minute=0)] += 1
    # When they are counted batch by batch
    catch_up(world.engine(connection, batch_size=batch_size))
    live = dump(connection)
    # Then each counts once, in the hour in which it came
    found = {(source, hour): n for source, hour, n in rows_of(connection, "select * from quality.hours")}
    assert found == {(uuid5(SPACE, source), hour): n for (source, hour), n in expected.items()}
    # And a replay in one go gives the same rows
    catch_up(dataclasses.replace(world, incarnation=uuid4()).engine(connection))
    assert dump(connection) == live


@pytest.mark.parametrize("name", ["city", "firstName", "address.zip", "utm_source", "$browser", "line-2", "sales_2026"])
def test_names_of_fields_are_kept(name: str) -> None:
    assert field_name(name) == name


@pytest.mark.parametrize(
    "name", ["ada@example.com", "+905321234567", "905321234567", "Ada Lovelace", "tc12345", "ş", ""]
)
def test_a_name_that_may_say_who_somebody_is_is_not_kept(name: str) -> None:
    assert field_name(name) == OTHER


def test_no_value_is_in_any_row(connection: Connected) -> None:
    world = World()
    world.see(
        {"user_id": "secret-1", "email": "secret-2"},
        traits={"city": "secret-3", "secret-4@x.com": 1, "nested": {"secret-5": "secret-6"}},
        properties={"total": "secret-7"},
    )
    catch_up(world.engine(connection))
    rows = {table: rows for table, rows in dump(connection).items() if table.startswith("quality")}
    assert len(rows) == 4
    assert "secret" not in str(rows)


def test_a_shape_is_the_same_whatever_the_order_of_its_fields() -> None:
    one = Shape(("user_id", "email", "email"), ("city",), (), ("future",))
    other = Shape(("email", "user_id"), ("city", "city"), (), ("future",))
    assert one.fields() == other.fields() == ["flag:future", "identifier:email", "identifier:user_id", "trait:city"]
    assert shape_id(one.fields()) == shape_id(other.fields()) != shape_id(["identifier:email"])


def test_the_traits_of_an_account_are_nobody_s() -> None:
    group = World().see({"user_id": "1"}, traits={"name": "x"})
    assert shape_of(group).traits == ("name",)
    assert shape_of(changed(group, type="group")).traits == ()
