"""Rollups equal a recomputation from the facts by another program, after any mix of late, repeated and merged."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from tests.projections.variants import found, with_requirements
from tests.projections.world import catch_up, rows_of
from tests.sales.orders import Drawn, world_of, worlds
from tests.sales.recomputation import recomputed

SALES = with_requirements(found("sales"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, st.integers(1, 6))
def test_rollups_are_what_duckdb_makes_of_the_facts(connection: Connected, drawn: Drawn, batch_size: int) -> None:
    # Given sales kept up to date batch by batch
    catch_up(world_of(drawn).engine(connection, SALES, batch_size))
    # When the exported facts are folded once more by another program
    duck = recomputed(connection)

    def both(ours: str, theirs: str) -> tuple[list[Any], list[Any]]:
        return sorted(rows_of(connection, ours), key=repr), sorted(duck.execute(theirs).fetchall(), key=repr)

    # Then sales by day, channel, currency and kind of customer are the same
    kept, expected = both(
        """
        select day, channel, currency, customer, sum(rows)::bigint, round(sum(amount), 6)
        from sales.daily
        where kind = 'sale'
        group by 1, 2, 3, 4
        """,
        """
        select day, channel, currency, customer, count(*), round(sum(gross), 6)
        from customers
        where gross is not null
        group by all
        """,
    )
    assert kept == expected
    # And so are refunds and cancellations
    kept, expected = both(
        """
        select channel, currency, round(sum(amount), 6) from sales.hourly
        where kind = 'refund' group by 1, 2 having sum(amount) <> 0
        """,
        """
        select channel, given_back.currency, round(sum(refunded), 6) from given_back join orders using (order_key)
        group by all having sum(refunded) <> 0
        """,
    )
    assert kept == expected
    kept, expected = both(
        """
        select channel, currency, sum(rows)::bigint, round(sum(amount), 6) from sales.hourly
        where kind = 'cancellation' group by 1, 2
        """,
        """
        select channel, cancelled.currency, count(*), round(sum(cancelled), 6)
        from cancelled
        join orders using (order_key)
        group by all
        """,
    )
    assert kept == expected
    # And every profile that bought was new once
    kept, expected = both(
        """
        select count(distinct profile), count(*) filter (where first)
        from sales.movements
        where kind = 'sale' and amount > 0
        """,
        "select count(distinct profile), count(distinct profile) from customers where gross > 0",
    )
    assert kept == expected
    # And what each customer did in a month, and in each of its weeks, is the sum of the movements
    group = "profile, channel, source, currency, customer, kind, first, late"
    sums = "sum(amount), sum(units), sum(shipping)"
    month = "date_trunc('month', day)::date"
    split_week = f"greatest(date_trunc('week', day)::date, {month})"
    for column, begins in ("month", month), ("split_week", split_week):
        moved = f"select {begins}, {group}, count(*), {sums} from sales.movements group by {begins}, {group}"
        table = f"sales.buyer_{column.removeprefix('split_')}s"
        summed = f"select {column}, {group}, sum(rows)::bigint, {sums} from {table} group by {column}, {group}"
        assert in_order(connection, summed) == in_order(connection, moved)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, st.integers(1, 6))
def test_line_rollups_are_the_sums_of_the_lines(connection: Connected, drawn: Drawn, batch_size: int) -> None:
    catch_up(world_of(drawn).engine(connection, SALES, batch_size))
    figures = "sum(quantity), sum(amount), sum(discount)"
    by_category = "day, channel, source, currency, customer, reason, category, product_brand, department, kind"
    lines = f"select {by_category}, count(*), {figures} from sales.lines group by {by_category}"
    kept = f"select {by_category}, sum(rows)::bigint, {figures} from sales.categories group by {by_category}"
    assert in_order(connection, kept) == in_order(connection, lines)
    by_product = "product, channel, source, currency, customer, category, product_brand, department, kind"
    month = "date_trunc('month', day)::date"
    lines = f"select {month}, {by_product}, count(*), {figures} from sales.lines group by {month}, {by_product}"
    kept = f"select month, {by_product}, sum(rows)::bigint, {figures} from sales.products group by month, {by_product}"
    assert in_order(connection, kept) == in_order(connection, lines)
    by_buyer = "profile, channel, source, currency, customer, kind"
    lines = f"select {month}, {by_buyer}, count(*), {figures} from sales.lines group by {month}, {by_buyer}"
    kept = f"select month, {by_buyer}, sum(rows)::bigint, {figures} from sales.buyer_lines group by month, {by_buyer}"
    assert in_order(connection, kept) == in_order(connection, lines)


def in_order(connection: Connected, query: str) -> list[tuple[Any, ...]]:
    """The rows of a query in an order of their own, decimals without zeros at their end."""
    rows = rows_of(connection, query)
    return sorted(
        (tuple(each.normalize() if hasattr(each, "normalize") else each for each in row) for row in rows), key=repr
    )
