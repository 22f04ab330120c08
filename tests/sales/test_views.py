"""Cohorts, RFM, affinity and the effect of a promotion, against figures worked out by hand and by brute force."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from cdp.settings import Settings
from projections.contract import Connected
from projections.sales.views.rfm import read_rfm
from tests.api.serving import Served, served
from tests.projections.variants import found, with_requirements
from tests.projections.world import START, World, catch_up
from tests.sales.test_questions import CUP, TEA, bought, said


@pytest.fixture(scope="module")
def app(module_settings: Settings) -> Iterator[Served]:
    """A shop whose customers come back, or do not."""
    with served(module_settings) as app:
        app.source("shop", "web")
        app.send(
            "shop",
            bought("1", "2024-01-10T10:00:00Z", "a", TEA),
            bought("2", "2024-01-20T10:00:00Z", "b", TEA, CUP),
            bought("3", "2024-02-10T10:00:00Z", "a", TEA, CUP),
            bought("4", "2024-02-11T10:00:00Z", "c", {"product_id": "jam", "price": "1.00"}, CUP),
            bought("5", "2024-03-05T10:00:00Z", "a", TEA, currency="EUR"),
            said("Order Refunded", "2024-03-06T10:00:00Z", "b", order_id="2", total="100.00"),
        )
        app.project()
        yield app


def test_cells_that_time_has_not_reached_are_null(app: Served) -> None:
    answer = app.get("/api/sales/cohorts", to="2024-03-20").json()
    table = [
        (each["begins"], each["customers"], [cell["customers"] for cell in each["cells"]]) for each in answer["cohorts"]
    ]
    assert table == [("2024-01-01", 2, [2, 1, 1]), ("2024-02-01", 1, [1, 0, None])]
    cells = answer["cohorts"][0]["cells"]
    assert [cell["retention"] for cell in cells] == ["1.000000", "0.500000", "0.500000"]
    assert cells[2]["gross"] == {"EUR": "25"}
    earlier = app.get("/api/sales/cohorts", to="2024-02-15", period="quarter").json()
    assert [len(each["cells"]) for each in earlier["cohorts"]] == [1]


def test_what_is_bought_together(app: Served) -> None:
    answer = app.get("/api/sales/affinity", item="tea", least="1").json()
    assert answer["companions"] == [
        {
            "item": "cup",
            "together": 2,
            "support": "0.400000",
            "confidence": "0.500000",
            "lift": "0.833333",
            "popularity": "0.600000",
        }
    ]
    assert app.get("/api/sales/affinity", item="tea").json()["companions"] == []


def test_an_effect_names_its_baseline(app: Served) -> None:
    question = {"measures": "orders", "from": "2024-02-01", "to": "2024-02-29"}
    answer = app.get("/api/sales/effect", **question).json()
    assert answer["baseline"] == "previous"
    assert [(each["stage"], each["from"], each["to"], each["figure"]) for each in answer["stages"]] == [
        ("before", "2024-01-01", "2024-01-31", "2"),
        ("during", "2024-02-01", "2024-02-29", "2"),
        ("after", "2024-03-01", "2024-03-29", "1"),
    ]
    assert [each["change"] for each in answer["stages"]] == ["0.000000", "0.068966", "-0.465517"]
    assert app.get("/api/sales/effect", measures="aov", **{"from": "2024-02-01", "to": "2024-02-29"}).status_code == 422
    assert app.get("/api/sales/effect", measures="orders").status_code == 422


def test_the_pyramid_carries_its_definition(app: Served) -> None:
    def asked(body: dict[str, Any], **words: str) -> Any:
        headers = {"Authorization": f"Bearer {app.token}"}
        return app.client.post("/api/sales/pyramid", params={"to": "2024-03-20", **words}, json=body, headers=headers)

    body = {
        "currency": "TRY",
        "coefficients": {"money": "0.1", "frequency": 2},
        "tiers": {"gold": 14, "silver": "10.0"},
    }
    answer = asked(body).json()
    # a: 130.10 in two purchases, b: 5.10 after a refund, c: 81.10
    assert [(each["tier"], each["customers"], each["net"], each["highest"]) for each in answer["tiers"]] == [
        ("gold", 1, "130.1", "17.01"),
        ("silver", 1, "81.1", "10.11"),
        ("(none)", 1, "5.1", "2.51"),
    ]
    same = {**body, "tiers": {"silver": "10", "gold": "14.00"}}
    assert asked(same).json()["version"] == answer["version"]
    assert asked({**body, "tiers": {"gold": 15}}).json()["version"] != answer["version"]
    assert {each["channel"] for each in asked(body, by="channel").json()["tiers"]} == {"web"}
    assert asked({**body, "coefficients": {"charm": 1}}).status_code == 422
    assert asked({**body, "tiers": {"gold": "much"}}).status_code == 422


def test_rfm_scores_over_http(app: Served) -> None:
    answer = app.get("/api/sales/rfm", to="2024-03-20").json()
    assert sum(each["customers"] for each in answer["segments"]) == 3
    best = answer["segments"][0]
    assert (best["recency"], best["customers"], best["net"]) == (4, 1, "81.1")


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection


purchases = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.integers(0, 20), st.sampled_from(["1.00", "2.50", "2.50", "7"])),
    min_size=1,
    max_size=20,
)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(purchases)
def test_equal_customers_have_equal_scores(connection: Connected, drawn: list[tuple[str, int, str]]) -> None:
    world = World(incarnation=uuid4())
    bought: dict[str, list[tuple[int, Decimal]]] = {}
    for who, day, total in drawn:
        properties = {"total": total, "currency": "TRY"}
        world.see({"user_id": who}, "Order Completed", at=24 * day, properties=properties)
        bought.setdefault(who, []).append((day, Decimal(total)))
    catch_up(world.engine(connection, with_requirements(found("sales"))))
    metrics = [
        (max(day for day, _ in each), Decimal(len(each)), sum((paid for _, paid in each), Decimal(0)))
        for each in bought.values()
    ]
    expected: dict[tuple[int, ...], int] = {}
    for mine in metrics:
        scores = tuple(1 + 5 * sum(other[at] < mine[at] for other in metrics) // len(metrics) for at in range(3))
        expected[scores] = expected.get(scores, 0) + 1
    last = START.date().replace(month=12)
    segments: list[Any] = read_rfm(connection, "TRY", None, last)
    assert {(each.recency, each.frequency, each.money): each.customers for each in segments} == expected
