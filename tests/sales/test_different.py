"""Different orders and customers of lines are those that another program counts, whatever they are counted by."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from projections.sales.different import added_up
from projections.sales.dimensions import NONE
from projections.sales.evidence import read_evidence
from projections.sales.figures import answer
from projections.sales.measures import MEASURES
from projections.sales.question import Question
from projections.sales.rows import ORDERS_OF
from tests.projections.variants import found, with_requirements
from tests.projections.world import catch_up
from tests.sales.orders import Drawn, world_of, worlds
from tests.sales.recomputation import recomputed

SALES = with_requirements(found("sales"))
UTC = ZoneInfo("UTC")
MEASURED = ("product_orders", "product_customers")
BY: tuple[tuple[str, ...], ...] = (
    *((name,) for name in ORDERS_OF if name is not None),
    *((), ("day",), ("channel", "category"), ("day", "product"), ("customer", "department"), ("currency",)),
    *(("category", "product"), ("product_brand", "department", "channel")),
)
ONLY: tuple[dict[str, tuple[str, ...]], ...] = (
    {},
    {"channel": ("web",)},
    {"customer": ("new", "unknown")},
    {"category": ("drinks",)},
    {"category": (NONE,)},
    {"category": ("drinks", NONE)},
    {"product": ("tea", "cup")},
    {"department": ("food",), "category": ("drinks",)},
    {"product_brand": ("own",), "channel": ("store",)},
)
TEA = {"product_id": "tea", "price": "20", "category": "drinks", "brand": "own", "department": "food"}
CUP = {"product_id": "cup", "price": "20", "category": "kitchen", "brand": "own", "department": "home"}
MUG = {"product_id": "cup", "price": "20", "category": "drinks", "department": "food"}
GIFT = {"product_id": "jam", "price": "0", "category": "drinks"}
SEVERAL: Drawn = [
    ({"user_id": "1"}, "Order Completed", 9, 0, {"products": [GIFT, TEA, CUP, TEA, MUG]}, {"order_id": "o1"}, "web"),
    ({"user_id": "1"}, "Order Completed", 19, 0, {"products": [TEA, MUG]}, {"order_id": "o2"}, "web"),
    ({"email": "2"}, "Order Completed", 29, 0, {"products": [CUP, MUG, TEA]}, {}, "store"),
    ({"email": "2"}, "Order Refunded", 39, 0, {"products": [MUG]}, {"order_id": "o1"}, "web"),
    ({"user_id": "1"}, "Order Updated", 49, 0, {"products": [CUP, CUP, GIFT, MUG]}, {"order_id": "o2"}, "web"),
    ({"email": "2", "user_id": "1"}, "Order Cancelled", 59, -2, {}, {"order_id": "o2"}, "web"),
]
"""Orders with several lines of a kind, corrected, refunded and cancelled, and people who turn out to be one."""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, st.integers(1, 6))
@example(SEVERAL, 1)
@example(SEVERAL[:3], 6)
def test_different_orders_and_customers_are_what_duckdb_counts(
    connection: Connected, drawn: Drawn, batch_size: int
) -> None:
    # Given sales that came in late, repeated, corrected, cancelled, refunded and merged, batch by batch
    catch_up(world_of(drawn).engine(connection, SALES, batch_size))
    duck = recomputed(connection)
    for by in BY:
        for only in ONLY:
            # When orders and customers of lines are counted
            read = answer(connection, Question(MEASURED, by, only), UTC).rows
            # Then another program comes to the same
            assert sorted(read, key=repr) == sorted(counted(duck, by, only), key=repr), (by, only)
    # And the evidence of different orders sums to their figure
    for only in ONLY:
        evidence = read_evidence(connection, Question(MEASURED[:1], (), only), UTC, 1_000)
        [(orders, _)] = counted(duck, (), only)
        assert [each.sum for each in evidence.sums] == [orders]
        assert len({item.order for item in evidence.items}) == len(evidence.items) == orders


def counted(duck: duckdb.DuckDBPyConnection, by: tuple[str, ...], only: dict[str, tuple[str, ...]]) -> list[Any]:
    """The same by DuckDB over the lines sold."""
    conditions = ["true"]
    for name, values in only.items():
        chosen = ", ".join(f"'{each}'" for each in values if each != NONE) or "''"
        conditions.append(f"({name} in ({chosen}){f' or {name} is null' if NONE in values else ''})")
    figures = "count(distinct order_key), count(distinct profile)"
    grouped = f"group by {', '.join(by)}" if by else ""
    query = f"select {', '.join([*by, figures])} from sold where {' and '.join(conditions)} {grouped}"
    return duck.execute(query).fetchall()


@pytest.mark.parametrize(
    ("by", "only", "summed"),
    [
        ((), {}, "orders"),
        (("month", "store"), {"channel": ("web", "app")}, "orders"),
        (("category",), {"category": ("tea", "cups")}, "orders_of_category"),
        (("store",), {"product": ("tea",)}, "orders_of_product"),
        ((), {"product": ("tea", "cup")}, None),
        (("product",), {"category": ("tea",)}, None),
        (("product_brand", "department"), {}, None),
    ],
)
def test_orders_add_up_where_each_is_in_one_row(
    by: tuple[str, ...], only: dict[str, tuple[str, ...]], summed: str | None
) -> None:
    measure = added_up(MEASURES["product_orders"], Question(("product_orders",), by, only))
    assert measure.distinct == (summed is None)
    assert measure.plus == (summed or "sold_lines",)
