"""Marts: every column is in the dictionary, none is about a person, and the role sees nothing else."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from cdp.postgres.databases import Databases
from projections.contract import Connected, schema_of
from tests.projections.variants import found, with_requirements
from tests.projections.world import World, catch_up, rows_of

DICTIONARY = Path(__file__).parents[2] / "docs" / "marts.md"
SALES = with_requirements(found("sales"))
PERSONAL = {"profile", "subject", "event_id", "position", "user", "email", "phone"}
_COLUMNS = "select table_name, column_name from information_schema.columns where table_schema = 'marts'"


@pytest.fixture
def world() -> World:
    """A log with an order."""
    world = World()
    world.see({"user_id": "1"}, "Order Completed", properties={"total": "10.50", "currency": "TRY"})
    return world


@pytest.fixture
def connection(databases: Databases, world: World) -> Iterator[Connected]:
    """The read database that has seen the log."""
    with databases.read.connection() as connection:
        catch_up(world.engine(connection, SALES))
        yield connection


def test_every_column_is_in_the_dictionary_and_none_is_about_a_person(connection: Connected) -> None:
    columns = rows_of(connection, _COLUMNS)
    text = DICTIONARY.read_text("utf-8")
    assert columns
    for view, column in columns:
        assert f"`marts.{view}`" in text
        assert f"`{column}`" in text
        assert column not in PERSONAL


def test_the_role_reads_marts_and_nothing_else(connection: Connected) -> None:
    with connection.transaction(force_rollback=True):
        connection.execute("set local role cdp_marts")
        assert [float(gross) for (gross,) in rows_of(connection, "select gross from marts.daily")] == [10.5]
        for schema, table in (("sales", "orders"), (schema_of(found("sales")), "orders"), ("identity", "memberships")):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
                connection.execute(f"select * from {schema}.{table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.transaction():
            connection.execute("create table marts.mine (x int)")


def test_views_outlive_a_rebuild(connection: Connected, world: World) -> None:
    catch_up(dataclasses.replace(world, incarnation=uuid4()).engine(connection, SALES, at_once=False))
    assert rows_of(connection, "select orders from marts.daily") == [(1,)]
