"""What an order comes to: the same whatever order its touchpoints arrived in and whoever repeated them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.entities import Entities, in_order
from projections.sales.folds import buyer_rows, movement_rows, order_rows
from projections.sales.line_folds import line_rows, remaining
from projections.sales.order import Order, fold_all, fold_order
from projections.sales.order_facts import OrderFact, calendar, moment, order_facts
from projections.sales.order_lines import Line, decode_lines, encode_lines
from projections.sales.rows import MovementRow, PlacementRow
from tests.projections.world import World
from tests.sales.orders import Drawn, world_of, worlds

START = datetime(2024, 3, 1, 12, tzinfo=UTC)
ISTANBUL = ZoneInfo("Europe/Istanbul")


def facts_of(world: World) -> list[OrderFact]:
    """The order facts of a log."""
    return [fact for each in world.touchpoints for fact in order_facts(each, world.surroundings())]


def told(*happened: tuple[str, dict[str, Any]]) -> Order:
    """The order that these touchpoints tell of, an hour apart; `source` and `refund_id` are no properties."""
    world = World()
    for at, (name, has) in enumerate(happened):
        source = has.pop("source", "shop")
        refers = {"order_id": "o1"} | ({"refund_id": has.pop("refund_id")} if "refund_id" in has else {})
        world.see({"user_id": "1"}, f"Order {name}", at=at, properties=has, references=refers, source=source)
    return fold_order("o1", in_order([facts_of(world)]))


def amounts(order: Order) -> tuple[Decimal | None, Decimal, Decimal]:
    """Gross, cancelled and refunded."""
    return order.gross, order.cancelled, order.refunded


@given(worlds, st.randoms(use_true_random=False))
def test_the_order_of_arrival_does_not_matter(drawn: Drawn, random: Any) -> None:
    facts = facts_of(world_of(drawn))
    shuffled = random.sample(facts, len(facts))
    for fold in (order_rows, movement_rows, line_rows):
        entities = Entities("orders", None, (), "order_key", fold)
        assert entities.rows(by_order(facts)) == entities.rows(by_order(shuffled))


@given(worlds)
def test_repeating_a_completion_changes_nothing(drawn: Drawn) -> None:
    facts = [fact for fact in facts_of(world_of(drawn)) if fact.order_key == "o1"]
    completed = [fact for fact in facts if fact.kind == "completed" and fact.total is not None]
    if completed:
        first = in_order([completed])[0]
        again = first._replace(
            event_id=first.event_id + "z", effective_at=first.effective_at + timedelta(days=9), source=UUID(int=1)
        )
        once, twice = (fold_order("o1", in_order([each])) for each in (facts, [*facts, again]))
        assert amounts(once) == amounts(twice)
        assert once.first == twice.first


@given(worlds)
def test_the_short_way_says_what_the_long_way_says(drawn: Drawn) -> None:
    for fact in facts_of(world_of(drawn)):
        assert fold_order("o1", [fact]) == fold_all("o1", [fact])


def by_order(facts: Iterable[OrderFact]) -> dict[str, list[list[OrderFact]]]:
    found: dict[str, list[list[OrderFact]]] = {}
    for fact in sorted(facts, key=lambda fact: fact.order_key):
        found.setdefault(fact.order_key, [[]])[0].append(fact)
    return found


def test_an_update_corrects_and_a_repetition_does_not() -> None:
    order = told(
        ("Completed", {"total": "10"}), ("Updated", {"total": "12"}), ("Completed", {"total": "99", "source": "erp"})
    )
    assert order.gross == 12
    assert order.first.effective_at == START
    assert order.state == "placed"


def test_a_refund_in_part_and_then_the_rest() -> None:
    order = told(("Completed", {"total": "10"}), ("Refunded", {"total": "3.50"}), ("Refunded", {}))
    assert amounts(order) == (Decimal(10), Decimal(0), Decimal(10))
    assert [each.amount for each in order.refunds] == [Decimal("3.50"), Decimal("6.50")]
    assert order.state == "refunded"


def test_a_cancelled_order_gives_back_what_was_not_refunded() -> None:
    order = told(("Completed", {"total": "10"}), ("Cancelled", {"reason": "late"}), ("Refunded", {"total": "4"}))
    assert amounts(order) == (Decimal(10), Decimal(6), Decimal(4))
    assert order.state == "cancelled"


def test_a_cancellation_that_arrives_without_its_order_takes_nothing_off() -> None:
    assert amounts(told(("Cancelled", {}))) == (None, Decimal(0), Decimal(0))


@pytest.mark.parametrize(
    ("refunds", "expected"),
    [
        ([{"total": "5"}, {"total": "5", "source": "erp"}], 5),
        ([{"total": "5"}, {"total": "5"}], 10),
        ([{"total": "5"}, {"total": "5"}, {"total": "5", "source": "erp"}], 10),
        ([{"total": "5", "refund_id": "r1"}, {"total": "5", "refund_id": "r1", "source": "erp"}], 5),
        ([{"total": "5", "refund_id": "r1"}, {"total": "5", "refund_id": "r2", "source": "erp"}], 10),
        ([{"total": "5", "refund_id": "r1"}, {"total": "5", "source": "erp"}], 5),
        ([{"total": "5"}, {"total": "4", "source": "erp"}], 9),
        ([{"total": "-5"}], 5),
        ([{"total": "20", "refund": "5"}], 5),
    ],
)
def test_a_refund_that_several_report_counts_once(refunds: list[dict[str, Any]], expected: int) -> None:
    order = told(("Completed", {"total": "20"}), *(("Refunded", dict(each)) for each in refunds))
    assert order.refunded == expected


def test_a_credit_note_is_turned_round_with_its_lines() -> None:
    world = World()
    products = [
        {"product_id": "tea", "quantity": -2, "price": "1.50"},
        {"product_id": "fee", "quantity": 1, "price": "0.50"},
    ]
    world.see({"user_id": "1"}, "Order Refunded", properties={"products": products})
    [fact] = facts_of(world)
    assert (fact.total, fact.units) == (Decimal("2.50"), Decimal(1))
    lines = [(str(line.quantity), str(line.total)) for line in decode_lines(fact.lines)]
    assert lines == [("2", "3.00"), ("-1", "-0.50")]


def test_a_delivery_is_late_after_what_was_promised() -> None:
    def late(promised: str | None) -> list[bool | None]:
        world = World()
        has = {"total": "1"} | ({"promised_at": promised} if promised else {})
        world.see({"user_id": "1"}, "Order Completed", properties=has, references={"order_id": "o1"})
        world.see({"user_id": "1"}, "Order Delivered", at=24, references={"order_id": "o1"})
        return [row.late for row in movement_rows("o1", facts_of(world)) if row.kind == "delivery"]

    assert late("2024-03-02") == [False]
    assert late("2024-03-02T11:00:00Z") == [True]
    assert late(None) == [None]


def test_what_is_left_of_lines_is_never_below_nothing() -> None:
    def line(product: str, quantity: int, total: int) -> Line:
        return Line(product, None, None, None, Decimal(quantity), Decimal(total), Decimal(0))

    left = remaining([line("tea", 3, 30), line("cup", 1, 9)], [line("tea", 1, 10), line("jam", 5, 50)])
    shown = [(each.product, str(each.quantity), str(each.total)) for each in left]
    assert shown == [("tea", "2", "20"), ("cup", "1", "9")]


def test_a_customer_is_new_up_to_the_first_purchase() -> None:
    def placed(key: str, hour: int, purchase: bool) -> PlacementRow:
        return PlacementRow(key, 1, START + timedelta(hours=hour), key, purchase)

    rows = buyer_rows("p", [placed("gift", 0, False), placed("first", 1, True), placed("next", 2, True)])
    assert [(row.order_key, row.customer, row.first) for row in rows] == [
        ("gift", "new", False),
        ("first", "new", True),
        ("next", "returning", False),
    ]


def test_lines_are_kept_exactly() -> None:
    lines = [Line("ä", None, "b", None, Decimal("1.50"), Decimal("10000000000000000000.01"), Decimal("0.10"))]
    assert decode_lines(encode_lines(lines)) == lines
    assert str(decode_lines(encode_lines(lines))[0].quantity) == "1.50"


def test_days_and_hours_are_those_of_the_zone() -> None:
    assert calendar(datetime(2024, 3, 1, 21, 40, tzinfo=UTC), ISTANBUL) == (
        datetime(2024, 3, 1, 21, tzinfo=UTC),
        date(2024, 3, 2),
    )
    kolkata = ZoneInfo("Asia/Kolkata")
    assert calendar(datetime(2024, 3, 1, 18, 40, tzinfo=UTC), kolkata)[0] == datetime(2024, 3, 1, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("2024-03-02", datetime(2024, 3, 2, 20, 59, 59, 999_999, tzinfo=UTC)),
        ("2024-03-02T10:00:00", datetime(2024, 3, 2, 7, tzinfo=UTC)),
        ("2024-03-02T10:00:00Z", datetime(2024, 3, 2, 10, tzinfo=UTC)),
        ("soon", None),
        ("9999-12-31", None),
        (5, None),
    ],
)
def test_a_promise_without_a_zone_is_the_shops(sent: object, expected: datetime | None) -> None:
    assert moment(sent, ISTANBUL) == expected


def test_an_order_without_an_id_is_an_order_of_its_own() -> None:
    world = World()
    world.see({"user_id": "1"}, "Order Completed", properties={"total": "1"})
    world.see({"user_id": "1"}, "Order Completed", properties={"total": "1"})
    assert len({fact.order_key for fact in facts_of(world)}) == 2


def test_a_movement_says_whether_it_is_a_purchase() -> None:
    world = World()
    world.see({"user_id": "1"}, "Order Completed", properties={"total": "0.00"}, references={"order_id": "o1"})
    [row] = movement_rows("o1", facts_of(world))
    assert isinstance(row, MovementRow)
    assert not row.purchase
