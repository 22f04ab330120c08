"""Groups of few rows are added up to the same as PostgreSQL's own sum."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from projections.sales.readings import SUM_OF_FEW
from tests.projections.variants import found, with_requirements
from tests.projections.world import catch_up
from tests.sales.orders import world_of

SALES = with_requirements(found("sales"))


@pytest.fixture
def published(connection: Connected) -> Connected:
    """A database in which sales are served."""
    catch_up(world_of([]).engine(connection, SALES, 1))
    return connection


@pytest.mark.parametrize(
    ("sql_type", "values"),
    [
        ("numeric", st.decimals(allow_nan=False, allow_infinity=False, places=6)),
        ("bigint", st.integers(-(2**40), 2**40)),
        ("integer", st.integers(-(2**31), 2**31 - 1)),
    ],
)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_few_are_added_up_as_sum_does(
    published: Connected, sql_type: str, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    numbers = data.draw(st.lists(st.none() | values, max_size=8))
    query = f"select sum(each), {SUM_OF_FEW}(each) from unnest(%s::{sql_type}[]) as numbers (each)"
    [(expected, added)] = published.execute(query.encode(), [numbers]).fetchall()
    assert added == expected
    assert added is None or Decimal(added) == sum(each for each in numbers if each is not None)
