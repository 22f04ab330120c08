"""Sales over HTTP, exact to the last digit."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.settings import Settings
from projections.sales.amounts import amount, currency, gross, lines_total, units
from tests.api.serving import Served, served


def order(message: str, at: str, **properties: Any) -> dict[str, Any]:
    """A completed order."""
    return {
        "type": "track",
        "event": "Order Completed",
        "userId": f"u-{message}",
        "messageId": message,
        "timestamp": at,
        "properties": properties,
    }


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An application with orders in two channels, two currencies and around midnight in Istanbul."""
    with served(settings) as app:
        app.source("shop", "web")
        app.source("till", "store")
        app.send(
            "shop",
            order("1", "2024-03-01T20:59:59Z", total="0.10", currency="TRY", products=[{"quantity": 2}, {}]),
            order("2", "2024-03-01T21:00:00Z", total="0.20", currency="try"),
            order("3", "2024-03-02T10:00:00Z", total="n/a", currency="TRY"),
            order("4", "2024-03-02T10:00:00Z", revenue="10000000000000000000.01", currency="EUR"),
        )
        app.send(
            "till", order("5", "2024-03-02T10:00:00Z", products=[{"price": "1.25", "quantity": 3}], currency="TRY")
        )
        app.project()
        yield app


def test_sales_are_summed_by_day_of_the_time_zone_and_channel(app: Served) -> None:
    answer = app.get("/api/sales/daily").json()
    rows = [
        (r["day"], r["channel"], r["source"]["name"], r["currency"], r["orders"], r["gross"]) for r in answer["rows"]
    ]
    assert rows == [
        ("2024-03-01", "web", "shop", "TRY", 1, "0.10"),
        ("2024-03-02", "store", "till", "TRY", 1, "3.75"),
        ("2024-03-02", "web", "shop", "EUR", 1, "10000000000000000000.01"),
        ("2024-03-02", "web", "shop", "TRY", 1, "0.20"),
    ]
    assert answer["timezone"] == "Europe/Istanbul"
    assert answer["totals"] == [
        {"currency": "EUR", "orders": 1, "units": "0", "gross": "10000000000000000000.01"},
        {"currency": "TRY", "orders": 3, "units": "6", "gross": "4.05"},
    ]


def test_sales_can_be_filtered(app: Served) -> None:
    def orders(**filters: str) -> int:
        return sum(row["orders"] for row in app.get("/api/sales/daily", **filters).json()["rows"])

    assert orders(**{"from": "2024-03-02"}) == 3
    assert orders(**{"from": "2024-03-01", "to": "2024-03-01"}) == 1
    assert orders(channel="store") == 1
    assert orders(currency="EUR", channel="web") == 1
    assert orders(currency="EUR", channel="store") == 0


def test_a_filter_that_does_not_fit_is_refused(app: Served) -> None:
    assert app.get("/api/sales/daily", currency="euro").json()["code"] == "invalid"
    assert app.get("/api/sales/daily", **{"from": "yesterday"}).status_code == 422


def test_an_order_without_a_readable_amount_stays_in_the_timeline(app: Served) -> None:
    [profile] = app.get("/api/profiles", user_id="u-3").json()["profiles"]
    [entry] = app.get(f"/api/profiles/{profile['id']}/timeline").json()["entries"]
    assert entry["name"] == "Order Completed"


@given(st.decimals(min_value=-(10**20), max_value=10**20, places=4))
def test_an_amount_is_read_exactly_however_it_is_sent(sent: Decimal) -> None:
    assert amount(f"{sent:f}") == amount(sent) == sent


@pytest.mark.parametrize("sent", ["", "1,5", "1.000,00", "€5", "NaN", "1e5", " 1", True, None, [], "1" * 25, 10**24])
def test_what_is_no_exact_amount_is_none(sent: object) -> None:
    assert amount(sent) is None


def test_gross_is_total_else_revenue_else_the_lines() -> None:
    lines = [{"price": "1.10", "quantity": 3}, {"price": 2}]
    assert gross({"total": "9.99", "revenue": "8", "products": lines}) == Decimal("9.99")
    assert gross({"revenue": "8", "products": lines}) == Decimal("8")
    assert gross({"products": lines}) == Decimal("5.30")
    assert gross({"total": "about 9", "revenue": "8"}) is None
    assert gross({}) is None
    assert lines_total([{"price": "1"}, {"quantity": 2}]) is None
    assert lines_total([{"price": "9" * 24, "quantity": "9" * 24}]) is None
    assert lines_total([None]) is None


def test_units_are_the_pieces_of_the_lines() -> None:
    assert units([{"quantity": 2}, {"quantity": "0.5"}, {"quantity": 0}, {}]) == Decimal("3.5")
    assert units(None) == 0


@pytest.mark.parametrize(("sent", "code"), [("try", "TRY"), ("USD", "USD"), ("TL", None), ("€", None), (None, None)])
def test_a_currency_is_three_letters(sent: object, code: str | None) -> None:
    assert currency({"currency": sent}) == code
