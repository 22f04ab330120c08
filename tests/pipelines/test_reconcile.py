"""Live equals batch, to the last row of every table; where it does not, each row that differs is named."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from pipelines.opening import PersonalPartNeeded
from pipelines.production import ExtractFailed
from pipelines.reconciliation import (
    ConfigurationChanged,
    IdentityElsewhere,
    NotReconcilable,
    Reconciler,
    reconcilable,
)
from projections import publication
from projections.contract import Connected, Projection, tables_of
from projections.declared import IDENTITY
from projections.discovery import found_projections
from tests.pipelines.archived import ArchivedWorld, WorldOpening
from tests.pipelines.plain import plain_engine
from tests.projections.shop import SHOP, TABLES
from tests.projections.world import catch_up

PROJECTIONS = {each.name: each for each in found_projections()}
OPENED = dataclasses.replace(SHOP, personal=True)
"""The shop reads its properties from whatever part they are in."""
WITH_SHOP = [PROJECTIONS[IDENTITY], SHOP]
many = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture
def connection(databases: Databases, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connected]:
    """A connection to a read database in which the shop's tables can be made."""

    def tables(projection: Projection) -> str:
        return TABLES if projection is SHOP else tables_of(projection)

    monkeypatch.setattr(publication, "tables_of", tables)
    with databases.read.connection() as connection:
        yield connection


def reconciler(databases: Databases, world: ArchivedWorld, folder: Path, **changed: Any) -> Reconciler:
    plain = Reconciler(databases.read, world, folder, world.surroundings(), plain_engine)
    return dataclasses.replace(plain, **changed)


def shop_world() -> ArchivedWorld:
    """Orders of three people, one on a shared device, seen late and again."""
    world = ArchivedWorld()
    for number in range(30):
        who = {"user_id": str(number % 3), "anonymous_id": "tablet"} if number % 2 else {"anonymous_id": "tablet"}
        order = {"order_id": f"A{number // 3}", "total": f"{number}.50", "notes": ["gift"] * (number % 2)}
        world.see(
            who, "Order Placed", at=number, late=number % 4, properties=order, channel=("web", "store")[number % 2]
        )
    return world


def happenings(types: list[str]) -> st.SearchStrategy[list[Any]]:
    who = st.dictionaries(st.sampled_from(types), st.sampled_from(["1", "2", "3"]), max_size=2)
    names = st.sampled_from(["Placed", "Paid", "Voided"])
    amounts = st.sampled_from(["1.5", "1.50", "2", "1E+2", None])
    drawn = st.tuples(who, names, st.sampled_from(["A", "B", None]), amounts, st.integers(0, 40), st.integers(-2, 30))
    return st.lists(drawn, min_size=1, max_size=20)


@many
@given(happenings(["user_id", "email", "anonymous_id", "device_id"]), st.integers(1, 5))
def test_equal_whatever_comes_late_repeated_merged_or_anonymous(
    connection: Connected, databases: Databases, tmp_path: Path, drawn: list[Any], batch_size: int
) -> None:
    # Given a log followed live in small batches, in which some things come long after they happened, and some twice
    world = ArchivedWorld(incarnation=uuid4())
    for who, step, number, total, at, late in [*drawn, *drawn[:3]]:
        properties = {name: value for name, value in {"order_id": number, "total": total}.items() if value}
        world.see(who, f"Order {step}", at=at, late=late, properties=properties)
    catch_up(world.engine(connection, WITH_SHOP, batch_size=batch_size))
    # When it is compared with batch
    folder = tmp_path / str(world.incarnation)
    found = reconciler(databases, world, folder, personal=WorldOpening(world)).reconcile(OPENED)
    # Then every row of every table is the same
    assert found.differences == []
    assert found.position == len(world.touchpoints)
    assert {each.table for each in found.tables} >= {"steps", "orders", "purchases", "daily", "daily_states"}
    assert all(each.live_rows == each.batch_rows for each in found.tables)


sales = st.tuples(
    st.dictionaries(st.sampled_from(["user_id", "anonymous_id"]), st.sampled_from(["1", "2"]), min_size=1, max_size=2),
    st.sampled_from(["Completed", "Completed", "Updated", "Cancelled", "Refunded", "Returned", "Delivered"]),
    st.sampled_from(["A", "B", "C"]),
    st.sampled_from(["10.50", "3", None]),
    st.integers(0, 400),
    st.integers(0, 60),
)


@many
@given(st.lists(sales, min_size=1, max_size=25))
def test_sales_are_equal_after_refunds_late_and_repeated_touchpoints(
    connection: Connected, databases: Databases, tmp_path: Path, drawn: list[Any]
) -> None:
    world = ArchivedWorld(incarnation=uuid4())
    for who, what, order, total, at, late in [*drawn, *drawn[:5]]:
        lines = [{"product_id": "tea", "price": "1.50", "quantity": 2}, {"product_id": "cup", "price": "4"}]
        sent = {"total": total, "currency": "TRY", "products": lines, "reason": "broken"}
        properties = {name: value for name, value in sent.items() if value}
        world.see(who, f"Order {what}", at=at, late=late, properties=properties, references={"order_id": order})
    required = [PROJECTIONS[IDENTITY], PROJECTIONS["sales"]]
    catch_up(world.engine(connection, required, batch_size=4))

    [declared] = reconcilable("sales")
    found = reconciler(databases, world, tmp_path / str(world.incarnation)).reconcile(declared)

    assert found.differences == []
    assert sum(each.live_rows for each in found.tables) > 0


def test_a_row_altered_by_hand_is_found_and_named(connection: Connected, databases: Databases, tmp_path: Path) -> None:
    # Given tables in which one row was altered, one removed and one added
    world = shop_world()
    catch_up(world.engine(connection, WITH_SHOP))
    connection.execute("update shop_v1.orders set amount = 2.5 where order_number = 'A0'")
    connection.execute("delete from shop_v1.steps where position = 30")
    connection.execute(
        "insert into shop_v1.daily_states (day, channel, value, rows) values ('2030-01-01', null, 'x', 1)"
    )
    # When it is compared
    found = reconciler(databases, world, tmp_path, personal=WorldOpening(world)).reconcile(OPENED)
    # Then exactly these rows are named, with what each side says
    differing = {difference.table: difference for difference in found.differences}
    assert len(found.differences) == len(differing) == 3
    order = differing["orders"]
    assert (order.key, order.columns) == ({"order_number": "A0"}, ["amount"])
    assert order.live is not None
    assert order.batch is not None
    assert (str(order.live["amount"]), str(order.batch["amount"])) == ("2.5", "2.50")
    assert (differing["steps"].key, differing["steps"].live) == ({"position": 30}, None)
    added = differing["daily_states"]
    assert (added.key["value"], added.batch) == ("x", None)


def test_what_came_after_the_checkpoint_does_not_count(
    connection: Connected, databases: Databases, tmp_path: Path
) -> None:
    # Given a log that went on after the projector stopped, and is archived to its end
    world = shop_world()
    catch_up(world.engine(connection, WITH_SHOP))
    world.see({"user_id": "1"}, "Order Placed", properties={"order_id": "late", "total": "1"})

    found = reconciler(databases, world, tmp_path, personal=WorldOpening(world)).reconcile(OPENED)

    assert found.differences == []
    assert found.position == 30


def test_other_settings_and_another_identity_are_refused(
    connection: Connected, databases: Databases, tmp_path: Path
) -> None:
    world = shop_world()
    catch_up(world.engine(connection, WITH_SHOP))
    subject = reconciler(databases, world, tmp_path)
    other = dataclasses.replace(SHOP, depends_on=lambda surroundings: surroundings.timezone.key)
    with pytest.raises(ConfigurationChanged, match="Europe/Istanbul"):
        subject.reconcile(other)
    with pytest.raises(ConfigurationChanged, match="incarnation"):
        reconciler(databases, dataclasses.replace(world, incarnation=uuid4()), tmp_path).reconcile(SHOP)
    connection.execute("update engine.checkpoints set position = 29 where projection = 'identity'")
    with pytest.raises(IdentityElsewhere, match="identity at 29"):
        subject.reconcile(SHOP)


def test_workers_see_no_personal_part(connection: Connected, databases: Databases, tmp_path: Path) -> None:
    """A declaration that does not say that it reads personal parts must fail, not give other rows."""
    world = shop_world()
    catch_up(world.engine(connection, WITH_SHOP))

    with pytest.raises(ExtractFailed, match=f"{PersonalPartNeeded.__name__} at position 1"):
        reconciler(databases, world, tmp_path).reconcile(SHOP)


def test_what_cannot_be_reconciled_is_refused_by_name() -> None:
    with pytest.raises(NotReconcilable, match="sales"):
        reconcilable(IDENTITY)


def test_a_declaration_without_rows_is_equal(connection: Connected, databases: Databases, tmp_path: Path) -> None:
    world = ArchivedWorld()
    catch_up(world.engine(connection, WITH_SHOP))

    found = reconciler(databases, world, tmp_path).reconcile(SHOP)

    assert found.differences == []
