"""Live equals batch on real orders, after refunds, repetitions, and touchpoints that come long after they happened."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from api.demo.complete_journey import CompleteJourney
from api.demo.packages import MissingPackage
from cdp.imports.runner import Importer
from cdp.settings import Settings
from cdp.sources.files.notation import read_mapping
from pipelines.archive.verifying import verify
from pipelines.opening import WithVault
from pipelines.reconciliation import Reconciled, Reconciler, reconcilable
from pipelines.runner import Beam
from projections.contract import Surroundings
from tests.api.serving import Served, served
from tests.demo.slice import sliced
from tests.files.importing import silent

pytest.importorskip("apache_beam", reason="pipelines need the extra `pipelines`")
pytestmark = [pytest.mark.slow, pytest.mark.real_data]

MAPPING = Path(__file__).parents[2] / "docs" / "mappings" / "online_retail.toml"


@pytest.fixture
def app(settings: Settings) -> Iterator[Served]:
    with served(settings) as app:
        yield app


def reconciled(app: Served, folder: Path, name: str | None = None) -> list[Reconciled]:
    """The comparison of the projections, as the command makes it."""
    platform = app.platform
    surroundings = Surroundings(ZoneInfo(platform.settings.timezone), platform.vault.values, platform.policies)
    sides = (platform.databases.read, platform.reader, folder)
    reconciler = Reconciler(*sides, surroundings, Beam(), WithVault(platform.settings))
    return [reconciler.reconcile(declared) for declared in reconcilable(name)]


def refund(order: dict[str, Any], number: int) -> dict[str, Any]:
    """A refund of an order's first line, or of all of it."""
    properties = {"order_id": order["properties"]["order_id"], "currency": "USD", "reason": "damaged"}
    if number % 2:
        properties |= {"total": order["properties"]["products"][0]["total"]}
    return {**order, "event": "Order Refunded", "messageId": f"refund-{number}", "properties": properties}


def with_trouble(orders: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Orders out of order, some sent twice, some refunded, some before the order itself came."""
    randomly = random.Random(1)
    sent = [*orders, *randomly.sample(orders, len(orders) // 10)]
    sent += [refund(order, number) for number, order in enumerate(randomly.sample(orders, len(orders) // 5))]
    randomly.shuffle(sent)
    for start in range(0, len(sent), 100):
        yield sent[start : start + 100]


def test_a_slice_of_the_grocerys_year(app: Served, tmp_path: Path) -> None:
    # Given real baskets, with what goes wrong in real streams, followed live in several batches
    try:
        journey = sliced(CompleteJourney.installed(), tmp_path, lines=6_000)
    except MissingPackage as error:
        pytest.skip(str(error))
    app.source("tills", "store")
    for number, portion in enumerate(with_trouble([dict(order) for order in journey.baskets()])):
        app.send("tills", *portion)
        if number % 3 == 0:
            app.project()
    app.project()
    # When everything is compared
    found = {each.projection: each for each in reconciled(app, tmp_path / "archive")}
    # Then every row is equal, and the archive is the log
    assert {name: each.differences for name, each in found.items()} == {"accounts": [], "sales": [], "timeline": []}
    rows = {each.table: each.live_rows for each in found["sales"].tables}
    assert rows["lines"] == 6_000
    assert rows["order_facts"] == rows["movements"] > rows["orders"] > 500
    assert verify(app.platform.reader, tmp_path / "archive").events == app.platform.reader.head().position
    # And one amount that is altered by hand is found among them
    with app.platform.databases.read.connection() as connection:
        schema = f"sales_v{reconcilable('sales')[0].version}"
        altered = connection.execute(
            f"update {schema}.orders set gross = gross + 0.01 "
            f"where order_key = (select min(order_key) from {schema}.orders where gross > 0) returning order_key, gross"
        ).fetchone()
    [difference] = reconciled(app, tmp_path / "archive", "sales")[0].differences
    assert altered is not None
    assert (difference.table, difference.key, difference.columns) == ("orders", {"order_key": altered[0]}, ["gross"])
    assert difference.live is not None
    assert difference.live["gross"] == altered[1]


def orders_of(file: Path, number: int) -> list[dict[str, Any]]:
    """Some orders of the web shop's customers, as its own site would send what happens to them."""
    rows = duckdb.execute(
        f"""
        select Invoice, any_value("Customer ID")::bigint::text,
            list({{'product_id': StockCode, 'quantity': Quantity, 'price': Price::decimal(18, 2)::text}})
        from '{file}'
        where Invoice not like 'C%' and "Customer ID" is not null
        group by Invoice
        order by Invoice
        limit {number}
        """
    ).fetchall()
    return [
        {
            "type": "track",
            "userId": customer,
            "properties": {"order_id": invoice, "currency": "GBP", "products": products},
        }
        for invoice, customer, products in rows
    ]


def happenings(orders: Sequence[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """What becomes of orders: given back in part and whole, cancelled, corrected, said again, and long after."""
    for number, order in enumerate(orders):
        lines = order["properties"]["products"]
        name, more = (
            ("Order Refunded", {"total": "1.50", "reason": "kırık", "products": lines[:1]}),
            ("Order Refunded", {"reason": "geç geldi"}),
            ("Order Cancelled", {"reason": "müşteri"}),
            ("Order Updated", {"total": "12.340", "products": lines[:2]}),
            ("Order Returned", {"reason": "beden", "products": lines[-1:]}),
            ("Order Completed", {"total": 3}),
        )[number % 6]
        sent = {**order, "event": name, "messageId": f"then-{number}", "properties": {**order["properties"], **more}}
        yield {
            **sent,
            "timestamp": ("2010-12-24T10:00:00Z", "1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z")[number % 3],
        }
        yield {"type": "identify", "userId": order["userId"], "messageId": f"who-{number}", "traits": email_of(number)}


def email_of(number: int) -> dict[str, str]:
    """Every two customers turn out to be one."""
    return {"email": f"{number // 2}@example.com"}


@pytest.mark.real_data
def test_a_part_of_the_web_shops_year(app: Served, real_data: Path, tmp_path: Path) -> None:
    # Given imported invoices, followed live, and then all that can happen to them, some of it twice
    whole, file = real_data / "transactions" / "online_retail_2009_2010.parquet", tmp_path / "part.parquet"
    duckdb.execute(
        f"copy (select * from '{whole}' where hash(Invoice) % 20 = 3) to '{file}' (format parquet)"  # whole invoices
    )
    app.source("shop", "web")
    source = app.platform.sources.get("shop")
    Importer(app.platform, 0, "test").run(file, source, read_mapping(MAPPING.read_text()), silent, False)
    app.project()
    sent = list(happenings(orders_of(file, 60)))
    app.send("shop", *sent, *[{**each, "messageId": f"{each['messageId']}-again"} for each in sent[::4]], *sent[::5])
    app.project()
    # When everything is compared
    found = {each.projection: each for each in reconciled(app, tmp_path / "archive")}
    # Then every row is equal
    assert {name: each.differences for name, each in found.items()} == {"accounts": [], "sales": [], "timeline": []}
    rows = {each.table: each.live_rows for each in found["sales"].tables}
    assert rows["lines"] > 20_000
    assert rows["movements"] > rows["orders"]
    # And a line that is altered by hand is named by its order and number
    schema = f"sales_v{reconcilable('sales')[0].version}"
    with app.platform.databases.read.connection() as connection:
        altered = connection.execute(
            f"update {schema}.lines set quantity = quantity + 1 "
            f"where ctid = (select min(ctid) from {schema}.lines where line = 2) returning order_key, kind"
        ).fetchone()
    [difference] = reconciled(app, tmp_path / "archive", "sales")[0].differences
    assert altered is not None
    named = {name: difference.key[name] for name in ("order_key", "kind", "line")}
    assert (difference.table, named) == ("lines", {"order_key": altered[0], "kind": altered[1], "line": 2})
    assert difference.columns == ["quantity"]
