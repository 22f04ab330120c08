"""Groups of customers: quintiles and tiers against brute force over what everybody did."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.value.definition import definition_of
from projections.contract import Connected
from projections.sales.dimensions import DIMENSIONS
from projections.sales.figures import answer
from projections.sales.question import InvalidQuestion, Period, Question
from projections.sales.views.cohorts import PERIODS, cohort_question, read_cohorts
from projections.sales.views.judging import Judging
from tests.projections.variants import found, with_requirements
from tests.projections.world import START, World, catch_up

ISTANBUL = ZoneInfo("Europe/Istanbul")
LAST = START.date() + timedelta(days=30)
METRICS = {"money": "0.5", "frequency": 3, "tenure": "0.1", "recency": "-0.25", "units": 1, "returns": -2}
COUNTED = {"points": "0.01", "referrals": 4, "touchpoint:Review Written": "1.5"}
DEFINITION = definition_of(
    {"currency": "TRY", "coefficients": {**METRICS, **COUNTED}, "tiers": {"gold": "12.5", "silver": 8, "bronze": "4"}}
)


class Done(NamedTuple):
    """Something that somebody did on a day."""

    who: str
    day: int
    what: str
    total: Decimal


events = st.sampled_from(
    [*["Order Completed"] * 5, "Order Returned", "Points Earned", "Referral Made", "Review Written"]
)
doings = st.lists(
    st.builds(
        Done, st.sampled_from("abcdefg"), st.integers(0, 20), events, st.sampled_from(list(map(Decimal, "1257")))
    ),
    min_size=1,
    max_size=24,
)


def projected(connection: Connected, done: Sequence[Done]) -> None:
    """What everybody did, in the projections that groups are read from."""
    world = World(incarnation=uuid4())
    for each in done:
        properties: dict[str, Any] = {"total": str(each.total), "currency": "TRY", "products": [{"quantity": 2}]}
        if each.what == "Points Earned":
            properties = {"points": 100}
        world.see({"user_id": each.who}, each.what, at=24 * each.day, properties=properties)
    catch_up(world.engine(connection, with_requirements(found("sales"), found("timeline"), found("profiles"))))


def purchases(done: Sequence[Done]) -> dict[str, list[Done]]:
    """Whoever bought, with all that they did."""
    buyers = {each.who for each in done if each.what == "Order Completed"}
    return {who: [each for each in done if each.who == who] for who in buyers}


def bought(mine: Sequence[Done]) -> list[Done]:
    return [each for each in mine if each.what == "Order Completed"]


def counted(connection: Connected, by: tuple[str, ...], judging: Judging) -> dict[tuple[Any, ...], int]:
    """How many customers each group has."""
    asked = Question(("customers",), by, period=Period(None, LAST), judging=judging)
    return {row[:-1]: int(row[-1]) for row in answer(connection, asked, ISTANBUL).rows}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(doings)
def test_equal_customers_have_equal_scores(connection: Connected, done: list[Done]) -> None:
    projected(connection, done)
    metrics = [
        (max(each.day for each in bought(mine)), len(bought(mine)), sum(each.total for each in bought(mine)))
        for mine in purchases(done).values()
    ]
    expected: dict[tuple[Any, ...], int] = {}
    for mine in metrics:
        scores = tuple(1 + 5 * sum(other[at] < mine[at] for other in metrics) // len(metrics) for at in range(3))
        expected[scores] = expected.get(scores, 0) + 1
    by = ("rfm_recency", "rfm_frequency", "rfm_money")
    assert counted(connection, by, Judging(None, LAST, "TRY")) == expected


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(doings)
def test_a_score_is_the_sum_of_metric_times_coefficient(connection: Connected, done: list[Done]) -> None:
    projected(connection, done)
    expected: dict[tuple[Any, ...], int] = {}
    for mine in purchases(done).values():
        tier = tier_of(score(mine))
        expected[(tier,)] = expected.get((tier,), 0) + 1
    assert counted(connection, ("tier",), Judging(None, LAST, "TRY", DEFINITION, "value@1")) == expected


def score(mine: Sequence[Done]) -> Decimal:
    days = [(LAST - START.date()).days - each.day for each in bought(mine)]
    kinds = [each.what for each in mine]
    return (
        sum((each.total for each in bought(mine)), Decimal(0)) * Decimal("0.5")
        + len(days) * 3
        + max(days) * Decimal("0.1")
        - min(days) * Decimal("0.25")
        + len(days) * 2
        - kinds.count("Order Returned") * 2
        + kinds.count("Points Earned")
        + kinds.count("Referral Made") * 4
        + kinds.count("Review Written") * Decimal("1.5")
    )


def tier_of(reached: Decimal) -> str:
    tiers = (("gold", "12.5"), ("silver", "8"), ("bronze", "4"))
    return next((name for name, threshold in tiers if reached >= Decimal(threshold)), "(below)")


def test_customers_are_judged_by_a_stretch_of_time(connection: Connected) -> None:
    projected(connection, [Done("a", 0, "Order Completed", Decimal(5)), Done("b", 9, "Order Completed", Decimal(1))])
    tenth = START.date() + timedelta(days=9)
    assert counted(connection, ("rfm_recency",), Judging(None, tenth - timedelta(days=1), "TRY")) == {
        (1,): 1,
        (None,): 1,
    }
    assert counted(connection, ("rfm_money",), Judging(tenth, tenth, "TRY")) == {(1,): 1, (None,): 1}
    assert counted(connection, ("rfm_money",), Judging(None, LAST, "EUR")) == {(None,): 2}


def test_every_group_can_be_asked_for_with_every_other(connection: Connected) -> None:
    projected(connection, [Done("a", 0, "Order Completed", Decimal(5))])
    judging = Judging(None, LAST, "TRY", DEFINITION, "value@1")
    groups = [each.name for each in DIMENSIONS.values() if each.join and each.name != "first_touch"]
    asked = Question(("orders", "customers"), (*groups, "definition"), judging=judging)
    [row] = answer(connection, asked, ISTANBUL).rows
    assert row[-2:] == (1, 1)
    assert date(START.year, START.month, 1) in row


def test_a_filter_only_or_a_tier_without_a_pyramid_is_refused() -> None:
    with pytest.raises(InvalidQuestion, match="is a filter only"):
        Question(("orders",), ("with_product",))
    with pytest.raises(InvalidQuestion, match="need a value pyramid"):
        Question(("orders",), ("tier",))


@pytest.mark.parametrize("period", PERIODS)
def test_a_cohort_begins_when_somebody_buys(connection: Connected, period: str) -> None:
    # Given somebody who ordered something free, and bought two days later
    free = Done("a", 0, "Order Completed", Decimal(0))
    projected(connection, [free, free._replace(day=2, total=Decimal(5))])
    # When cohorts are asked for as of both days
    sizes = []
    for last in (START.date(), START.date() + timedelta(days=2)):
        asked = cohort_question(Question(("orders",), period=Period(None, last)), period)
        sizes.append([each.size for each in read_cohorts(connection, asked, ISTANBUL, period, None, last)])
    # Then there is none before the purchase
    assert sizes == [[], [1]]
