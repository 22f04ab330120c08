"""Published figures of real data: in through the log, out through the API, to the last digit."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from api.demo.complete_journey import CompleteJourney
from cdp.imports.runner import Importer
from cdp.settings import Settings
from cdp.sources.files.notation import read_mapping
from tests.api.serving import Served, served
from tests.files.importing import silent
from tests.projections.variants import found, with_requirements

pytestmark = [pytest.mark.slow, pytest.mark.real_data]

MAPPING = Path(__file__).parents[2] / "docs" / "mappings" / "online_retail.toml"


def imported(app: Served, file: Path, mapping: Path = MAPPING) -> None:
    """Takes a file in and catches up."""
    app.source("shop", "web")
    source = app.platform.sources.get("shop")
    Importer(app.platform, 0, "test").run(file, source, read_mapping(mapping.read_text()), silent, False)
    app.project(with_requirements(found("sales")))


def one(app: Served, **question: str) -> dict[str, Any]:
    """The only row of an answer."""
    answer = app.get("/api/sales", **question)
    assert answer.status_code == 200, answer.text
    [row] = answer.json()["rows"]
    figures: dict[str, Any] = row
    return figures


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    """An empty platform."""
    with served(settings) as app:
        yield app


def test_a_web_shops_year(app: Served, real_data: Path) -> None:
    imported(app, real_data / "transactions" / "online_retail_2009_2010.parquet")
    known = [("customer", "new"), ("customer", "returning")]
    answer = app.client.get(
        "/api/sales",
        params=[("measures", "lines,product_sales,product_customers"), *known],
        headers={"Authorization": f"Bearer {app.token}"},
    ).json()
    [row] = answer["rows"]
    assert (row["lines"], row["product_customers"]) == (407_664, 4_312)
    assert Decimal(row["product_sales"]) == Decimal("8832003.274")
    assert f"{Decimal(row['product_sales']):,.2f}" == "8,832,003.27"
    assert one(app, measures="refund_lines")["refund_lines"] == 10_206


def test_nine_tenths_of_its_customers_give_what_duckdb_says(app: Served, real_data: Path, tmp_path: Path) -> None:
    """Whatever the figures are, they are not written down here: another tenth is left out each time."""
    whole, file = real_data / "transactions" / "online_retail_2009_2010.parquet", tmp_path / "part.parquet"
    duck = duckdb.connect()
    customers = duck.execute(f"select distinct \"Customer ID\" from '{whole}' order by 1").fetchall()
    left_out = random.sample([each for (each,) in customers if each is not None], len(customers) // 10)
    duck.execute(
        f"""
        copy (
            select *
            from '{whole}'
            where "Customer ID" is null or "Customer ID" not in (select unnest($left_out))
        ) to '{file}' (format parquet)
        """,
        {"left_out": left_out},
    )
    imported(app, file)
    expected = duck.execute(
        f"""
        select count(*), sum(Quantity * Price::decimal(12, 3)), count(distinct "Customer ID")
        from '{file}'
        where "Customer ID" is not null and Quantity > 0 and Price > 0 and not starts_with(Invoice, 'C')
        """
    ).fetchone()
    figures = [
        one(app, measures="lines,product_sales,product_customers", customer=each) for each in ("new", "returning")
    ]
    assert expected is not None
    assert sum(each["lines"] for each in figures) == expected[0]
    assert sum(Decimal(each["product_sales"]) for each in figures) == expected[1]
    assert figures[0]["product_customers"] == expected[2]  # everybody was new once


def test_a_grocerys_year(app: Served) -> None:
    journey = CompleteJourney.installed()
    app.source("loyalty", "loyalty")
    for portion in batched(journey.redemptions(), 500):
        app.send("loyalty", *portion)
    imported(app, journey.folder / "transactions.parquet", MAPPING.with_name("complete_journey.toml"))
    row = one(app, measures="gross,orders,customers,product_sales")
    assert f"{Decimal(row['gross']):,}" == f"{Decimal(row['product_sales']):,}" == "4,596,039.58"
    assert (row["orders"], row["customers"]) == (155_848, 2_469)
    assert one(app, measures="redemptions")["redemptions"] == 2_102


def batched(items: Iterable[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    """The items in portions."""
    waiting = iter(items)
    while portion := list(itertools.islice(waiting, size)):
        yield portion
