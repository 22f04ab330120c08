"""The sums that views are read from, by hour and by day, by category and by product."""

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

ORDER_SUMS: Mapping[str, str] = {
    "orders": "bigint",
    "purchases": "bigint",
    "new_customers": "bigint",
    "gross": "numeric",
    "sold_units": "numeric",
    "discount": "numeric",
    "tax": "numeric",
    "shipping": "numeric",
    "cancellations": "bigint",
    "cancelled": "numeric",
    "refunds": "bigint",
    "refunded": "numeric",
    "returns": "bigint",
    "returned": "numeric",
    "returned_units": "numeric",
    "deliveries": "bigint",
    "promised_deliveries": "bigint",
    "late_deliveries": "bigint",
}
LINE_SUMS: Mapping[str, str] = {
    "sold_lines": "bigint",
    "other_lines": "bigint",
    "product_units": "numeric",
    "product_sales": "numeric",
    "discount": "numeric",
    "product_cancelled": "numeric",
    "refund_lines": "bigint",
    "product_refunded": "numeric",
    "refund_units": "numeric",
    "return_units": "numeric",
}

HOURLY = Rollup("hourly", "movements", {"hour": "timestamptz", **ORDER}, "movements", ORDER_SUMS)
DAILY = Rollup("daily", "movements", {"day": "date", **ORDER}, "movements", ORDER_SUMS)
CATEGORIES = Rollup(
    "categories",
    "lines",
    {"day": "date", **{name: kind for name, kind in ORDER.items() if name != "store"}, **PRODUCT},
    "line_rows",
    LINE_SUMS,
)
PRODUCTS = Rollup(
    "products",
    "lines",
    {"month": "date", "product": "text", **PLACE, "currency": "text", "customer": "text", **PRODUCT},
    "line_rows",
    LINE_SUMS,
)
