"""The sums that views are read from, by hour and by day, by category and by product.

A rollup keeps apart what its source rows are (`kind`, and whether something was bought), so that its sums are few and
every measure is the same expression over a rollup as over the rows themselves.
"""

from __future__ import annotations

from collections.abc import Mapping

from projections.rollups import Rollup

PLACE: Mapping[str, str] = {"channel": "text", "source": "uuid", "brand": "text"}
ORDER: Mapping[str, str] = {
    **PLACE,
    "store": "text",
    "campaign": "text",
    "currency": "text",
    "customer": "text",
    "reason": "text",
}
PRODUCT: Mapping[str, str] = {"category": "text", "product_brand": "text", "department": "text"}

_MOVED: Mapping[str, str] = {"kind": "text", "purchase": "boolean", "first": "boolean", "late": "boolean"}
_AMOUNTS = dict.fromkeys(("amount", "units", "discount", "tax", "shipping"), "numeric")
_LISTED: Mapping[str, str] = {"kind": "text", "sold": "boolean"}
_LINE_AMOUNTS = dict.fromkeys(("quantity", "amount", "discount"), "numeric")

COUNT = "rows"
"""The column that says how many rows a group has."""

HOURLY = Rollup("hourly", "movements", {"hour": "timestamptz", **ORDER, **_MOVED}, COUNT, _AMOUNTS)
DAILY = Rollup("daily", "movements", {"day": "date", **ORDER, **_MOVED}, COUNT, _AMOUNTS)
CATEGORIES = Rollup(
    "categories",
    "lines",
    {"day": "date", **{name: kind for name, kind in ORDER.items() if name != "store"}, **PRODUCT, **_LISTED},
    COUNT,
    _LINE_AMOUNTS,
)
PRODUCTS = Rollup(
    "products",
    "lines",
    {"month": "date", "product": "text", **PLACE, "currency": "text", "customer": "text", **PRODUCT, **_LISTED},
    COUNT,
    _LINE_AMOUNTS,
)
