"""A web shop's year: every invoice line is in a touchpoint, the equal ones and those of nobody too, and only once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from cdp.imports.ledger import ByOutcome
from cdp.log.touchpoint import Touchpoint
from tests.files.importing import Desk

pytestmark = [pytest.mark.slow, pytest.mark.real_data]

MAPPING = Path(__file__).parents[2] / "docs" / "mappings" / "online_retail.toml"
LINES = 525_461
INVOICES = 28_816
WITHOUT_CUSTOMER = 107_927
VALID_SALES = Decimal("8832003.274")
"""What the lines with a customer, a positive quantity and a positive price that are not cancelled are worth."""


def touchpoints(desk: Desk) -> Iterator[Touchpoint]:
    position = 0
    while events := desk.platform.reader.read(position, 2_000):
        position = events[-1].position
        yield from desk.platform.opener.open(events)


def test_every_line_is_there_whether_or_not_it_names_a_customer(desk: Desk, real_data: Path) -> None:
    path = real_data / "transactions" / "online_retail_2009_2010.parquet"
    mapping = MAPPING.read_text()
    first = desk.take(path, mapping, workers=2)
    books = first.books
    assert books.balanced
    assert books.rows == LINES
    assert sum(books.of_items) == INVOICES
    assert books.of_rows == ByOutcome(LINES, 0, 0)

    lines: Counter[bool] = Counter()
    worth = Decimal(0)
    for touchpoint in touchpoints(desk):
        for line in touchpoint.section("properties")["products"]:
            lines[touchpoint.header.subject is None] += 1
            known = touchpoint.header.subject is not None
            valid = known and line["quantity"] > 0 and Decimal(line["price"]) > 0
            if valid and touchpoint.header.name == "Order Completed":
                worth += Decimal(line["total"])
    assert lines == {False: LINES - WITHOUT_CUSTOMER, True: WITHOUT_CUSTOMER}
    assert worth == VALID_SALES

    head = desk.platform.reader.head().position
    second = desk.take(path, mapping)
    assert second.earlier is not None
    assert second.books == books
    assert desk.platform.reader.head().position == head
    assert desk.quarantined() == []
