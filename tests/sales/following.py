"""Following the evidence of figures, page by page, and putting together what it comes to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.api.serving import Served

PLACES = 6


def pages(app: Served, link: str, size: int = 2) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """All touchpoints behind a link, and the last page."""
    parts = urlsplit(link)
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = app.client.get(
            parts.path,
            params=[*parse_qsl(parts.query, keep_blank_values=True), ("limit", str(size)), *cursor.items()],
            headers={"Authorization": f"Bearer {app.token}"},
        )
        assert answer.status_code == 200, (link, answer.text)
        page = answer.json()
        items += page["items"]
        if page["next"] is None:
            return items, page
        cursor = {"cursor": page["next"]}


def sum_of(app: Served, link: str) -> Decimal | None:
    """What the touchpoints behind a link add up to; of a ratio its two sums divided. None where it has no value."""
    items, page = pages(app, link)
    sums = []
    for each in page["sums"]:
        added = [Decimal(item["adds"]) for item in items if item["measure"] == each["measure"]]
        assert len(added) == each["rows"]
        assert sum(added, Decimal(0)) == Decimal(each["sum"])
        sums.append(sum(added, Decimal(0)))
    if len(sums) == 1:
        return sums[0]
    over, under = sums
    return round(over / under, PLACES) if under else None


def quotient(app: Served, link: dict[str, list[str]]) -> Decimal | None:
    """What the evidence over the line comes to, divided by that under it."""
    product = {"over": Decimal(1), "under": Decimal(1)}
    for place, found in link.items():
        for each in found:
            product[place] *= sum_of(app, each) or Decimal(0)
    return product["over"] / product["under"] if product["under"] else None
