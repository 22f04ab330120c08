"""Questions about sales over HTTP: figures, comparisons, conversions, files, and evidence that sums to each figure."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdp.settings import Settings
from tests.api.serving import Served, served

NUMBERS = itertools.count(1)
APRIL = {"from": "2024-04-01", "to": "2024-04-30"}


def said(event: str, at: str, who: str | None = "u1", **properties: Any) -> dict[str, Any]:
    """A touchpoint with a message id of its own."""
    item = {
        "type": "track",
        "event": event,
        "messageId": f"m-{next(NUMBERS)}",
        "timestamp": at,
        "properties": properties,
    }
    return item | ({"userId": who} if who else {})


def bought(order: str, at: str, who: str, *lines: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A completed order."""
    return said("Order Completed", at, who, order_id=order, products=list(lines), **{"currency": "TRY", **properties})


TEA = {"product_id": "tea", "category": "drinks", "quantity": 2, "price": "12.50"}
CUP = {"product_id": "cup", "category": "kitchen", "quantity": 1, "price": "80.10"}


@pytest.fixture(scope="module")
def app(module_settings: Settings) -> Iterator[Served]:
    """A shop and a till with a month of orders, some of which went back."""
    with served(module_settings) as app:
        app.source("shop", "web", brand="Deniz", namespaces={"user_id": "club"})
        app.source("till", "store", namespaces={"user_id": "club"})
        app.send(
            "shop",
            bought("A-1", "2024-03-01T20:30:00Z", "u1", TEA, CUP, total="110.10", shipping="5.00"),
            bought("A-2", "2024-03-02T10:00:00Z", "u1", TEA, campaign="spring"),
            bought("A-3", "2024-03-15T10:00:00Z", "u2", CUP, total="3.30", currency="EUR"),
            bought("A-4", "2024-04-02T10:00:00Z", "u3", TEA, promised_at="2024-04-04"),
            said(
                "Order Refunded", "2024-03-20T10:00:00Z", order_id="A-1", total="80.10", products=[CUP], reason="broken"
            ),
            said("Order Cancelled", "2024-04-01T10:00:00Z", "u1", order_id="A-2", reason="late"),
            said("Order Delivered", "2024-04-04T12:00:00Z", "u3", order_id="A-4"),
            said("Exchange Rate Recorded", "2024-03-01T06:00:00Z", None, currency="EUR", base="TRY", rate="34.0123"),
            said("Exchange Rate Recorded", "2024-04-01T06:00:00Z", None, currency="EUR", base="TRY", rate="35"),
            said("Product Cost Recorded", "2024-03-01T06:00:00Z", None, product_id="tea", cost="7.25", currency="TRY"),
            said("Points Earned", "2024-03-02T10:00:00Z", "u1", points=25),
        )
        app.send("till", bought("T-1", "2024-03-31T21:30:00Z", "u2", {**TEA, "quantity": 1}, store="Kadıköy"))
        app.project()
        yield app


def rows(app: Served, **question: str) -> list[dict[str, Any]]:
    """The rows of an answer without their evidence."""
    answer = app.get("/api/sales", **question)
    assert answer.status_code == 200, answer.text
    return [{name: value for name, value in row.items() if name != "evidence"} for row in answer.json()["rows"]]


def test_figures_by_month_count_each_thing_when_it_happened(app: Served) -> None:
    assert rows(app, measures="orders,gross,refunded,cancelled,net", by="month", currency="TRY") == [
        {
            "month": "2024-03-01",
            "currency": "TRY",
            "orders": 2,
            "gross": "135.10",
            "refunded": "80.10",
            "cancelled": "0.00",
            "net": "55.00",
        },
        {
            "month": "2024-04-01",
            "currency": "TRY",
            "orders": 2,
            "gross": "37.50",
            "refunded": "0.00",
            "cancelled": "25.00",
            "net": "12.50",
        },
    ]


def test_currencies_are_never_added_unless_converted_by_each_days_rate(app: Served) -> None:
    assert rows(app, measures="gross") == [{"currency": "TRY", "gross": "172.60"}, {"currency": "EUR", "gross": "3.30"}]
    converted = rows(app, measures="gross", convert="TRY", by="month")
    assert converted == [
        {"month": "2024-03-01", "gross": "247.34059"},
        {"month": "2024-04-01", "gross": "37.50"},
    ]


def test_a_figure_without_a_rate_is_null_and_the_currency_named(app: Served) -> None:
    answer = app.get("/api/sales", measures="gross,orders", convert="USD", by="channel", channel="web").json()
    assert [(row["gross"], row["orders"]) for row in answer["rows"]] == [(None, 4)]
    assert answer["unconverted"] == ["EUR", "TRY"]


def test_products_and_customers(app: Served) -> None:
    found = rows(app, measures="product_sales,product_units,product_net", by="product", currency="TRY")
    assert [(row["product"], row["product_sales"], row["product_units"], row["product_net"]) for row in found] == [
        ("tea", "87.50", "7", "62.50"),
        ("cup", "80.10", "1", "0.00"),
    ]
    assert rows(app, measures="customers,orders,new_customers", by="customer") == [
        {"customer": "new", "customers": 3, "orders": 3, "new_customers": 3},
        {"customer": "returning", "customers": 2, "orders": 2, "new_customers": 0},
    ]


def test_sales_by_the_channel_that_a_customer_came_by(app: Served) -> None:
    assert rows(app, measures="orders", by="first_touch,channel") == [
        {"first_touch": "web", "channel": "web", "orders": 4},
        {"first_touch": "web", "channel": "store", "orders": 1},
    ]


def test_margins_speak_of_lines_whose_cost_is_known(app: Served) -> None:
    found = rows(app, measures="product_sales,costed_sales,margin", currency="TRY")
    assert found == [{"currency": "TRY", "product_sales": "167.60", "costed_sales": "87.50", "margin": "36.75"}]


def test_a_day_begins_in_the_zone_asked_for(app: Served) -> None:
    def days(**zone: str) -> list[str]:
        return [row["day"] for row in rows(app, measures="orders", by="day", channel="store", **zone)]

    assert days() == ["2024-04-01"]
    assert days(zone="UTC") == ["2024-03-31"]
    assert days(zone="Asia/Kolkata") == ["2024-04-01"]
    assert rows(app, measures="orders", by="hour_of_day", channel="store") == [{"hour_of_day": 0, "orders": 1}]


def test_times_are_compared_by_their_place(app: Served) -> None:
    question = {"measures": "orders", "from": "2024-04-01", "to": "2024-04-30", "compare": "previous"}
    assert rows(app, **question) == [{"orders": 2, "orders_before": 3, "orders_change": "-0.333333"}]
    by_month = rows(app, by="month", **question)
    assert [(row["month"], row["orders"], row["orders_before"]) for row in by_month] == [("2024-04-01", 2, 3)]
    refused = app.get("/api/sales", measures="orders", compare="previous")
    assert refused.status_code == 422
    assert "give from and to" in refused.json()["message"]


def test_what_was_there_before_and_is_not_now_has_a_row(app: Served) -> None:
    found = rows(app, measures="orders", by="campaign", compare="previous", **APRIL)
    assert [(row["campaign"], row["orders"], row["orders_before"]) for row in found] == [(None, 2, 2), ("spring", 0, 1)]
    by_day = rows(app, measures="orders", by="day", compare="previous", **APRIL)
    assert [(row["day"], row["orders"], row["orders_before"]) for row in by_day] == [
        *(("2024-04-01", 1, 1), ("2024-04-02", 1, 1), ("2024-04-15", 0, 1))
    ]


@pytest.mark.parametrize(
    "question",
    [
        {"measures": "orders,gross,net,refunded,discount,cancelled", "by": "month"},
        {"measures": "gross,aov,refund_rate", "by": "customer,channel"},
        {"measures": "product_sales,lines,product_net,unit_price", "by": "product,day"},
        {"measures": "product_sales", "by": "category", "from": "2024-03-02", "to": "2024-03-31"},
        {"measures": "customers,new_customers,gross_per_customer", "by": "store"},
        {"measures": "gross,net", "convert": "TRY", "by": "month", "channel": "web"},
        {"measures": "orders", "by": "hour", "zone": "Asia/Tokyo"},
        {"measures": "gross,orders,aov", "by": "month,source", "compare": "previous", **APRIL},
        {"measures": "gross", "by": "day", "compare": "year", "from": "2024-03-01", "to": "2024-03-31"},
        {"measures": "points_earned,on_time_rate"},
        {"measures": "refunded,cancelled", "by": "reason,weekday"},
        {"measures": "gross,customers", "by": "first_touch"},
        {"measures": "margin,margin_rate,cost_coverage", "by": "product"},
    ],
)
def test_the_evidence_of_a_figure_sums_to_it(app: Served, question: dict[str, str]) -> None:
    answer = app.get("/api/sales", **question).json()
    assert answer["rows"]
    for row in answer["rows"]:
        for measure, link in row["evidence"].items():
            if measure.endswith("_change"):
                now, before = (followed(app, each)[2] for [each] in (link["over"], link["under"]))
                changed = changed_by(now, before)
                assert (row[measure] is None) == (changed is None)
                assert changed is None or Decimal(row[measure]) == changed
                continue
            items, sums, figure = followed(app, link)
            for each in sums:
                added = [Decimal(item["adds"]) for item in items if item["measure"] == each["measure"]]
                assert sum(added) == Decimal(each["sum"])
                assert len(added) == each["rows"]
            shown = row[measure]
            assert (figure is None) == (shown is None)
            assert shown is None or Decimal(str(figure)) == Decimal(str(shown))


def changed_by(now: str | None, before: str | None) -> Decimal | None:
    if now is None or before is None or not Decimal(before):
        return None
    return round((Decimal(now) - Decimal(before)) / abs(Decimal(before)), 6)


def followed(app: Served, link: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str | None]:
    """All pages of evidence, two items each."""
    parts = urlsplit(link)
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = app.client.get(
            parts.path,
            params=[*parse_qsl(parts.query, keep_blank_values=True), ("limit", "2"), *cursor.items()],
            headers={"Authorization": f"Bearer {app.token}"},
        ).json()
        items += page["items"]
        if page["next"] is None:
            return items, page["sums"], page["figure"]
        cursor = {"cursor": page["next"]}


def test_an_answer_says_whether_there_are_more_rows(app: Served) -> None:
    def said(**question: str) -> tuple[int | None, bool]:
        answer = app.get("/api/sales", measures="product_orders", **question).json()
        return answer["groups"], answer["more"]

    assert said(by="product", limit="1") == (2, True)
    assert said(by="product") == (2, False)
    # In order of time nothing is read past the limit
    assert said(by="hour,product", limit="1") == (None, True)
    assert said(by="hour,product") == (6, False)


def test_answers_come_as_files(app: Served) -> None:
    def file(kind: str) -> bytes:
        return app.get("/api/sales", measures="gross,orders", by="day", currency="TRY", format=kind).content

    lines = list(csv.reader(io.StringIO(file("csv").decode())))
    assert lines[:2] == [["day", "currency", "gross", "orders"], ["2024-03-01", "TRY", "110.10", "1"]]
    assert file("csv-tr").decode("utf-8").startswith("\ufeffday;currency;gross;orders\r\n01.03.2024;TRY;110,10;1\r\n")
    sheet = openpyxl.load_workbook(io.BytesIO(file("xlsx")))["sales"]
    assert [cell.value for cell in sheet[2]][1:] == ["TRY", 110.1, 1]
    table = pq.read_table(io.BytesIO(file("parquet")))
    assert table.column("gross")[0].as_py() == Decimal("110.10")
    assert pa.ipc.open_stream(file("arrow")).read_all().equals(table)


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"measures": "sales"}, "'sales' is no measure"),
        ({"measures": "gross", "by": "product"}, "by product ask for one of product_sales"),
        ({"measures": "gross", "by": "day,day"}, "asked for twice"),
        ({"measures": "gross", "colour": "red"}, "'colour' is unknown"),
        ({"measures": "gross", "from": "yesterday"}, "expected a day"),
        ({"measures": "gross", "from": "2024-02-02", "to": "2024-02-01"}, "before it begins"),
        ({"measures": "gross", "day": "soon"}, "expected a day"),
        ({"measures": "gross", "source": "nobody"}, "there is no source 'nobody'; expected one of: shop, till"),
        ({"measures": "gross", "zone": "Mars/Base"}, "time zone"),
        ({"measures": "gross", "convert": "lira"}, "ISO 4217"),
        ({"measures": "gross", "limit": "0"}, "limit=0"),
        ({"measures": "gross", "order": "net"}, "no column to order by"),
        ({"measures": "gross", "format": "pdf"}, "expected one of json"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_what_can(app: Served, question: dict[str, str], said: str) -> None:
    answer = app.get("/api/sales", **question)
    assert answer.status_code == 422
    assert said in answer.json()["message"]


def test_the_evidence_of_amounts_is_of_one_currency(app: Served) -> None:
    refused = app.get("/api/sales/evidence", measures="gross")
    assert refused.status_code == 422
    assert "is in EUR, TRY, which are never added together: name one" in refused.json()["message"]
    assert app.get("/api/sales/evidence", measures="gross", convert="TRY").status_code == 200


def test_a_cursor_that_no_page_gave_out_is_refused(app: Served) -> None:
    assert app.get("/api/sales/evidence", measures="gross", cursor="x").status_code == 422
    assert app.get("/api/sales/evidence", measures="gross,net").status_code == 422


def test_every_measure_has_a_definition_and_where_it_comes_from(app: Served) -> None:
    answer = app.get("/api/sales/measures").json()
    assert all(each["definition"] and each["source"] and each["unit"] for each in answer["measures"])
