"""What the engine takes for granted of every projection that it finds, looked at in its code and in its tables."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from cdp.postgres.databases import Databases
from projections.contract import Projection, schema_of, tables_of
from projections.copying import columns_of
from projections.declared import Declared
from projections.discovery import found_projections
from projections.publication import install
from projections.rollups import Rollup
from tests.accounts.test_accounts import join
from tests.projections.variants import with_requirements
from tests.projections.world import World, catch_up, dump, erase, rows_of

CLOCKS = {"now", "utcnow", "today", "monotonic", "uuid1", "uuid4", "urandom", "token_bytes", "token_hex"}
CHANCE = {"random", "secrets", "time"}
SQL_CHANCE = re.compile(
    r"\b(now\(\)|current_(date|time|timestamp)|localtime|clock_timestamp|statement_timestamp|timeofday|random\(|"
    r"gen_random_uuid|nextval|serial|generated)",
    re.IGNORECASE,
)
ALIASES = {"bigint": "int8", "integer": "int4", "boolean": "bool", "timestamp with time zone": "timestamptz"}
COLUMNS = """
select attname, format_type(atttypid, atttypmod)
from pg_attribute
where attrelid = to_regclass(%s)
    and attnum > 0
    and not attisdropped
"""
UNIQUE = """
select array_agg(attname::text order by attname::text)
from pg_index
join pg_attribute on attrelid = indrelid and attnum = any(indkey::int2[])
where indrelid = to_regclass(%s)
    and indisunique
    and (indnullsnotdistinct or indisprimary)
group by indexrelid
"""


def folder_of(projection: Projection) -> Path:
    return Path(str(import_module(f"projections.{projection.name}.projection").__file__)).parent


def writing(projection: Projection) -> Iterator[tuple[Path, ast.Module]]:
    """The files of a projection's folder that make its rows: `projection.py` and what that imports from there."""
    folder, package = folder_of(projection), f"projections.{projection.name}"
    waiting, seen = ["projection"], set[str]()
    while waiting:
        name = waiting.pop()
        path = folder / f"{name}.py"
        if name not in seen and path.exists():
            seen.add(name)
            tree = ast.parse(path.read_text("utf-8"))
            waiting += [module.removeprefix(f"{package}.") for module in imports_of(tree) if package in module]
            yield path, tree


def calls_of(tree: ast.AST) -> Iterator[str]:
    """The names of all functions that code calls."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute):
                yield function.attr
            elif isinstance(function, ast.Name):
                yield function.id


def imports_of(tree: ast.AST) -> Iterator[str]:
    """The modules that code imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def texts_of(tree: ast.AST) -> Iterator[str]:
    """The texts in code that may be SQL: no docstring is."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {id(node.body[0]) for node in ast.walk(tree) if isinstance(node, documented) and node.body}
    for node in ast.walk(tree):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Constant) and isinstance(child.value, str) and id(node) not in docstrings:
                yield child.value


def a_year() -> World:
    """Touchpoints of every kind: orders and what becomes of them, traits, accounts, late ones, merges, nobody's."""
    world = World()
    for number in range(60):
        who = {"user_id": f"u{number % 7}"} if number % 3 else {"anonymous_id": f"a{number % 5}"}
        if number % 11 == 0:
            who = {"user_id": f"u{number % 7}", "email": f"{number % 3}@shop.com", "anonymous_id": f"a{number % 5}"}
        late = (number * 7) % 50
        order = {"order_id": f"o{number % 20}", "total": f"{number}.50", "currency": "TRY"}
        products = [{"product_id": f"p{number % 4}", "price": "1.25", "quantity": 1 + number % 3}]
        if number % 4 == 0:
            world.see(who, "Order Completed", at=late, properties={**order, "products": products})
        elif number % 4 == 1:
            world.see(who, "Order Refunded", at=late + 1, properties={**order, "total": "1.00"}, channel="store")
        elif number % 4 == 2:
            world.see(who, "User Identified", at=late, traits={"city": f"c{number % 5}", "name": f"n{number % 6}"})
        else:
            world.see(who if number % 8 else {}, at=late, late=float(number % 5), source="till")
        if number % 10 == 0:
            join(world, f"company-{number % 3}", who, at=late, traits={"name": f"n{number % 4}"})
    return world


@pytest.mark.parametrize("projection", found_projections(), ids=lambda projection: projection.name)
class TestContract:
    def test_its_code_looks_at_no_clock_and_draws_nothing(self, projection: Projection) -> None:
        for path, tree in writing(projection):
            assert not CLOCKS & set(calls_of(tree)), path
            assert not CHANCE & set(imports_of(tree)), path
            assert not [text for text in texts_of(tree) if SQL_CHANCE.search(text)], path

    def test_its_tables_draw_nothing(self, projection: Projection) -> None:
        statements = re.sub(r"--.*", "", tables_of(projection))
        assert not SQL_CHANCE.search(statements)
        assert "default" not in statements.lower()
        for statement in filter(str.strip, statements.split(";")):
            assert re.match(r"\s*create (unlogged table|table|(unique )?index) if not exists ", statement), statement

    def test_its_tables_are_those_that_it_declares(self, databases: Databases, projection: Projection) -> None:
        if not isinstance(projection, Declared):
            return
        schema = schema_of(projection)
        with databases.read.connection() as connection:
            install(connection, projection)

            def columns(table: str) -> dict[str, str]:
                found = rows_of(connection, COLUMNS, f"{schema}.{table}")
                return {name: ALIASES.get(sql_type, sql_type) for name, sql_type in found}

            for table, row in projection.rows.items():
                assert columns(table) == columns_of(row), table
            for rollup in projection.rollups:
                keys = sorted(rollup.keys)
                for table, declared in tables_of_rollup(rollup).items():
                    assert columns(table) == {name: ALIASES.get(each, each) for name, each in declared.items()}, table
                    expected = keys if table == rollup.table else sorted([*keys, "value"])
                    assert [expected] in [list(each) for each in rows_of(connection, UNIQUE, f"{schema}.{table}")]

    def test_live_equals_replay_in_batches_of_any_size(self, databases: Databases, projection: Projection) -> None:
        projections, world = with_requirements(projection), a_year()
        with databases.read.connection() as connection:
            dumps = []
            for batch_size in (5_000, 1, 7, 23):
                erase(connection)
                catch_up(world.engine(connection, projections, batch_size=batch_size))
                dumps.append(dump(connection, projections))
            assert dumps[0] == dumps[1] == dumps[2] == dumps[3]
            assert any(rows for table, rows in dumps[0].items() if table.startswith(schema_of(projection)))

    def test_it_says_the_same_of_the_same_surroundings(self, projection: Projection) -> None:
        surroundings = World().surroundings()
        assert projection.configuration(surroundings) == projection.configuration(surroundings)


def tables_of_rollup(rollup: Rollup) -> dict[str, dict[str, str]]:
    """The tables of a rollup, with their columns."""
    values = {
        f"{rollup.table}_{name}": {**rollup.keys, "value": figure.type, "rows": "bigint"}
        for name, figure in rollup.distinct.items()
    }
    return {rollup.table: rollup.columns, **values}
