"""Entities and rollups: whatever comes in whatever order, their rows are those of one fold over everything."""

from __future__ import annotations

import dataclasses
from collections import namedtuple
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from projections import publication
from projections.columns import Columns
from projections.contract import Connected, Projection, tables_of
from projections.declared import Declared, InvalidDeclaration
from projections.discovery import found_projections
from projections.entities import Difference, Entities, by_key, difference, exactly, in_order
from projections.facts import Facts
from projections.rollup_table import RollupTable
from projections.rollups import Rollup, padded, trimmed
from tests.projections.plainly import table_of
from tests.projections.shop import (
    DAILY,
    ORDERS,
    SHOP,
    STATES,
    STATES_OF_DAYS,
    TABLES,
    Note,
    Order,
    Purchase,
    Step,
    notes,
    steps,
)
from tests.projections.world import START, World, catch_up, dump, rows_of

PROJECTIONS = [*[each for each in found_projections() if each.name == "identity"], SHOP]


@pytest.fixture
def connection(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connected]:
    """A connection to a read database in which the shop's tables can be made."""

    def tables(projection: Projection) -> str:
        return TABLES if projection is SHOP else tables_of(projection)

    monkeypatch.setattr(publication, "tables_of", tables)
    with databases.read.connection() as connection:
        yield connection


happenings = st.tuples(
    st.dictionaries(
        st.sampled_from(["user_id", "email", "anonymous_id"]), st.sampled_from(["1", "2", "3"]), max_size=2
    ),
    st.sampled_from(["Placed", "Paid", "Voided"]),
    st.sampled_from(["A", "B", "C", None]),
    st.sampled_from(["1.5", "1.50", "2", "1E+2", None]),
    st.integers(0, 40),
    st.sampled_from(["web", "store", "none"]),
    st.lists(st.sampled_from(["gift", "call"]), max_size=2),
)
logs = st.lists(happenings, min_size=1, max_size=14)
many = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def world_of(drawn: list[Any]) -> World:
    """A log of what was drawn, under an incarnation of its own."""
    world = World(incarnation=uuid4())
    for who, step, number, total, at, channel, said in drawn:
        properties = {"order_id": number, "total": total, "notes": said}
        present = {name: value for name, value in properties.items() if value}
        world.see(who, f"Order {step}", at=at, properties=present, channel=channel)
    return world


@many
@given(logs, st.integers(1, 5))
def test_live_equals_replay_byte_for_byte(connection: Connected, drawn: list[Any], batch_size: int) -> None:
    # Given a log followed in small batches
    world = world_of(drawn)
    catch_up(world.engine(connection, PROJECTIONS, batch_size=batch_size))
    live = dump(connection, PROJECTIONS)
    # When everything is built anew in one go
    again = dataclasses.replace(world, incarnation=uuid4())
    catch_up(again.engine(connection, PROJECTIONS))
    # Then all rows are the same, to the digits after the point
    assert dump(connection, PROJECTIONS) == live


@many
@given(logs, st.integers(1, 5))
def test_entities_and_rollups_are_what_plain_python_makes_of_all_facts(
    connection: Connected, drawn: list[Any], batch_size: int
) -> None:
    # Given a log followed in small batches
    world = world_of(drawn)
    catch_up(world.engine(connection, PROJECTIONS, batch_size=batch_size))
    # Then orders are the fold of their steps
    orders = folded(world)
    assert stored(connection, "orders", Order) == sorted(map(exactly, orders))
    # And a profile's purchases are numbered over whoever it unites by now
    purchases = numbered(orders, connection)
    assert stored(connection, "purchases", Purchase) == sorted(map(exactly, purchases))
    # And each rollup is computed from them
    made_of: dict[str, list[Any]] = {"orders": orders, "purchases": purchases}
    for rollup in SHOP.rollups:
        rows = made_of[rollup.source]
        kind = namedtuple(rollup.table, rollup.keys)  # type: ignore[misc]
        made_of[rollup.table] = [kind(*group) for group in table_of(rollup, rows)]
        expected = [exactly((*group, *figures)) for group, figures in table_of(rollup, rows).items()]
        columns = ", ".join([*rollup.keys, rollup.count, *rollup.sums, *rollup.distinct, *rollup.least])
        greatest = "".join(f", {name}" for name in rollup.greatest)
        found = rows_of(connection, f"select {columns}{greatest} from shop_v1.{rollup.table}")
        assert sorted(map(exactly, found), key=repr) == sorted(expected, key=repr)


def folded(world: World) -> list[Any]:
    """The orders of all touchpoints, by the very function that the engine uses."""
    surroundings = world.surroundings()
    taken = [row for each in world.touchpoints for row in steps(each, surroundings)]
    every = [
        by_key([row._replace(amount=plain(row.amount)) for row in taken], "order_number"),
        by_key([row for each in world.touchpoints for row in notes(each, surroundings)], "order_number"),
    ]
    keys = {key for rows in every for key in rows}
    return ORDERS.rows({key: [rows.get(key, []) for rows in every] for key in keys})


def plain(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else Decimal(format(amount, "f"))


def numbered(orders: list[Any], connection: Connected) -> list[Purchase]:
    """The orders by profile, joined to identity's memberships in SQL and numbered by a window function."""
    query = """
        select profile, order_number, day, row_number() over (partition by profile order by effective_at, event_id)
        from shop_v1.orders
        join identity.memberships
            on memberships.subject = orders.subject
            and (effective_at, event_id) >= (from_at, from_event)
            and (effective_at, event_id) < (to_at, to_event)
    """
    amounts = {order.order_number: order.amount for order in orders}
    found = rows_of(connection, query)
    return [Purchase(profile, order, day, number, amounts[order]) for profile, order, day, number in found]


def stored(connection: Connected, table: str, row: Any) -> list[tuple[Any, ...]]:
    return sorted(
        exactly(each) for each in rows_of(connection, f"select {', '.join(row._fields)} from shop_v1.{table}")
    )


def test_a_late_event_changes_what_was_summed_up(connection: Connected) -> None:
    # Given two orders on two days
    world = World()
    world.see({"user_id": "1"}, "Order Placed", at=24, properties={"order_id": "A", "total": "10.00"})
    world.see({"user_id": "2"}, "Order Placed", at=48, properties={"order_id": "B", "total": "5.50"})
    engine = world.engine(connection, PROJECTIONS)
    catch_up(engine)
    # When it turns out that the first was placed a day before and then voided, and the second by the same person
    world.see({"user_id": "1"}, "Order Placed", at=0, properties={"order_id": "A", "total": "9.00"})
    catch_up(engine)
    assert rows_of(connection, "select day::text, orders, amount::text from shop.daily order by 1") == [
        ("2024-03-01", 1, "10"),
        ("2024-03-03", 1, "5.5"),
    ]
    world.see({"user_id": "1"}, "Order Voided", at=50, properties={"order_id": "A"})
    world.see({"user_id": "2", "email": "one@shop.com"}, at=50)
    catch_up(engine)
    # Then only the second is left in every table
    assert rows_of(connection, "select order_number from shop.orders") == [("B",)]
    assert rows_of(connection, "select day::text, orders, states from shop.daily") == [("2024-03-03", 1, 1)]
    assert rows_of(connection, "select value, rows from shop.daily_states") == [("Placed", 1)]


def test_a_merge_makes_two_first_purchases_a_first_and_a_second(connection: Connected) -> None:
    # Given two customers who bought once each
    world = World()
    world.see({"user_id": "1"}, "Order Placed", at=1, properties={"order_id": "A"})
    world.see({"email": "one@shop.com"}, "Order Placed", at=2, properties={"order_id": "B"})
    engine = world.engine(connection, PROJECTIONS)
    catch_up(engine)
    counted = "select purchases, profiles, number from shop.customers"
    assert rows_of(connection, counted) == [(2, 2, 2)]
    # When they turn out to be one person
    world.see({"user_id": "1", "email": "one@shop.com"}, at=3)
    catch_up(engine)
    # Then there is one customer, and the later purchase is the second
    assert rows_of(connection, counted) == [(2, 1, 3)]
    assert rows_of(connection, "select order_number, number from shop.purchases order by 1") == [("A", 1), ("B", 2)]


def test_rows_are_ordered_by_moment_then_source_then_content() -> None:
    # Given rows of one moment and of two sources, in any order of storage
    step = Step(2, "e", START, None, "A", "Placed", None, None)
    other = step._replace(position=1)
    note = Note("e", START, "A", 0, "gift")
    earlier = note._replace(event_id="d")
    # Then their order is always the same
    assert in_order([[step, other], [note, earlier]]) == in_order([[other, step], [earlier, note]])
    assert in_order([[step, other], [note, earlier]]) == [earlier, other, step, note]


def test_a_difference_leaves_out_what_stays() -> None:
    a, b, c = (Note(each, START, None, 0, "") for each in "abc")
    assert difference([a, a, b], [a, c]) == Difference([a, b], [c])
    assert difference([a], [a]) == Difference([], [])
    assert difference([], [a]) == Difference([], [a])


def test_a_difference_sees_digits_that_are_equal_in_value() -> None:
    row = Step(1, "e", START, None, None, "Placed", None, Decimal("1.5"))
    longer = row._replace(amount=Decimal("1.50"))
    assert difference([row], [longer]) == Difference([row], [longer])
    assert difference([row], [row]) == Difference([], [])


def test_trimmed_decimals_have_no_zeros_at_the_end() -> None:
    expected = {
        "1.50": "1.5",
        "100": "100",
        "1E+2": "100",
        "0.00": "0",
        "12345678901234567890.10": "12345678901234567890.1",
    }
    assert {given: str(trimmed(Decimal(given))) for given in expected} == expected


def test_padded_decimals_have_as_many_digits_as_money_has() -> None:
    expected = {"1": "1.00", "1.5": "1.50", "1.234": "1.234", "1E+2": "100.00"}
    assert {given: str(padded(Decimal(given))) for given in expected} == expected


def test_a_declaration_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(InvalidDeclaration, match="orders is made of notes; expected one of steps"):
        Declared("shop", 1, (Facts("steps", Step, steps),), (ORDERS,))
    with pytest.raises(InvalidDeclaration, match="purchases is kept by profile; expected requires="):
        dataclasses.replace(SHOP, requires=())
    with pytest.raises(InvalidDeclaration, match="daily is made of orders"):
        Declared("shop", 1, (Facts("steps", Step, steps),), rollups=(DAILY,))
    with pytest.raises(InvalidDeclaration, match="states_of_days is made of states"):
        dataclasses.replace(SHOP, rollups=(STATES_OF_DAYS, STATES))
    more = dataclasses.replace(STATES_OF_DAYS, sums={"amount": "numeric"})
    with pytest.raises(InvalidDeclaration, match="reads day, state, amount of the rollup states; expected some of its"):
        dataclasses.replace(SHOP, rollups=(STATES, more))


def test_an_extreme_that_goes_is_looked_for_among_the_rows_left(connection: Connected) -> None:
    # Given a rollup over rows of groups with and without null
    world = World()
    catch_up(world.engine(connection, PROJECTIONS))
    rollup = Rollup("daily", "orders", DAILY.keys, "orders", DAILY.sums, DAILY.least, DAILY.greatest, DAILY.distinct)
    table = RollupTable(rollup, "shop_v1")
    rows = [
        Order(str(hour), None, START + timedelta(hours=hour), "e", START.date(), channel, Decimal(hour), "x", "")
        for hour in range(4)
        for channel in ("web", None)
    ]
    rows = [row._replace(order_number=f"{row.order_number}{row.channel}") for row in rows]
    with connection.cursor() as cursor:
        cursor.executemany(f"insert into shop_v1.orders values ({', '.join(['%s'] * 9)})", rows)
    table.apply(connection, Columns(()), Columns(rows))
    # When the extreme rows go
    gone = [row for row in rows if row.amount in (0, 3)]
    connection.execute("delete from shop_v1.orders where amount in (0, 3)")
    table.apply(connection, Columns(gone), Columns(()))
    # Then those of the rows left are found
    figures = "select channel, orders, amount, least_amount, first_at, last_at from shop_v1.daily order by channel"
    first, last = START + timedelta(hours=1), START + timedelta(hours=2)
    assert rows_of(connection, figures) == [("web", 2, 3, 1, first, last), (None, 2, 3, 1, first, last)]


def test_a_key_without_rows_is_not_folded() -> None:
    def never(key: str, rows: Any) -> Iterator[Any]:
        raise AssertionError

    entities = Entities("t", Order, ("steps",), "order_number", never)
    assert entities.rows({"A": [[]]}) == []
