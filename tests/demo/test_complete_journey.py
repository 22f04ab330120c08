"""The real year must come out of the files to the last cent."""

from __future__ import annotations

import sys
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

pytest.importorskip("pyarrow", reason="the demo's real data are Parquet files; install the extra `demo`")

from api.demo import complete_journey
from api.demo.complete_journey import CompleteJourney
from api.demo.items import CARD, Item
from api.demo.packages import REAL_DATA, MissingPackage, folder_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def journey() -> CompleteJourney:
    try:
        return CompleteJourney.installed()
    except MissingPackage as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def orders(journey: CompleteJourney) -> list[tuple[str, str, str, Decimal, Decimal, int]]:
    """Message id, card, time, total, sum of the lines and number of lines of every basket."""
    return [_summary(item) for item in journey.baskets()]


def test_every_basket_of_the_year_is_one_order(orders: list[tuple[str, str, str, Decimal, Decimal, int]]) -> None:
    assert len(orders) == 155_848
    assert len({message for message, *_ in orders}) == 155_848
    assert len({card for _, card, *_ in orders}) == 2_469
    assert sum(lines for *_, lines in orders) == 1_469_307


def test_the_orders_add_up_to_the_sales_of_the_year(orders: list[tuple[str, str, str, Decimal, Decimal, int]]) -> None:
    assert sum(total for _, _, _, total, _, _ in orders) == Decimal("4596039.58")


def test_the_lines_of_each_order_add_up_to_its_total(
    orders: list[tuple[str, str, str, Decimal, Decimal, int]],
) -> None:
    assert [message for message, _, _, total, lines, _ in orders if total != lines] == []


def test_times_carry_the_declared_zone(orders: list[tuple[str, str, str, Decimal, Decimal, int]]) -> None:
    first = datetime.fromisoformat(orders[0][2])

    assert first == datetime.fromisoformat("2017-01-01T11:53:26+03:00")
    assert {moment[-6:] for _, _, moment, *_ in orders} == {"+03:00"}


def test_baskets_are_the_same_whatever_the_portions(
    journey: CompleteJourney, orders: list[tuple[str, str, str, Decimal, Decimal, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A basket that lies across the end of a portion is still one basket."""
    monkeypatch.setattr(complete_journey, "LINES_READ", 1_009)

    few = [_summary(item) for item, _ in zip(journey.baskets(), range(2_000), strict=False)]

    assert few == orders[:2_000]


def test_campaigns_redemptions_and_demographics_are_complete(journey: CompleteJourney) -> None:
    campaigns, redemptions = list(journey.campaigns()), list(journey.redemptions())
    demographics = list(journey.demographics())

    assert len(campaigns) == 6_589
    assert len(redemptions) == 2_102
    assert len(demographics) == 801
    assert not _repeated([*campaigns, *redemptions, *demographics])
    assert all(None not in item["traits"].values() for item in demographics)


def test_the_figures_are_counted_in_the_files(journey: CompleteJourney) -> None:
    assert journey.figures() == (155_848, Decimal("4596039.58"), 6_589, 2_102, 801)


def test_the_share_of_campaigns_that_were_redeemed_is_the_known_one(journey: CompleteJourney) -> None:
    kinds = {(item["properties"]["campaign"], _card(item)): item["properties"] for item in journey.campaigns()}
    redeemed = {(item["properties"]["campaign"], _card(item)) for item in journey.redemptions()}

    shares = {
        kind: _share([pair in redeemed for pair, properties in kinds.items() if properties["campaign_type"] == kind])
        for kind in ("Type A", "Type B", "Type C")
    }

    assert shares == {"Type A": 16.6, "Type B": 6.5, "Type C": 5.9}


def test_the_first_basket_of_each_household_is_its_earliest(
    journey: CompleteJourney, orders: list[tuple[str, str, str, Decimal, Decimal, int]]
) -> None:
    first = journey.first_baskets()

    earliest: dict[int, datetime] = {}
    for _, card, moment, *_ in orders:
        earliest.setdefault(int(card), datetime.fromisoformat(moment))
    assert first == earliest
    assert all(moment.utcoffset() == timedelta(hours=3) for moment in first.values())


def test_a_missing_package_is_said_with_its_remedy() -> None:
    with pytest.raises(MissingPackage, match="pip install"):
        folder_of("a_package_that_is_not_there")


def test_reading_does_not_import_the_package(journey: CompleteJourney) -> None:
    next(journey.baskets())

    assert REAL_DATA not in sys.modules
    assert isinstance(journey.folder, Path)


def _summary(item: Item) -> tuple[str, str, str, Decimal, Decimal, int]:
    order = item["properties"]
    cents = [int(line["total"].replace(".", "")) for line in order["products"]]
    return (
        item["messageId"],
        _card(item),
        item["timestamp"],
        Decimal(order["total"]),
        Decimal(sum(cents)) / 100,
        len(cents),
    )


def _card(item: Item) -> str:
    (card,) = item["context"]["externalIds"]
    assert card["type"] == CARD
    return str(card["id"])


def _share(found: list[bool]) -> float:
    return round(100 * sum(found) / len(found), 1)


def _repeated(items: list[Item]) -> list[str]:
    return [message for message, times in Counter(item["messageId"] for item in items).items() if times > 1]
