"""The contract of every projection found: live equals replay, whatever comes in whatever batches."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.identity.resolution import Membership, Moment, Node, SubjectSeen, resolve
from cdp.identity.rules import DEFAULT_RULES
from cdp.postgres.databases import Databases
from projections.contract import Connected, Projection, schema_of
from projections.declared import Declared
from projections.discovery import found_projections, in_order
from projections.identity.store import IdentityStore
from projections.publication import install, relations
from tests.projections.world import World, catch_up, dump, rows_of

WHO = ("user_id", "email", "loyalty_card", "anonymous_id", "phone", "household_card")

people = st.dictionaries(st.sampled_from(WHO), st.sampled_from(["1", "2", "3", "null"]), max_size=3)
traits = st.dictionaries(
    st.sampled_from(["city", "name", "address"]),
    st.sampled_from(["x", 1, Decimal("1.50"), None, ["a"], {"street": "s", "zip": 34000}, ""]),
    max_size=2,
)
properties = st.fixed_dictionaries(
    {},
    optional={
        "total": st.sampled_from(["10.00", "2.5", Decimal("7.25"), 3, "12,00", "n/a"]),
        "revenue": st.just("1.10"),
        "currency": st.sampled_from(["TRY", "eur"]),
        "products": st.just([{"price": "1.5", "quantity": 3}]),
    },
)
touchpoints = st.tuples(
    people,
    st.sampled_from(["Order Completed", "Page Viewed"]),
    st.integers(0, 20),
    st.integers(-3, 3),
    traits,
    properties,
)
worlds = st.lists(touchpoints, min_size=1, max_size=14)


def world_of(drawn: list[tuple[dict[str, str], str, int, int, dict[str, object], dict[str, object]]]) -> World:
    """A log of the touchpoints drawn, under an incarnation of its own, so that an engine builds everything anew."""
    world = World(incarnation=uuid4())
    for who, name, at, late, says, has in drawn:
        channel = "store" if at % 2 else "web"
        world.see(who, name, at=at, late=late, traits=says, properties=has, channel=channel, source=channel)
    return world


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection


many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(worlds, st.integers(1, 6))
def test_live_equals_replay_byte_for_byte(connection: Connected, drawn, batch_size: int) -> None:  # type: ignore[no-untyped-def]
    # Given a log followed live in batches of one size
    world = world_of(drawn)
    catch_up(world.engine(connection, batch_size=batch_size))
    live = dump(connection)
    # When everything is built anew in one go
    replayed = dataclasses.replace(world, incarnation=uuid4())
    catch_up(replayed.engine(connection))
    # Then all rows of all projections are the same
    assert dump(connection) == live


@many
@given(worlds, st.integers(1, 6))
def test_identity_kept_by_batches_is_resolution_of_everything(connection: Connected, drawn, batch_size: int) -> None:  # type: ignore[no-untyped-def]
    # Given identity kept up to date batch by batch
    world = world_of(drawn)
    catch_up(world.engine(connection, batch_size=batch_size))
    # When all touchpoints are resolved at once
    expected = resolved(world)
    # Then the memberships are the same
    subjects = {subject for subject, _, _, _ in expected}
    assert IdentityStore(connection, "identity_v2").memberships(subjects) == expected
    assert rows_of(connection, "select count(*) from identity.memberships") == [(len(expected),)]


def resolved(world: World) -> set[Membership]:
    """The memberships of all touchpoints of a log."""
    nodes: dict[int, Node] = {}
    seen: defaultdict[int, list[Moment]] = defaultdict(list)
    numbers: dict[int, tuple[int, ...]] = {}
    for touchpoint in world.touchpoints:
        header = touchpoint.header
        if header.subject is not None:
            seen[header.subject].append(Moment(header.effective_at, header.id))
            numbers[header.subject] = header.numbers()
        for _, kind, namespace, number in header.identifiers:
            value = world.values[number]
            assert value is not None
            nodes.setdefault(number, Node(number, kind, namespace, DEFAULT_RULES.blocks(value), touchpoint.position))
    subjects = [
        SubjectSeen(subject, numbers[subject], min(moments), None, tuple(moments)) for subject, moments in seen.items()
    ]
    return set(resolve(subjects, nodes, DEFAULT_RULES).memberships)


@many
@given(worlds, st.integers(1, 6))
def test_daily_sales_are_the_sums_of_what_orders_moved(connection: Connected, drawn, batch_size: int) -> None:  # type: ignore[no-untyped-def]
    catch_up(world_of(drawn).engine(connection, batch_size=batch_size))
    summed = """
        select day, channel, source, currency, customer, count(*), trim_scale(sum(units)), trim_scale(sum(amount))
        from sales.movements
        where kind = 'sale'
        group by day, channel, source, currency, customer
    """
    kept = "select day, channel, source, currency, customer, sum(rows), sum(units), sum(amount) from sales.daily"
    kept += " where kind = 'sale' group by 1, 2, 3, 4, 5"
    assert sorted(rows_of(connection, kept), key=repr) == sorted(rows_of(connection, summed), key=repr)


@pytest.mark.parametrize("projection", found_projections(), ids=lambda projection: projection.name)
class TestEachProjection:
    """What the engine takes for granted of a projection."""

    def test_its_tables_can_be_made_twice_and_are_visible(self, databases: Databases, projection: Projection) -> None:
        with databases.read.connection() as connection:
            install(connection, projection)
            install(connection, projection)
            tables = relations(connection, schema_of(projection), "r")
            catch_up(World().engine(connection))
            assert tables
            assert relations(connection, projection.name, "v") == tables

    def test_no_row_depends_on_a_counter_or_a_clock(self, databases: Databases, projection: Projection) -> None:
        with databases.read.connection() as connection:
            install(connection, projection)
            query = """
                select table_name, column_name
                from information_schema.columns
                where table_schema = %s
                    and (column_default is not null or is_identity = 'YES')
            """
            assert rows_of(connection, query, schema_of(projection)) == []

    def test_its_facts_are_pure(self, projection: Projection) -> None:
        if not isinstance(projection, Declared):
            return
        world = World()
        touchpoint = world.see({"user_id": "1"}, "Order Completed", properties={"total": "1.50"})
        before = repr(touchpoint)
        for facts in projection.facts:
            surroundings = world.surroundings()
            rows = [tuple(facts.extract(touchpoint, surroundings)) for _ in range(2)]
            assert rows[0] == rows[1]
            assert all(type(row) is facts.row for row in rows[0])
        assert repr(touchpoint) == before

    def test_it_and_its_tables_are_documented(self, databases: Databases, projection: Projection) -> None:
        documentation = Path("docs/projections.md").read_text("utf-8")
        with databases.read.connection() as connection:
            install(connection, projection)
            for name in (projection.name, *relations(connection, schema_of(projection), "r")):
                assert f"`{name}`" in documentation

    def test_its_version_is_a_positive_number_and_its_name_a_schema(self, projection: Projection) -> None:
        assert projection.version > 0
        assert projection.name.isidentifier()
        assert projection.name.islower()


def test_projections_come_after_those_that_they_require() -> None:
    names = [projection.name for projection in in_order(reversed(found_projections()))]
    assert names.index("identity") < names.index("profiles")
