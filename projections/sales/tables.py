"""Where figures are read from: for each family of measures its base rows, and the rollups that stand in for them.

A rollup serves a question when it has every dimension asked for and its time is fine enough; the smallest one that does
is read. Base rows serve every question and are what evidence is read from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from projections.sales.rollups import CATEGORIES, DAILY, HOURLY, LINE_SUMS, ORDER_SUMS, PRODUCTS

HOUR, DAY, MONTH = "hour", "day", "month"
FINENESS = (MONTH, DAY, HOUR)


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a family. `grain` is the width of its time column; that of base rows is as fine as can be asked."""

    name: str
    grain: str
    dimensions: frozenset[str]
    sums: frozenset[str]

    def serves(self, dimensions: Collection[str], sums: Collection[str], grain: str) -> bool:
        """Whether the question can be answered from it."""
        fine = FINENESS.index(self.grain) >= FINENESS.index(grain)
        return fine and self.dimensions.issuperset(dimensions) and self.sums.issuperset(sums)


@dataclass(frozen=True, eq=False)
class Family:
    """Measures that are summed from the same base rows. `expressions` says what a base row adds to each sum.

    `rollups` are given from the smallest to the largest.
    """

    name: str
    base: Table
    expressions: Mapping[str, str]
    rollups: tuple[Table, ...] = ()

    def table(self, dimensions: Collection[str], sums: Collection[str], grain: str) -> Table:
        """The smallest table that answers."""
        return next((each for each in self.rollups if each.serves(dimensions, sums, grain)), self.base)


def _when(kind: str, what: str) -> str:
    return f"case when base.kind = '{kind}' then {what} else 0 end"


_SOLD = "base.kind = 'sale' and base.quantity > 0 and base.amount > 0"

_ORDERS: Mapping[str, str] = {
    "orders": _when("sale", "1"),
    "purchases": "case when base.kind = 'sale' and base.amount > 0 then 1 else 0 end",
    "new_customers": "case when base.first then 1 else 0 end",
    "gross": _when("sale", "base.amount"),
    "sold_units": _when("sale", "base.units"),
    "discount": "base.discount",
    "tax": "base.tax",
    "shipping": "base.shipping",
    "cancellations": _when("cancellation", "1"),
    "cancelled": _when("cancellation", "base.amount"),
    "refunds": _when("refund", "1"),
    "refunded": _when("refund", "base.amount"),
    "returns": _when("return", "1"),
    "returned": _when("return", "base.amount"),
    "returned_units": _when("return", "base.units"),
    "deliveries": _when("delivery", "1"),
    "promised_deliveries": "case when base.late is not null then 1 else 0 end",
    "late_deliveries": "case when base.late then 1 else 0 end",
}
_LINES: Mapping[str, str] = {
    "sold_lines": f"case when {_SOLD} then 1 else 0 end",
    "other_lines": f"case when base.kind = 'sale' and not ({_SOLD}) then 1 else 0 end",
    "product_units": _when("sale", "base.quantity"),
    "product_sales": _when("sale", "base.amount"),
    "discount": _when("sale", "base.discount"),
    "product_cancelled": _when("cancellation", "base.amount"),
    "refund_lines": _when("refund", "1"),
    "product_refunded": _when("refund", "base.amount"),
    "refund_units": _when("refund", "base.quantity"),
    "return_units": _when("return", "base.quantity"),
}
_REWARDS: Mapping[str, str] = {
    "coupons_issued": _when("coupon issued", "1"),
    "redemptions": _when("coupon redeemed", "1"),
    "points_earned": _when("points earned", "base.points"),
    "points_redeemed": _when("points redeemed", "base.points"),
    "points_expired": _when("points expired", "base.points"),
    "targeted": _when("campaign targeted", "1"),
}
_COSTS: Mapping[str, str] = {
    "campaign_spend": _when("campaign spend", "base.amount"),
    "message_cost": _when("message cost", "base.amount"),
    "clicks": _when("campaign spend", "base.clicks"),
    "impressions": _when("campaign spend", "base.impressions"),
}

_PLACE = frozenset({"channel", "source", "brand"})
_ORDER = _PLACE | {"store", "campaign", "currency", "customer", "reason"}
_PRODUCT = frozenset({"product", "category", "product_brand", "department"})

ORDERS = Family(
    "orders",
    Table("movements", HOUR, _ORDER, frozenset(_ORDERS)),
    _ORDERS,
    (
        Table(DAILY.table, DAY, frozenset(DAILY.keys) - {"day"}, frozenset(ORDER_SUMS)),
        Table(HOURLY.table, HOUR, frozenset(HOURLY.keys) - {"hour"}, frozenset(ORDER_SUMS)),
    ),
)
LINES = Family(
    "lines",
    Table("lines", HOUR, _ORDER | _PRODUCT, frozenset(_LINES)),
    _LINES,
    (
        Table(CATEGORIES.table, DAY, frozenset(CATEGORIES.keys) - {"day"}, frozenset(LINE_SUMS)),
        Table(PRODUCTS.table, MONTH, frozenset(PRODUCTS.keys) - {"month"}, frozenset(LINE_SUMS)),
    ),
)
REWARDS = Family(
    "rewards",
    Table("reward_facts", HOUR, _PLACE | {"campaign", "campaign_type", "coupon", "currency"}, frozenset(_REWARDS)),
    _REWARDS,
)
COSTS = Family(
    "costs",
    Table("cost_facts", HOUR, _PLACE | {"campaign", "network", "product", "currency"}, frozenset(_COSTS)),
    _COSTS,
)
