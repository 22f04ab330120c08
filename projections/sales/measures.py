"""The measures: each with its name, what it means, where that definition comes from, its unit and how it is summed.

A figure without a definition does not ship: this registry is what the API answers, what the documentation shows and
what is computed, so they cannot say different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from projections.sales.tables import COSTS, LINES, MARGINS, ORDERS, REWARDS, Family

MONEY, COUNT, QUANTITY, SHARE = "money", "count", "quantity", "share"

PLATFORM = "this platform"
SEGMENT = "Segment, e-commerce events: Order Completed, Order Refunded, Order Cancelled"
SHOPIFY = "Shopify, analytics fields: gross sales, returns, net sales, average order value"


@dataclass(frozen=True, eq=False)
class Measure:
    """A figure. It is a sum of its family, a difference of sums, a ratio of two measures, or a number of customers.

    `plus` and `minus` name sums of the family; `over` and `under` name measures. `distinct` counts profiles with a row
    whose sum `plus` is above nothing, or whatever else the column `counts` tells apart.
    """

    name: str
    unit: str
    definition: str
    source: str
    family: Family
    plus: tuple[str, ...] = ()
    minus: tuple[str, ...] = ()
    over: str | None = None
    under: str | None = None
    distinct: bool = False
    counts: str = "profile"

    @property
    def ratio(self) -> bool:
        """Whether it is one measure over another."""
        return self.over is not None


def _sum(
    name: str, unit: str, family: Family, definition: str, source: str = PLATFORM, of: str | None = None
) -> Measure:
    return Measure(name, unit, definition, source, family, (of or name,))


def _ratio(name: str, unit: str, over: Measure, under: Measure, definition: str, source: str = PLATFORM) -> Measure:
    return Measure(name, unit, definition, source, over.family, over=over.name, under=under.name)


_ORDERS = _sum("orders", COUNT, ORDERS, "Orders placed, those cancelled later included.", SHOPIFY)
_PURCHASES = _sum("purchases", COUNT, ORDERS, "Orders placed that were worth more than nothing.")
_GROSS = _sum(
    "gross",
    MONEY,
    ORDERS,
    "What customers paid for the orders placed: after discounts, with tax and shipping, before anything went back.",
    SEGMENT,
)
_UNITS = _sum("units", QUANTITY, ORDERS, "Pieces that the lines of the orders placed list.", SHOPIFY, "sold_units")
_CANCELLED = _sum(
    "cancelled", MONEY, ORDERS, "What cancellations took off: the order's gross less what was refunded.", SEGMENT
)
_REFUNDED = _sum("refunded", MONEY, ORDERS, "What was given back, when it was given back.", SEGMENT)
_NET = Measure(
    "net",
    MONEY,
    "gross − cancelled − refunded, each counted when it happened.",
    SHOPIFY,
    ORDERS,
    ("gross",),
    ("cancelled", "refunded"),
)
_REFUNDS = _sum("refunds", COUNT, ORDERS, "Refunds made, in part or in full.", SEGMENT)
_CANCELLATIONS = _sum("cancellations", COUNT, ORDERS, "Orders cancelled.", SEGMENT)
_RETURNS = _sum("returns", COUNT, ORDERS, "Returns of goods received.")
_NEW = _sum("new_customers", COUNT, ORDERS, "First purchases: profiles that bought for the first time.")
_DELIVERIES = _sum("deliveries", COUNT, ORDERS, "Orders delivered; the first report counts.")
_PROMISED = _sum(
    "promised_deliveries", COUNT, ORDERS, "Orders delivered for which a touchpoint had said by when (`promised_at`)."
)
_LATE = _sum("late_deliveries", COUNT, ORDERS, "Orders delivered after the time promised.")
_ON_TIME = Measure(
    "on_time_deliveries",
    COUNT,
    "Orders delivered by the time promised.",
    PLATFORM,
    ORDERS,
    ("promised_deliveries",),
    ("late_deliveries",),
)
_CUSTOMERS = Measure(
    "customers",
    COUNT,
    "Different profiles with a purchase, under today's identity. Not additive: days do not add up to the month.",
    PLATFORM,
    ORDERS,
    ("purchases",),
    distinct=True,
)
_PRODUCT_SALES = _sum(
    "product_sales", MONEY, LINES, "What the lines of the orders placed were sold for, without shipping.", SEGMENT
)
_PRODUCT_UNITS = _sum("product_units", QUANTITY, LINES, "Pieces on the lines of the orders placed.", SEGMENT)
_SOLD_LINES = _sum(
    "lines", COUNT, LINES, "Lines sold: a positive quantity for a positive amount.", PLATFORM, "sold_lines"
)
_PRODUCT_REFUNDED = _sum("product_refunded", MONEY, LINES, "What the lines of refunds are worth.", SEGMENT)
_PRODUCT_CUSTOMERS = Measure(
    "product_customers",
    COUNT,
    "Different profiles that a line was sold to, under today's identity. Not additive.",
    PLATFORM,
    LINES,
    ("sold_lines",),
    distinct=True,
)
_PRODUCT_ORDERS = Measure(
    "product_orders",
    COUNT,
    "Different orders with such a line sold. Not additive: an order with two products is one order.",
    PLATFORM,
    LINES,
    ("sold_lines",),
    distinct=True,
    counts="order_key",
)
_ISSUED = _sum("coupons_issued", COUNT, REWARDS, "Coupons given out.")
_REDEMPTIONS = _sum("redemptions", COUNT, REWARDS, "Coupons redeemed.")
_EARNED = _sum("points_earned", QUANTITY, REWARDS, "Loyalty points credited.")
_REDEEMED = _sum("points_redeemed", QUANTITY, REWARDS, "Loyalty points used.")
_SPEND = _sum("campaign_spend", MONEY, COSTS, "What campaigns cost, as recorded.")
_CLICKS = _sum("clicks", QUANTITY, COSTS, "Clicks recorded with campaign spend.")

_COSTED = _sum(
    "costed_sales", MONEY, MARGINS, "What lines were sold for whose product's cost was known then, in their currency."
)
_MARGIN = Measure(
    "margin",
    MONEY,
    "costed_sales − cost_of_goods: only of lines whose cost is known.",
    PLATFORM,
    MARGINS,
    ("costed_sales",),
    ("cost_of_goods",),
)

_ALL: tuple[Measure, ...] = (
    _ORDERS,
    _PURCHASES,
    _GROSS,
    _CANCELLED,
    _REFUNDED,
    _NET,
    _UNITS,
    _sum("discount", MONEY, ORDERS, "Discounts that the orders placed state for the whole order."),
    _sum("tax", MONEY, ORDERS, "Tax that the orders placed state; part of gross.", SEGMENT),
    _sum("shipping", MONEY, ORDERS, "Shipping that the orders placed state; part of gross.", SEGMENT),
    _ratio("aov", MONEY, _GROSS, _ORDERS, "Average order value: gross / orders.", SHOPIFY),
    _ratio("basket_size", QUANTITY, _UNITS, _ORDERS, "Pieces in an order: units / orders."),
    _CUSTOMERS,
    _NEW,
    _ratio("orders_per_customer", QUANTITY, _PURCHASES, _CUSTOMERS, "purchases / customers."),
    _ratio("gross_per_customer", MONEY, _GROSS, _CUSTOMERS, "gross / customers."),
    _CANCELLATIONS,
    _REFUNDS,
    _RETURNS,
    _sum("returned", MONEY, ORDERS, "What returned goods were worth, as the return states it; taken off nothing."),
    _sum("returned_units", QUANTITY, ORDERS, "Pieces that came back."),
    _ratio("refund_rate", SHARE, _REFUNDED, _GROSS, "refunded / gross of the same time."),
    _ratio("return_rate", SHARE, _RETURNS, _ORDERS, "returns / orders of the same time."),
    _ratio("cancellation_rate", SHARE, _CANCELLATIONS, _ORDERS, "cancellations / orders of the same time."),
    _DELIVERIES,
    _PROMISED,
    _LATE,
    _ON_TIME,
    _ratio("on_time_rate", SHARE, _ON_TIME, _PROMISED, "Of the deliveries with a promise, the share that kept it."),
    _PRODUCT_SALES,
    _PRODUCT_UNITS,
    _SOLD_LINES,
    _sum("other_lines", COUNT, LINES, "Lines of orders that are not sold for money: gifts, corrections."),
    _sum("line_discount", MONEY, LINES, "Discounts that lines state, coupons included.", PLATFORM, "discount"),
    _sum("product_cancelled", MONEY, LINES, "What cancelled lines were worth, less their refunds."),
    _PRODUCT_REFUNDED,
    _sum("refund_lines", COUNT, LINES, "Lines of refunds: what credit notes list."),
    _sum("refund_units", QUANTITY, LINES, "Pieces that the lines of refunds list."),
    _sum("return_units", QUANTITY, LINES, "Pieces that the lines of returns list."),
    Measure(
        "product_net",
        MONEY,
        "product_sales − product_cancelled − product_refunded, each counted when it happened.",
        SHOPIFY,
        LINES,
        ("product_sales",),
        ("product_cancelled", "product_refunded"),
    ),
    _ratio("unit_price", MONEY, _PRODUCT_SALES, _PRODUCT_UNITS, "Average price of a piece: product_sales / units."),
    _PRODUCT_CUSTOMERS,
    _PRODUCT_ORDERS,
    _COSTED,
    _sum(
        "cost_of_goods",
        MONEY,
        MARGINS,
        "What the pieces of these lines cost, by the last cost recorded before the sale.",
    ),
    _MARGIN,
    _ratio("margin_rate", SHARE, _MARGIN, _COSTED, "margin / costed_sales."),
    _ratio(
        "cost_coverage", SHARE, _COSTED, _PRODUCT_SALES, "costed_sales / product_sales: how much the margin speaks of."
    ),
    _ISSUED,
    _REDEMPTIONS,
    _ratio("redemption_rate", SHARE, _REDEMPTIONS, _ISSUED, "Coupons redeemed / issued."),
    _sum("targeted", COUNT, REWARDS, "How often a campaign was aimed at somebody."),
    _EARNED,
    _REDEEMED,
    _sum("points_expired", QUANTITY, REWARDS, "Loyalty points that lapsed."),
    _ratio("points_rate", SHARE, _REDEEMED, _EARNED, "Points redeemed / earned."),
    _SPEND,
    _sum("message_cost", MONEY, COSTS, "What sending messages cost, as recorded."),
    _CLICKS,
    _sum("impressions", QUANTITY, COSTS, "Impressions recorded with campaign spend."),
    _ratio("cost_per_click", MONEY, _SPEND, _CLICKS, "campaign_spend / clicks."),
)

MEASURES: Mapping[str, Measure] = {measure.name: measure for measure in _ALL}


def parts(measure: Measure) -> Iterator[Measure]:
    """The measures without a division that a measure is made of."""
    if measure.over is not None and measure.under is not None:
        yield MEASURES[measure.over]
        yield MEASURES[measure.under]
    else:
        yield measure


def in_money(measure: Measure) -> bool:
    """Whether amounts go into it, so that currencies must be told apart or converted."""
    return any(part.unit == MONEY for part in parts(measure))
