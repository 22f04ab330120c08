"""Cohorts, RFM, affinity and the effect of a promotion, against figures worked out by hand; and their evidence."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cdp.settings import Settings
from tests.api.serving import Served, served
from tests.sales.following import PLACES, quotient, sum_of
from tests.sales.test_questions import CUP, TEA, bought, said

JAM = {"product_id": "jam", "price": "1.00"}
FEBRUARY = {"from": "2024-02-01", "to": "2024-02-29"}
VIEW_NAMES = ("cohorts", "rfm", "pyramid", "affinity", "effect", "reasons")
VIEWS = [
    ("cohorts", {"to": "2024-03-20"}),
    ("cohorts", {"to": "2024-03-20", "period": "quarter", "measures": "net,aov", "channel": "web"}),
    ("cohorts", {"to": "2024-03-20", "convert": "TRY"}),
    ("rfm", {"to": "2024-03-20"}),
    ("rfm", {"to": "2024-03-20", "by": "rfm_segment,channel"}),
    ("pyramid", {"to": "2024-03-20"}),
    ("pyramid", {"to": "2024-03-20", "by": "city"}),
    ("pyramid", {"from": "2024-02-01", "to": "2024-02-29", "compare": "previous"}),
    ("pyramid", {"to": "2024-03-20", "by": "product", "pyramid": "value@1"}),
    ("affinity", {"least": "1"}),
    ("affinity", {"least": "1", "item": "tea", "by": "customer,source"}),
    ("affinity", {"least": "1", "kind": "category", "from": "2024-02-01", "channel": "web"}),
    ("effect", {"measures": "gross", **FEBRUARY}),
    ("effect", {"measures": "unit_price", "product": "cup", "compare": "year", **FEBRUARY}),
    ("effect", {"measures": "customers", **FEBRUARY}),
    ("reasons", {}),
    ("reasons", {"by": "source,month", "convert": "TRY"}),
]


@pytest.fixture(scope="module")
def app(module_settings: Settings) -> Iterator[Served]:
    """A shop whose customers come back, or do not."""
    with served(module_settings) as app:
        app.source("shop", "web")
        app.send(
            "shop",
            {"type": "identify", "userId": "a", "messageId": "i", "traits": {"address": {"city": "Izmir"}}},
            bought("1", "2024-01-10T10:00:00Z", "a", TEA),
            bought("2", "2024-01-20T10:00:00Z", "b", TEA, CUP),
            bought("3", "2024-02-10T10:00:00Z", "a", TEA, CUP),
            bought("4", "2024-02-11T10:00:00Z", "c", JAM, CUP),
            bought("5", "2024-03-05T10:00:00Z", "a", TEA, currency="EUR"),
            said("Order Refunded", "2024-03-06T10:00:00Z", "b", order_id="2", total="100.00", reason="broken"),
            said("Order Returned", "2024-03-06T10:00:00Z", "b", order_id="2", total="100.00", reason="broken"),
            said("Order Returned", "2024-03-07T10:00:00Z", "c", order_id="4", total="1.00"),
            said("Exchange Rate Recorded", "2024-01-01T06:00:00Z", None, currency="EUR", base="TRY", rate="34.0123"),
        )
        app.project()
        writer = app.platform.tokens.create("writer", scopes=["sales:write"], actor="test")
        body = {"currency": "TRY", "coefficients": {"money": 0.1, "frequency": 2}, "tiers": {"gold": 14, "silver": 10}}
        headers = {"Authorization": f"Bearer {writer}"}
        app.platform.registry.refresh()
        for path, content in (("versions", body), ("activate", {})):
            answer = app.client.post(f"/api/sales/pyramids/value/{path}", json=content, headers=headers)
            assert answer.status_code in (200, 201), answer.text
        yield app


def view(app: Served, name: str, **words: str) -> Any:
    """A view as JSON."""
    answer = app.get(f"/api/sales/{name}", **words)
    assert answer.status_code == 200, answer.text
    return answer.json()


def table(found: Any, *columns: str) -> list[tuple[Any, ...]]:
    """Some columns of a view."""
    return [tuple(row[name] for name in columns) for row in found["rows"]]


def test_cells_that_time_has_not_reached_are_null(app: Served) -> None:
    found = view(app, "cohorts", to="2024-03-20", measures="customers")
    assert table(found, "cohort", "period", "size", "customers", "retention") == [
        ("2024-01-01", 0, 2, 2, "1.000000"),
        ("2024-01-01", 1, 2, 1, "0.500000"),
        ("2024-01-01", 2, 2, 1, "0.500000"),
        ("2024-02-01", 0, 1, 1, "1.000000"),
        ("2024-02-01", 1, 1, 0, "0.000000"),
        ("2024-02-01", 2, 1, None, None),
    ]
    assert len(view(app, "cohorts", to="2024-02-15", period="quarter")["rows"]) == 1


def test_what_cohorts_spent_is_told_apart_by_currency_unless_converted(app: Served) -> None:
    january = {"to": "2024-03-20", "measures": "gross"}
    apart = [row for row in view(app, "cohorts", **january)["rows"] if row["cohort"] == "2024-01-01"]
    assert [(row["currency"], row["gross"]) for row in apart] == [
        *(("EUR", "0.00"), ("EUR", "0.00"), ("EUR", "25.00")),
        *(("TRY", "130.10"), ("TRY", "105.10"), ("TRY", "0.00")),
    ]
    converted = view(app, "cohorts", convert="TRY", **january)["rows"]
    assert [row["gross"] for row in converted[:3]] == ["130.10", "105.10", "850.3075"]


def test_cohorts_can_be_filtered_like_any_figure(app: Served) -> None:
    found = view(app, "cohorts", to="2024-03-20", measures="customers", city="Izmir")
    assert table(found, "cohort", "period", "customers", "retention")[0] == ("2024-01-01", 0, 1, "0.500000")


def test_what_is_bought_together_with_an_item(app: Served) -> None:
    found = view(app, "affinity", item="tea", least="1")
    columns = ("item", "with", "together", "support", "confidence", "lift", "popularity")
    assert table(found, *columns) == [("tea", "cup", 2, "0.400000", "0.500000", "0.833333", "0.600000")]
    assert view(app, "affinity", item="tea")["rows"] == []


def test_what_is_bought_together_at_all(app: Served) -> None:
    found = view(app, "affinity", least="1")
    assert table(found, "item", "with", "together", "item_orders", "with_orders", "all_orders", "lift") == [
        ("jam", "cup", 1, 1, 3, 5, "1.666667"),
        ("cup", "tea", 2, 3, 4, 5, "0.833333"),
    ]
    assert view(app, "affinity")["rows"] == []


def test_what_segments_buy_together(app: Served) -> None:
    found = view(app, "affinity", least="1", by="customer", kind="product")
    assert sorted(table(found, "customer", "item", "with", "together", "all_orders")) == [
        ("new", "cup", "tea", 1, 3),
        ("new", "jam", "cup", 1, 3),
        ("returning", "cup", "tea", 1, 2),
    ]


def test_an_effect_names_its_baseline(app: Served) -> None:
    found = view(app, "effect", measures="orders", **FEBRUARY)
    assert found["baseline"] == "previous"
    assert table(found, "stage", "from", "to", "orders", "orders_change") == [
        ("before", "2024-01-01", "2024-01-31", 2, "0.000000"),
        ("during", "2024-02-01", "2024-02-29", 2, "0.068966"),
        ("after", "2024-03-01", "2024-03-29", 1, "-0.465517"),
    ]
    [before, *_] = view(app, "effect", measures="orders", compare="year", **FEBRUARY)["rows"]
    assert (before["stage"], before["from"], before["orders"]) == ("year before", "2023-02-01", 0)


def test_the_effect_of_a_price_is_that_on_a_ratio(app: Served) -> None:
    found = view(app, "effect", measures="unit_price", product="cup", currency="TRY", **FEBRUARY)
    assert table(found, "unit_price", "unit_price_change")[:2] == [("80.10", "0.000000"), ("80.10", "0.000000")]


def test_rates_by_reason_have_all_orders_under_the_line(app: Served) -> None:
    found = view(app, "reasons")
    columns = ("reason", "currency", "returns", "return_rate", "refunded", "refund_rate", "orders")
    assert table(found, *columns) == [
        ("broken", "TRY", 1, "0.250000", "100.00", "0.316156", 4),
        (None, "TRY", 1, "0.250000", "0.00", "0.000000", 4),
    ]


def test_rfm_shows_scores_and_segments(app: Served) -> None:
    found = view(app, "rfm", to="2024-03-20")
    columns = ("rfm_recency", "rfm_frequency", "rfm_money", "rfm_segment", "customers", "purchases", "net")
    # a: last 10 February, two purchases of 130.10; b: 20 January, one, 5.10 left; c: 11 February, one of 81.10
    assert table(found, *columns) == [
        (4, 1, 2, "promising", 1, 1, "81.10"),
        (2, 4, 4, "at risk", 1, 2, "130.10"),
        (1, 1, 1, "hibernating", 1, 1, "5.10"),
    ]
    assert (found["as_of"], found["scored_in"]) == ("2024-03-20", "TRY")


def test_customers_are_judged_as_of_a_day_and_since_one(app: Served) -> None:
    early = view(app, "rfm", to="2024-03-20", as_of="2024-01-31", by="rfm_recency")
    assert table(early, "rfm_recency", "customers") == [(3, 1), (1, 1)]
    late = view(app, "rfm", to="2024-03-20", since="2024-02-01", by="rfm_recency")
    assert sum(row["customers"] for row in late["rows"]) == 2


@pytest.mark.parametrize(("name", "words"), VIEWS)
def test_the_evidence_of_every_figure_of_a_view_comes_to_it(app: Served, name: str, words: dict[str, str]) -> None:
    found = view(app, name, **words)
    assert found["rows"]
    figures = {column["name"] for column in found["columns"] if "unit" in column}
    for row in found["rows"]:
        shown = {figure for figure in figures if row[figure] is not None}
        assert shown <= row["evidence"].keys()
        for figure in shown:
            assert comes_to(app, row, figure) == Decimal(str(row[figure]))


def comes_to(app: Served, row: dict[str, Any], figure: str) -> Decimal | None:
    """What the evidence of a figure comes to: a sum, a quotient, an average day or a change."""
    link = row["evidence"][figure]
    if figure.endswith("_per_day"):
        return round((sum_of(app, link) or Decimal(0)) / days(row), PLACES)
    if isinstance(link, str):
        return sum_of(app, link)
    if figure.endswith("_change"):
        return change(app, row, figure)
    ratio = quotient(app, link)
    return None if ratio is None else round(ratio, PLACES)


def change(app: Served, row: dict[str, Any], figure: str) -> Decimal | None:
    """How far an average day is from one of the baseline, which is January or the February before."""
    ratio = quotient(app, row["evidence"][figure])
    if ratio is None:
        return None
    whole = figure.startswith("unit_price") or "stage" not in row
    baseline = Decimal(1) if whole else Decimal(31) / days(row)
    return round(ratio * baseline - 1, PLACES)


def days(row: dict[str, Any]) -> int:
    return {"before": 31}.get(row["stage"], 29)


@pytest.mark.parametrize("name", VIEW_NAMES)
def test_every_view_comes_as_a_file(app: Served, name: str) -> None:
    words = {"effect": {"measures": "gross", **FEBRUARY}, "affinity": {"least": "1"}}.get(name, {"to": "2024-03-20"})
    expected = view(app, name, **words)
    names = [column["name"] for column in expected["columns"]]

    def file(kind: str) -> bytes:
        answer = app.get(f"/api/sales/{name}", format=kind, **words)
        assert f'filename="{name}.' in answer.headers["content-disposition"]
        return answer.content

    lines = list(csv.reader(io.StringIO(file("csv").decode())))
    assert lines[0] == names
    assert lines[1:] == [["" if row[each] is None else str(row[each]) for each in names] for row in expected["rows"]]
    assert file("csv-tr").decode("utf-8").startswith("\ufeff" + ";".join(names))
    sheet = openpyxl.load_workbook(io.BytesIO(file("xlsx")))[name]
    assert [cell.value for cell in sheet[1]] == names
    stored = pq.read_table(io.BytesIO(file("parquet")))
    assert stored.column_names == names
    assert stored.num_rows == len(expected["rows"])
    assert pa.ipc.open_stream(file("arrow")).read_all().equals(stored)


@pytest.mark.parametrize(
    ("name", "words", "said"),
    [
        ("cohorts", {"period": "day"}, "period='day'; expected one of month, quarter, year, week"),
        ("reasons", {"by": "reason"}, "always broken down by reason"),
        ("cohorts", {"by": "channel"}, "filter instead"),
        ("affinity", {"kind": "colour"}, "kind='colour'; expected one of product"),
        ("affinity", {"least": "few"}, "least='few'; expected a whole number"),
        ("affinity", {"by": "product"}, "by=product; expected what an order has one of"),
        ("effect", {"measures": "gross"}, "give from and to"),
        ("effect", {"measures": "gross,net", **FEBRUARY}, "of one measure"),
        ("pyramid", {"pyramid": "vip"}, "there is no pyramid 'vip'"),
        ("pyramid", {"pyramid": "value@9"}, "has no version 9; it has only 1"),
        ("rfm", {"since": "2024-05-01", "as_of": "2024-01-01"}, "turn them round"),
        ("rfm", {"scored_in": "lira"}, "scored_in='lira'; expected an ISO 4217 code"),
        ("rfm", {"format": "pdf"}, "expected one of json"),
    ],
)
def test_what_cannot_be_shown_is_refused_with_what_can(
    app: Served, name: str, words: dict[str, str], said: str
) -> None:
    answer = app.get(f"/api/sales/{name}", **words)
    assert answer.status_code == 422
    assert said in answer.json()["message"]
