"""An answer in order of time that is read only as far as it is wanted has the rows that reading everything gives."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from projections.contract import Connected
from projections.sales import comparing, stretches
from projections.sales.comparing import compared
from projections.sales.figures import answer
from projections.sales.question import LARGEST_LIMIT, PREVIOUS, Period, Question, began
from projections.sales.stretches import LONGEST, Stretches, leading_time
from tests.projections.variants import found, with_requirements
from tests.projections.world import World, catch_up

SALES = with_requirements(found("sales"))
SHOP = ZoneInfo("Europe/Istanbul")

days = st.dates(date(2015, 1, 1), date(2019, 12, 31))
periods = st.tuples(days, days).map(lambda drawn: Period(min(drawn), max(drawn)))
weeks = st.dates(date(2024, 2, 20), date(2024, 5, 31))
questions = st.builds(
    Question,
    st.sampled_from(
        [
            ("gross", "orders"),
            ("orders", "customers", "aov"),
            ("gross", "product_sales", "product_orders"),
            ("net", "lines", "product_customers"),
            ("deliveries", "refunded"),
        ]
    ),
    st.lists(
        st.sampled_from(
            ["hour", "day", "week", "month", "year", "hour_of_day", "weekday", "channel", "customer", "store"]
        ),
        min_size=1,
        max_size=3,
        unique=True,
    ).map(tuple),
    zone=st.sampled_from([None, ZoneInfo("America/New_York"), ZoneInfo("Asia/Kolkata")]),
    convert=st.sampled_from([None, "TRY"]),
    limit=st.integers(1, 20),
)


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a read database with ten weeks of sales, of which some went back."""
    world = World()
    for number in range(60):
        who, at, source = {"user_id": str(number % 7)}, number * 29, ("web", "till")[number % 2]
        sold = {
            "total": f"{number % 9}.10",
            "currency": "EUR" if number % 11 == 0 else "TRY",
            "store": ("north", "south", "east")[number % 3],
            "products": [{"product_id": f"p{number % kinds}", "price": "1.10"} for kinds in (2, 3, 5)],
        }
        world.see(who, "Order Completed", at=at, properties=sold, references=_order(number), source=source)
        world.see(who, "Order Delivered", at=at + 50, references=_order(number), source=source)
        if number % 5 == 0:
            world.see(who, "Order Refunded", at=at + 90, references=_order(number), source=source)
    with databases.read.connection() as connection:
        catch_up(world.engine(connection, SALES))
        yield connection


def _order(number: int) -> dict[str, str]:
    return {"order_id": str(number)}


@given(periods, st.sampled_from(sorted(LONGEST)), st.booleans(), st.lists(st.integers(0, 40)))
def test_stretches_follow_each_other_and_leave_nothing_out(
    period: Period, time: str, latest_first: bool, found: list[int]
) -> None:
    # Given a question in order of time
    order = (f"-{time}" if latest_first else time,)
    question = Question(("product_orders",), (time, "product"), period=period, order=order)
    left, taken, so_far = Stretches(question, period), list[Period](), 0
    # When its time is taken stretch by stretch, however many rows are found in each
    while left.left is not None:
        taken.append(left.take(left.left, so_far))
        so_far += found.pop() if found else 0
    # Then the stretches are the whole time in order, cut where a new row begins
    in_order = taken[::-1] if latest_first else taken
    assert [day for each in in_order for day in _days(each)] == list(_days(period))
    for each in in_order[1:]:
        assert each.first is not None and began(time, each.first) == each.first


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(questions, st.data())
def test_the_first_rows_are_those_of_the_whole_answer(
    connection: Connected, asked: Question, data: st.DataObject
) -> None:
    # Given a question about all sales, or those of a time among them
    at = data.draw(st.integers(0, len(asked.by) - 1))
    order = data.draw(st.sampled_from([(), (asked.by[at],), (f"-{asked.by[at]}",), (f"-{asked.measures[0]}",)]))
    begin, end = sorted(data.draw(st.tuples(weeks, weeks)))
    period = data.draw(st.sampled_from([Period(None, None), Period(begin, end), Period(begin, None)]))
    question = dataclasses.replace(asked, order=order, period=period)
    # When it is asked in the shortest of stretches, and in one statement
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stretches, "_rows_a_day", lambda _: stretches.FEWEST)
        patched.setattr(stretches, "LEAP", 2)
        patched.setattr(stretches, "IN_THE_DARK", 1)
        part = answer(connection, question, SHOP)
        beside = compared(connection, dataclasses.replace(question, period=Period(begin, end)), SHOP, PREVIOUS)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(stretches, "leading_time", _none)
        patched.setattr(comparing, "leading_time", _none)
        whole = answer(connection, dataclasses.replace(question, limit=LARGEST_LIMIT), SHOP)
        expected = answer(connection, question, SHOP)
        compared_whole = compared(connection, dataclasses.replace(question, period=Period(begin, end)), SHOP, PREVIOUS)
    # Then its rows are the first of all, and it says whether there are more
    assert part.rows == expected.rows == whole.rows[: question.limit]
    assert part.unconverted == expected.unconverted
    assert part.groups in (None, len(whole.rows))
    assert part.more == (len(whole.rows) > question.limit)
    # And beside another time they stand as they would
    assert (beside.rows, beside.beside, beside.more) == (
        compared_whole.rows,
        compared_whole.beside,
        compared_whole.more,
    )


def test_what_has_no_order_of_time_is_read_at_once() -> None:
    for by, order in ((("weekday", "day"), ()), (("store",), ()), (("day",), ("-orders",))):
        assert leading_time(Question(("orders",), by, order=order)) is None


def _none(*_: object) -> None:
    return None


def _days(period: Period) -> Iterator[date]:
    assert period.first is not None and period.last is not None
    for number in range((period.last - period.first).days + 1):
        yield period.first + timedelta(days=number)
