"""Answers put together from tables of years, months and days are those that the rows themselves give."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from projections.sales.figures import answer
from projections.sales.pieces import Piece, pieces_of
from projections.sales.question import Period, Question, began
from projections.sales.rows import first_of_split_week
from projections.sales.tables import LINES, MONTH, ORDERS, SPLIT_WEEK, YEAR, Family, Table
from tests.projections.variants import found, with_requirements
from tests.projections.world import World, catch_up
from tests.sales.orders import Drawn, world_of, worlds

SALES = with_requirements(found("sales"))
SHOP = ZoneInfo("Europe/Istanbul")

Bought = list[tuple[str | None, str | None]]
bought = st.lists(
    st.tuples(st.sampled_from(("u1", "u2", "u3", None)), st.sampled_from(("tea", "cup", None))), max_size=6
)
days = st.dates(date(2015, 1, 1), date(2019, 12, 31))
periods = st.tuples(days, days).map(lambda drawn: Period(min(drawn), max(drawn)))
ASKED = (
    (("gross", "net", "orders"), ("hour",)),
    (("gross", "customers"), ("store",)),
    (("product_sales", "lines"), ()),
    (("product_sales", "product_net"), ("year", "store")),
    (("product_sales", "lines", "product_units"), ("month", "category")),
    (("product_sales", "product_customers"), ("category",)),
    (("product_sales", "product_orders"), ("product_brand",)),
    (("product_units", "product_customers"), ("product",)),
    (("product_customers",), ("product",)),
    (("product_customers", "product_orders"), ("department",)),
    (("product_orders",), ("category", "product_brand")),
    (("lines", "product_customers", "product_orders"), ("quarter", "customer")),
    (("product_sales",), ("hour", "channel")),
    (("product_sales",), ("cohort_month", "age_months")),
    (("gross", "customers", "new_customers", "aov"), ("cohort_month",)),
    (("gross", "customers"), ("cohort_week", "age_weeks")),
    (("net", "customers"), ("week",)),
    (("orders", "customers", "product_customers"), ("cohort_week", "age_months")),
    (("lines", "product_sales", "product_customers"), ("store", "cohort_year")),
    (("gross", "margin", "product_sales"), ("channel",)),
)


@given(
    periods,
    st.sampled_from(
        [
            ("product_sales", ("category",)),
            ("product_sales", ("product",)),
            ("product_sales", ("week",)),
            ("product_sales", ("hour", "product")),
            ("customers", ("cohort_week", "age_weeks")),
            ("customers", ("cohort_month", "age_months")),
            ("customers", ("week",)),
        ]
    ),
)
@example(Period(date(2016, 1, 1), date(2017, 12, 31)), ("product_sales", ("product",)))
@example(Period(date(2016, 2, 29), date(2016, 2, 29)), ("product_sales", ("product",)))
@example(Period(date(2016, 2, 29), date(2016, 3, 6)), ("customers", ("week",)))
def test_each_day_is_in_one_piece(period: Period, asked: tuple[str, tuple[str, ...]]) -> None:
    measure, by = asked
    question = Question((measure,), by, period=period)
    [family] = question.families
    pieces = pieces_of(question, family, SHOP, {"profile"} if measure == "customers" else ())
    covered = [day for piece in pieces for day in _days(piece.period)]
    assert sorted(covered) == list(_days(period))
    for table, stretch in pieces:
        assert table.grain not in (YEAR, MONTH, SPLIT_WEEK) or stretch == stretch.whole(table.grain)


@given(days, days)
def test_weeks_split_at_the_end_of_their_month_make_up_weeks_and_months(one: date, other: date) -> None:
    alike = first_of_split_week(one) == first_of_split_week(other)
    assert alike == (began("week", one) == began("week", other) and began("month", one) == began("month", other))
    assert first_of_split_week(one) <= one


def test_weeks_are_read_from_weeks_and_what_is_cut_off_of_them_from_days() -> None:
    # Given a period that cuts a week at one end and a month at the other
    cut = Period(date(2017, 1, 31), date(2017, 3, 5))
    # When cohorts by month and their age in months are asked
    asked = Question(("customers",), ("cohort_month", "age_months"), period=cut)
    read = [(piece.table.name, piece.period) for piece in pieces_of(asked, ORDERS, SHOP, {"profile"})]
    # Then the month comes from months, whole parts of weeks from weeks, the rest from the rows
    assert read == [
        ("buyer_months", Period(date(2017, 2, 1), date(2017, 2, 28))),
        ("movements", Period(date(2017, 1, 31), date(2017, 1, 31))),
        ("buyer_weeks", Period(date(2017, 3, 1), date(2017, 3, 5))),
    ]


def test_long_times_are_read_from_small_tables() -> None:
    year = Period(date(2017, 1, 1), date(2018, 1, 31))
    best = pieces_of(Question(("product_sales",), ("product",), period=year), LINES, SHOP)
    assert [piece.table.name for piece in best] == ["product_years", "products"]
    [all_time] = pieces_of(Question(("product_sales",), ("store",)), LINES, SHOP)
    assert all_time.table.name == "store_years"


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(worlds, st.integers(1, 6), st.data())
def test_pieces_give_what_the_rows_give(
    connection: Connected, drawn: Drawn, batch_size: int, data: st.DataObject
) -> None:
    # Given sales of some days or of a year and more, that came in late, repeated, corrected, refunded and merged
    hours = data.draw(st.sampled_from((1, 150)))
    drawn = [(*each[:2], each[2] * hours, *each[3:]) for each in drawn]
    catch_up(world_of(drawn).engine(connection, SALES, batch_size))
    [(first, last)] = connection.execute("select min(day), max(day) from sales.movements").fetchall()
    if first is None:
        return
    around = st.dates(first - timedelta(days=40), last + timedelta(days=400))
    begin, end = sorted((data.draw(around), data.draw(around)))
    year = Period(date(first.year, 1, 1), max(end, date(first.year, 12, 31)))
    for period in (Period(None, None), Period(begin, end), year):
        for measures, by in ASKED:
            question = Question(measures, by, period=period)
            # When the same is asked of rollups and of the rows
            read = sorted(answer(connection, question, ZoneInfo("UTC")).rows, key=repr)
            with pytest.MonkeyPatch.context() as patched:
                patched.setattr(Family, "table", _base)
                patched.setattr("projections.sales.selections._same_pieces", _nowhere)
                expected = sorted(answer(connection, question, ZoneInfo("UTC")).rows, key=repr)
            # Then the answers are the same
            assert read == expected, (measures, by, period)


def _base(family: Family, *_: object) -> Table:
    return family.base


def _nowhere(*_: object) -> list[Piece]:
    return []


def _days(period: Period) -> Iterator[date]:
    assert period.first is not None and period.last is not None
    for number in range((period.last - period.first).days + 1):
        yield period.first + timedelta(days=number)


@example([("u1", "tea"), ("u1", None)], [("u1", "tea"), ("u2", "tea"), ("u2", None), ("u1", None)], None)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bought, bought, st.none() | st.sampled_from(("tea", "cup", "(none)")))
def test_customers_of_a_product_in_a_year_and_after_it_are_counted_once(
    connection: Connected, within: Bought, after: Bought, only: str | None
) -> None:
    # Given who bought what in a year, and in the month after it
    world = World(incarnation=uuid4())
    for hours, sold in (0, within), (24 * 310, after):
        for user, product in sold:
            products = [{"product_id": product, "quantity": 1, "price": "2"}]
            who, has = {"user_id": user} if user else {}, {"total": "2", "products": products}
            world.see(who, "Order Completed", at=hours, properties=has)
    catch_up(world.engine(connection, SALES, 2))
    # When it is asked how many different customers each product had
    filters = {"product": (only,)} if only else {}
    period = Period(date(2024, 1, 1), date(2025, 1, 31))
    asked = Question(("product_customers",), ("product",), filters, period, limit=1000)
    found = dict(answer(connection, asked, ZoneInfo("UTC")).rows)
    # Then each counts once, be it in both, and whoever is not known counts not at all
    buyers: dict[str | None, set[str]] = {}
    for user, product in (*within, *after):
        if user and (only is None or only == (product or "(none)")):
            buyers.setdefault(product, set()).add(user)
    assert found == {product: len(users) for product, users in buyers.items()}


def test_orders_need_no_years() -> None:
    [piece] = pieces_of(Question(("gross",), ("store",)), ORDERS, SHOP)
    assert piece.table.name == "daily"
