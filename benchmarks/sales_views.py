"""Every kind of view over a year of sales, and the same figures by DuckDB where the data set has them as columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cdp.value.definition import Definition
from projections.sales.question import Period, Question
from projections.sales.views.judging import Judging

YEAR = Period(date(2017, 1, 1), date(2018, 1, 31))
"""The year, and the first hours of the next one that it runs into."""

CUT = Period(date(2017, 2, 10), date(2017, 11, 20))
"""Most of it, with neither end at a month's."""

LAST_DAY = date(2018, 1, 31)
CURRENCY = "USD"
HOURS = 10_000
"""The rows of an answer at most: more than a year has hours."""

PYRAMID = Definition(
    CURRENCY,
    {"money": Decimal("0.01"), "frequency": Decimal(2), "recency": Decimal("-0.1")},
    (("silver", Decimal(50)), ("gold", Decimal(200))),
)

_LINES = "{lines}"
_WITH_PRODUCTS = "{lines} join {products} using (product_id)"
_SALES = "sum(sales_value::decimal(12, 2))"
_BASKETS = f"{_SALES}, count(distinct basket_id)"
_HOUSEHOLDS = "count(distinct household_id)"


class View(NamedTuple):
    """A question about the year; `yardstick` is what DuckDB is asked."""

    name: str
    question: Question
    yardstick: str | None = None


def views() -> Iterator[View]:
    """Measures of each family by dimensions of each kind."""
    yield from _of_orders()
    yield from _of_lines()
    yield from _of_customers()
    yield from _others()


def _of_orders() -> Iterator[View]:
    whole = Question(("gross", "orders", "net", "aov"), period=YEAR)
    yield View("the year", whole, f"select {_BASKETS} from {_LINES}")
    for name, column in _TIMES.items():
        asked = Question(("gross", "orders", "net"), (name,), period=YEAR, limit=HOURS)
        yield View(f"orders by {name}", asked, _grouped(column, _BASKETS, _LINES))
    for by, columns in _PLACES.items():
        asked = Question(("gross", "orders", "basket_size"), tuple(by.split(",")), period=YEAR, limit=HOURS)
        yield View(f"orders by {by.replace(',', ' and ')}", asked, columns and _grouped(columns, _BASKETS, _LINES))
    foreign = Question(("gross",), ("day",), period=YEAR, zone=ZoneInfo("America/New_York"), limit=HOURS)
    yield View("orders by day in another time zone", foreign)
    beside = Question(("refund_rate", "return_rate", "on_time_rate"), ("month",), period=YEAR)
    yield View("rates of refunds, returns and deliveries by month", beside)


def _of_lines() -> Iterator[View]:
    for by, columns in _PRODUCTS.items():
        asked = Question(("product_sales", "lines"), tuple(by.split(",")), period=YEAR, limit=HOURS)
        lines = _WITH_PRODUCTS if columns and ("category" in columns or "department" in columns) else _LINES
        query = columns and _grouped(columns, f"{_SALES}, count(*)", lines)
        yield View(f"lines by {by.replace(',', ' and ')}", asked, query)
    best = Question(("product_sales", "product_units"), ("product",), period=YEAR, limit=20)
    query = f"select product_id, {_SALES} as sales, sum(quantity) from {_LINES} group by 1 order by 2 desc limit 20"
    yield View("best sellers", best, query)
    of_one = {"category": ("SOFT DRINKS",)}
    asked = Question(("product_sales",), ("day",), of_one, YEAR, limit=HOURS)
    query = _grouped("transaction_timestamp::date", _SALES, f"{_WITH_PRODUCTS} where product_category = 'SOFT DRINKS'")
    yield View("one category by day", asked, query)
    asked = Question(("product_sales", "product_units"), ("day", "store"), {"product": ("1082185",)}, YEAR, limit=HOURS)
    query = _grouped("transaction_timestamp::date, store_id", _SALES, f"{_LINES} where product_id = 1082185")
    yield View("one product by day and store", asked, query)


def _of_customers() -> Iterator[View]:
    for by in ("month", "store"):
        asked = Question(("customers", "gross_per_customer"), (by,), period=YEAR)
        yield View(f"customers by {by}", asked, _grouped(_COLUMNS[by], f"{_SALES}, {_HOUSEHOLDS}", _LINES))
    for by in ("category", "department", "month", "store", "product"):
        lines = _WITH_PRODUCTS if by in ("category", "department") else _LINES
        asked = Question(("product_customers",), (by,), period=YEAR)
        yield View(f"customers of lines by {by}", asked, _grouped(_COLUMNS[by], _HOUSEHOLDS, lines))
    asked = Question(("product_orders",), ("category",), period=YEAR)
    query = _grouped("product_category", "count(distinct basket_id)", _WITH_PRODUCTS)
    yield View("orders of lines by category", asked, query)
    asked = Question(("customers",), ("day", "store"), period=YEAR, limit=HOURS)
    yield View("customers by day and store", asked, _grouped(_PLACES["day,store"] or "", _HOUSEHOLDS, _LINES))
    asked = Question(("product_orders",), ("hour", "product"), period=YEAR, limit=HOURS)
    hours = "date_trunc('hour', transaction_timestamp), product_id"
    yield View("orders of lines by hour and product", asked, _grouped(hours, "count(distinct basket_id)", _LINES))
    judging = Judging(None, LAST_DAY, CURRENCY, PYRAMID, "value@1")
    for by in ("rfm_segment", "tier", "first_touch", "cohort_month"):
        for measures in (("gross", "customers"), ("product_sales",)):
            asked = Question(measures, (by,), period=YEAR, judging=judging)
            yield View(f"{' and '.join(measures)} by {by}", asked)
    cut = Judging(CUT.first, CUT.last, CURRENCY, PYRAMID, "value@1")
    for by in ("rfm_segment", "tier", "cohort_month,age_months", "cohort_week,age_weeks"):
        asked = Question(("gross", "customers"), tuple(by.split(",")), period=CUT, judging=cut, limit=HOURS)
        yield View(f"gross and customers by {by.replace(',', ' and ')}, of days in the middle of months", asked)


def _others() -> Iterator[View]:
    drinks = Question(("gross", "orders"), ("month",), {"with_category": ("SOFT DRINKS",)}, YEAR)
    yield View("orders with a category, by month", drinks)
    yield View("margin by category", Question(("margin", "cost_coverage"), ("category",), period=YEAR))
    yield View("coupons redeemed by campaign", Question(("redemptions", "targeted"), ("campaign",), period=YEAR))


def _grouped(columns: str, figures: str, lines: str) -> str:
    """As many rows as the view is asked for, in order, as the view's are."""
    return f"select {columns}, {figures} from {lines} group by all order by all limit {HOURS}"


_COLUMNS: Mapping[str, str] = {
    "category": "product_category",
    "department": "department",
    "month": "date_trunc('month', transaction_timestamp)",
    "store": "store_id",
    "product": "product_id",
}
_TIMES: Mapping[str, str] = {
    "hour": "date_trunc('hour', transaction_timestamp)",
    "day": "transaction_timestamp::date",
    "week": "date_trunc('week', transaction_timestamp)",
    "month": "date_trunc('month', transaction_timestamp)",
    "hour_of_day": "hour(transaction_timestamp)",
}
_PLACES: Mapping[str, str | None] = {
    "channel": None,
    "source,brand": None,
    "store": "store_id",
    "campaign": None,
    "month,customer": None,
    "day,store": "transaction_timestamp::date, store_id",
    "hour,store": "date_trunc('hour', transaction_timestamp), store_id",
}
_PRODUCTS: Mapping[str, str | None] = {
    "month": "date_trunc('month', transaction_timestamp)",
    "hour": "date_trunc('hour', transaction_timestamp)",
    "store": "store_id",
    "channel,customer": None,
    "category": "product_category",
    "category,month": "product_category, date_trunc('month', transaction_timestamp)",
    "category,day": "product_category, transaction_timestamp::date",
    "hour,category": "date_trunc('hour', transaction_timestamp), product_category",
    "day,product": "transaction_timestamp::date, product_id",
    "month,product": "date_trunc('month', transaction_timestamp), product_id",
    "category,store": "product_category, store_id",
    "department,week": "department, date_trunc('week', transaction_timestamp)",
    "product_brand,customer": None,
}
