"""The sums that views are read from: by hour and by day, by category, store, customer and product, by order.

Those by year, month and week are small, for long times; what they cut off of a period is read from finer ones.

A rollup keeps apart what its source rows are (`kind`, and whether something was bought), so that its sums are few and
every measure is the same expression over a rollup as over the rows themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from projections.rollups import Rollup
from projections.sales.rows import ORDERS_OF

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
_ORDERS = (ORDERS_OF[None],)
_ORDERS_OF_PRODUCTS = (ORDERS_OF["product"],)
_ORDERS_OF_GROUPS = (*_ORDERS, *(ORDERS_OF[name] for name in PRODUCT))

COUNT = "rows"
"""The column that says how many rows a group has."""

_WITHOUT_STORE: Mapping[str, str] = {name: kind for name, kind in ORDER.items() if name != "store"}
_SOLD: Mapping[str, str] = {**PLACE, "currency": "text", "customer": "text", **PRODUCT, **_LISTED}

HOURLY = Rollup(
    "hourly",
    "movements",
    {"hour": "timestamptz", "day": "date", **_WITHOUT_STORE, **_MOVED},
    COUNT,
    _AMOUNTS,
)
DAILY = Rollup("daily", "movements", {"day": "date", **ORDER, **_MOVED}, COUNT, _AMOUNTS)
_BOUGHT: Mapping[str, str] = {"profile": "text", **PLACE, "currency": "text", "customer": "text", **_MOVED}
BUYER_MONTHS = Rollup("buyer_months", "movements", {"month": "date", **_BOUGHT}, COUNT, _AMOUNTS)
BUYER_WEEKS = Rollup("buyer_weeks", "movements", {"split_week": "date", **_BOUGHT}, COUNT, _AMOUNTS)
"""By split weeks, of which months as well as weeks are made."""


def _of_lines(table: str, keys: Mapping[str, str], orders: Sequence[str]) -> Rollup:
    """Sums of lines. `orders` names those of different orders: what it is asked for by decides which it needs."""
    return Rollup(table, "lines", keys, COUNT, {**_LINE_AMOUNTS, **dict.fromkeys(orders, "bigint")})


CATEGORIES = _of_lines("categories", {"day": "date", **_WITHOUT_STORE, **PRODUCT, **_LISTED}, _ORDERS_OF_GROUPS)
CATEGORY_MONTHS = _of_lines(
    "category_months", {"month": "date", **_WITHOUT_STORE, **PRODUCT, **_LISTED}, _ORDERS_OF_GROUPS
)
STORE_YEARS = _of_lines("store_years", {"year": "date", "store": "text", **_SOLD}, _ORDERS_OF_GROUPS)
BUYER_YEARS = _of_lines("buyer_years", {"year": "date", "profile": "text", **_SOLD}, _ORDERS_OF_GROUPS)
BUYER_LINES = _of_lines(
    "buyer_lines",
    {"month": "date", "profile": "text", **PLACE, "currency": "text", "customer": "text", **_LISTED},
    _ORDERS,
)
"""The lines of a customer together, for what does not ask for products."""
PRODUCTS = _of_lines("products", {"month": "date", "product": "text", **_SOLD}, _ORDERS_OF_PRODUCTS)
PRODUCT_YEARS = _of_lines("product_years", {"year": "date", "product": "text", **_SOLD}, _ORDERS_OF_PRODUCTS)
_SOLD_TO: Mapping[str, str] = {"year": "date", "product": "text", "identified": "boolean", **_LISTED}
PRODUCT_BUYERS = _of_lines("product_buyers", {**_SOLD_TO, "profile": "text"}, _ORDERS_OF_PRODUCTS)
PRODUCT_CUSTOMERS = Rollup("product_customers", "product_buyers", _SOLD_TO, "customers")
"""How many different customers those are, who do not add up; of what is not identified it counts one."""
BASKETS = _of_lines(
    "baskets",
    {"order_key": "text", "hour": "timestamptz", "day": "date", "profile": "text", **ORDER, **_LISTED},
    _ORDERS,
)
"""The lines of an order together, for all that does not ask for products."""

ROLLUPS = (
    HOURLY,
    DAILY,
    BUYER_MONTHS,
    BUYER_WEEKS,
    CATEGORIES,
    CATEGORY_MONTHS,
    STORE_YEARS,
    BUYER_YEARS,
    BUYER_LINES,
    PRODUCTS,
    PRODUCT_YEARS,
    PRODUCT_BUYERS,
    PRODUCT_CUSTOMERS,
    BASKETS,
)
