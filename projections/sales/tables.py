"""Where figures are read from: for each family of measures its base rows, and the rollups that stand in for them.

A rollup serves a question when it has every dimension asked for and its time is fine enough; the smallest one that does
is read. Base rows serve every question and are what evidence is read from.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from string import Formatter

from projections.rollups import Rollup
from projections.sales.rollups import (
    BASKETS,
    BUYER_LINES,
    BUYER_MONTHS,
    BUYER_WEEKS,
    BUYER_YEARS,
    CATEGORIES,
    CATEGORY_MONTHS,
    COUNT,
    DAILY,
    HOURLY,
    PRODUCT_BUYERS,
    PRODUCT_CUSTOMERS,
    PRODUCT_YEARS,
    PRODUCTS,
    STORE_YEARS,
)
from projections.sales.rows import ORDERS_OF

HOUR, DAY, SPLIT_WEEK, MONTH, YEAR = "hour", "day", "split_week", "month", "year"
FINENESS = (YEAR, MONTH, SPLIT_WEEK, DAY, HOUR)
"""Each is made of whole ones of the next, which is why weeks end where their month does."""


@dataclass(frozen=True, eq=False)
class Table:
    """A table of a family. `grain` is the width of its time column; that of base rows is as fine as can be asked.

    `words` says what stands in it for the words of expressions. `relation` is what is read where that is not the table
    alone. `by_profile` names columns by which an index has what was sold in order, with the profiles of each value;
    `customers` is a table that has their number in each stretch of its time.
    """

    name: str
    grain: str
    dimensions: frozenset[str]
    words: Mapping[str, str]
    relation: str | None = None
    by_profile: frozenset[str] = frozenset()
    customers: Table | None = None

    @property
    def source(self) -> str:
        """What stands after `from`."""
        return self.relation or f"sales.{self.name}"

    @property
    def hours(self) -> bool:
        """Whether its rows are sums of an hour."""
        return self.grain == HOUR and HOUR in self.dimensions

    def serves(self, needed: Collection[str], grain: str) -> bool:
        """Whether it has the dimensions and words, and its time is fine enough."""
        fine = FINENESS.index(self.grain) >= FINENESS.index(grain)
        return fine and all(name in self.dimensions or name in self.words for name in needed)


@dataclass(frozen=True, eq=False)
class Family:
    """Measures that are summed from the same base rows. `expressions` says what a row adds to each sum.

    `rollups` are given from the smallest to the largest. `conditions` says for which rows a sum of rows is not nothing.
    """

    name: str
    base: Table
    expressions: Mapping[str, str]
    rollups: tuple[Table, ...] = ()
    conditions: Mapping[str, str] = field(default_factory=dict)

    def table(self, needed: Collection[str], grain: str) -> Table:
        """The smallest table that answers."""
        return next((each for each in self.rollups if each.serves(needed, grain)), self.base)

    def adds(self, name: str, table: Table) -> str:
        """What a row of the table adds to a sum."""
        return self.expressions[name].format_map(table.words)

    def counts(self, name: str, table: Table) -> str:
        """Whether a row of the table adds to a sum of rows."""
        return self.conditions[name].format_map(table.words)

    def words(self, name: str) -> set[str]:
        """The words that a table must have to add to a sum."""
        return {word for _, word, _, _ in Formatter().parse(self.expressions[name]) if word}


ROWS = "{rows}"
"""How many rows of the base a row of the table stands for."""


def _when(kind: str, what: str) -> str:
    return f"case when base.kind = '{kind}' then {what} else 0 end"


def _if(condition: str, what: str = ROWS) -> str:
    return f"case when {condition} then {what} else 0 end"


_ORDERS_OF = tuple(ORDERS_OF.values())
"""The sums that count different orders of lines: words of those tables only that have them."""

_PURCHASE = "{purchase}"
_SOLD = "{sold}"

_ORDERS: Mapping[str, str] = {
    "orders": _when("sale", ROWS),
    "purchases": _if(_PURCHASE),
    "new_customers": _if("base.first"),
    "gross": _when("sale", "base.amount"),
    "sold_units": _when("sale", "base.units"),
    "discount": "base.discount",
    "tax": "base.tax",
    "shipping": "base.shipping",
    "cancellations": _when("cancellation", ROWS),
    "cancelled": _when("cancellation", "base.amount"),
    "refunds": _when("refund", ROWS),
    "refunded": _when("refund", "base.amount"),
    "returns": _when("return", ROWS),
    "returned": _when("return", "base.amount"),
    "returned_units": _when("return", "base.units"),
    "deliveries": _when("delivery", ROWS),
    "promised_deliveries": _if("base.late is not null"),
    "late_deliveries": _if("base.late"),
}
_LINES: Mapping[str, str] = {
    "sold_lines": _if(_SOLD),
    "other_lines": _if(f"base.kind = 'sale' and not {_SOLD}"),
    "product_units": _when("sale", "base.quantity"),
    "product_sales": _when("sale", "base.amount"),
    "discount": _when("sale", "base.discount"),
    "product_cancelled": _when("cancellation", "base.amount"),
    "refund_lines": _when("refund", ROWS),
    "product_refunded": _when("refund", "base.amount"),
    "refund_units": _when("refund", "base.quantity"),
    "return_units": _when("return", "base.quantity"),
    **{name: f"{{{name}}}" for name in _ORDERS_OF},
}
_REWARDS: Mapping[str, str] = {
    "coupons_issued": _when("coupon issued", ROWS),
    "redemptions": _when("coupon redeemed", ROWS),
    "points_earned": _when("points earned", "base.points"),
    "points_redeemed": _when("points redeemed", "base.points"),
    "points_expired": _when("points expired", "base.points"),
    "targeted": _when("campaign targeted", ROWS),
}
_MARGINS: Mapping[str, str] = {
    "costed_sales": "base.costed * base.amount",
    "cost_of_goods": "base.costed * base.quantity * base.unit_cost",
}
_COSTS: Mapping[str, str] = {
    "campaign_spend": _when("campaign spend", "base.amount"),
    "message_cost": _when("message cost", "base.amount"),
    "clicks": _when("campaign spend", "base.clicks"),
    "impressions": _when("campaign spend", "base.impressions"),
}

_PLACE = frozenset({"channel", "source", "brand"})
_ORDER = _PLACE | {"store", "campaign", "currency", "customer", "reason"}
_PERIODS = ("week", "month", "quarter", "year")
_OWNED = frozenset(
    {
        "first_touch",
        *("rfm_recency", "rfm_frequency", "rfm_money", "rfm_segment", "tier", "definition"),
        *(f"cohort_{period}" for period in _PERIODS),
        *(f"age_{period}s" for period in _PERIODS),
        *("city", "region", "country", "gender", "customer_group"),
        *("with_product", "with_category", "with_product_brand", "with_department"),
    }
)
_PRODUCT = frozenset({"product", "category", "product_brand", "department"})


_AGES: Mapping[str, str] = {"age_weeks": SPLIT_WEEK, "age_months": MONTH, "age_quarters": MONTH, "age_years": YEAR}
"""How fine a table's time must be for the age of a customer to be known."""


def _known(name: str, keys: Collection[str], grain: str) -> bool:
    """Whether the group that a row is in is known from its columns."""
    if name.startswith("with_"):
        return "order_key" in keys
    return "profile" in keys and FINENESS.index(grain) >= FINENESS.index(_AGES.get(name, YEAR))


_BASE: Mapping[str, str] = {
    "rows": "1",
    "purchase": "(base.kind = 'sale' and base.amount > 0)",
    "sold": "(base.kind = 'sale' and base.quantity > 0 and base.amount > 0)",
}
_BASE_LINES = {**_BASE, **{name: f"(base.firsts >> {place} & 1)" for place, name in enumerate(_ORDERS_OF)}}
_SUMMED: Mapping[str, str] = {"rows": f"base.{COUNT}", "purchase": "base.purchase", "sold": "base.sold"}


def _rollup(rollup: Rollup, grain: str, by_profile: Collection[str] = (), customers: Rollup | None = None) -> Table:
    keys = frozenset(rollup.keys)
    known = {name for name in _OWNED if _known(name, keys, grain)}
    firsts = {name: f"base.{name}" for name in _ORDERS_OF if name in rollup.sums}
    counted = (
        None if customers is None else Table(customers.table, grain, frozenset(customers.keys), {"sold": "base.sold"})
    )
    words = {**_SUMMED, **firsts}
    return Table(rollup.table, grain, keys | known, words, by_profile=frozenset(by_profile), customers=counted)


ORDERS = Family(
    "orders",
    Table("movements", HOUR, _ORDER | _OWNED, _BASE),
    _ORDERS,
    (_rollup(HOURLY, HOUR), _rollup(BUYER_MONTHS, MONTH), _rollup(DAILY, DAY), _rollup(BUYER_WEEKS, SPLIT_WEEK)),
    {"purchases": _PURCHASE},
)
LINES = Family(
    "lines",
    Table("lines", HOUR, _ORDER | _PRODUCT | _OWNED, _BASE_LINES, by_profile=frozenset({"product", "category"})),
    _LINES,
    (
        _rollup(CATEGORY_MONTHS, MONTH),
        _rollup(BUYER_LINES, MONTH),
        _rollup(STORE_YEARS, YEAR),
        _rollup(PRODUCT_YEARS, YEAR),
        _rollup(CATEGORIES, DAY),
        _rollup(BASKETS, HOUR),
        _rollup(PRODUCTS, MONTH),
        _rollup(BUYER_YEARS, YEAR, {"category", "department"}),
        _rollup(PRODUCT_BUYERS, YEAR, {"product"}, PRODUCT_CUSTOMERS),
    ),
    {"sold_lines": _SOLD},
)
CONTENTS = Table("contents", HOUR, (_ORDER - {"reason"}) | _OWNED, _BASE)
"""What was sold in each order, for what asks which products are in the same ones. It serves no figures."""

_COSTED = """
(
    select lines.*, costs.unit_cost, case when kind = 'sale' then 1 else 0 end as costed
    from sales.lines
    join (
        select
            product,
            currency,
            amount as unit_cost,
            effective_at as from_at,
            lead(effective_at, 1, 'infinity') over (
                partition by product, currency order by effective_at, event_id
            ) as to_at
        from sales.cost_facts
        where kind = 'product cost'
    ) as costs
        on costs.product = lines.product
        and costs.currency = lines.currency
        and lines.effective_at >= costs.from_at
        and lines.effective_at < costs.to_at
)
"""
"""The lines of which it is known what one piece cost when they were sold, in their currency; others add nothing."""

MARGINS = Family("margins", Table("lines", HOUR, _ORDER | _PRODUCT | _OWNED, _BASE, _COSTED), _MARGINS)
REWARDS = Family(
    "rewards",
    Table("reward_facts", HOUR, _PLACE | {"campaign", "campaign_type", "coupon", "currency"}, _BASE),
    _REWARDS,
)
COSTS = Family(
    "costs", Table("cost_facts", HOUR, _PLACE | {"campaign", "network", "product", "currency"}, _BASE), _COSTS
)
