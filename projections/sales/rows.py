"""The rows of orders: the order itself, what it moved, and its product lines.

Movements and lines are what every figure is summed from, so each names its touchpoint: the evidence of a figure is its
rows. Amounts are negative only where a source sent them so; what a row adds to which measure follows from its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

NOTHING = Decimal(0)
NEW, RETURNING, UNKNOWN = "new", "returning", "unknown"
SALE, CANCELLATION, REFUND, RETURN, DELIVERY = "sale", "cancellation", "refund", "return", "delivery"

ORDERS_OF: Mapping[str | None, str] = {
    None: "orders",
    "product": "orders_of_product",
    "category": "orders_of_category",
    "product_brand": "orders_of_product_brand",
    "department": "orders_of_department",
}
"""For each column of what is sold, and for none: the sum that counts the different orders with such a line sold."""


@lru_cache(maxsize=4_096)
def first_of_month(day: date) -> date:
    """The first day of its month. Most rows of a batch are of few days."""
    return day.replace(day=1)


@lru_cache(maxsize=4_096)
def first_of_split_week(day: date) -> date:
    """The first day of its week that is in its month. A week that two months share is two split weeks."""
    return max(day - timedelta(days=day.weekday()), first_of_month(day))


@lru_cache(maxsize=4_096)
def first_of_year(day: date) -> date:
    """The first day of its year."""
    return day.replace(month=1, day=1)


class OrderRow(NamedTuple):
    """An order as it stands. `effective_at` and `event_id` say when it counts and whose it is."""

    order_key: str
    state: str
    subject: int | None
    effective_at: datetime
    event_id: str
    day: date
    source: UUID
    channel: str
    brand: str | None
    store: str | None
    campaign: str | None
    coupon: str | None
    currency: str | None
    gross: Decimal | None
    discount: Decimal
    tax: Decimal
    shipping: Decimal
    units: Decimal
    cancelled: Decimal
    refunded: Decimal
    net: Decimal | None
    cancel_reason: str | None
    refund_reason: str | None
    return_reason: str | None
    cancelled_at: datetime | None
    refunded_at: datetime | None
    returned_at: datetime | None
    paid_at: datetime | None
    shipped_at: datetime | None
    promised_at: datetime | None
    delivered_at: datetime | None
    touchpoints: int


class PlacementRow(NamedTuple):
    """What an order says of its customer: when it was placed, and whether it was worth more than nothing."""

    order_key: str
    subject: int | None
    effective_at: datetime
    event_id: str
    purchase: bool


class BuyerRow(NamedTuple):
    """Whose order it is under today's identity, and whether that profile had bought before: `new` or `returning`.

    `first` is set on the profile's first purchase.
    """

    profile: str
    order_key: str
    effective_at: datetime
    event_id: str
    customer: str
    first: bool


class MovementRow(NamedTuple):
    """Something that an order moved: its sale, its cancellation, a refund, a return or its delivery.

    It counts at its own moment, under the order's channel, source, brand, store and campaign. `late` says of a delivery
    whether it came after what was promised; null where nothing was.
    """

    order_key: str
    kind: str
    effective_at: datetime
    event_id: str
    position: int
    hour: datetime
    day: date
    source: UUID
    channel: str
    brand: str | None
    store: str | None
    campaign: str | None
    currency: str | None
    profile: str | None
    customer: str
    reason: str | None
    amount: Decimal
    units: Decimal
    discount: Decimal
    tax: Decimal
    shipping: Decimal
    first: bool
    late: bool | None

    @property
    def purchase(self) -> bool:
        """Whether it is the sale of an order worth more than nothing."""
        return self.kind == SALE and self.amount > 0

    @property
    def month(self) -> date:
        """The first day of the month."""
        return first_of_month(self.day)

    @property
    def split_week(self) -> date:
        """The first day of the week, or of the month if that is later."""
        return first_of_split_week(self.day)


class LineRow(NamedTuple):
    """A product line of a sale, a cancellation, a refund or a return, at that one's moment.

    `firsts` says by what it is the first line that its order sold: 1 at all, 2 of its product, 4 of its category, 8 of
    its brand, 16 of its department, added up. So different orders are counted by adding up: `orders_of_category` of
    all lines of a category is in how many orders it was sold. Lines not sold are first by nothing.
    """

    order_key: str
    kind: str
    line: int
    effective_at: datetime
    event_id: str
    position: int
    hour: datetime
    day: date
    source: UUID
    channel: str
    brand: str | None
    store: str | None
    campaign: str | None
    currency: str | None
    profile: str | None
    customer: str
    reason: str | None
    product: str | None
    category: str | None
    product_brand: str | None
    department: str | None
    quantity: Decimal
    amount: Decimal
    discount: Decimal
    firsts: int

    @property
    def month(self) -> date:
        """The first day of the month."""
        return first_of_month(self.day)

    @property
    def year(self) -> date:
        """The first day of the year."""
        return first_of_year(self.day)

    @property
    def identified(self) -> bool:
        """Whether it is known whose it is."""
        return self.profile is not None

    @property
    def sold(self) -> bool:
        """Whether something was sold for money: a positive quantity for a positive amount."""
        return self.kind == SALE and self.quantity > 0 and self.amount > 0

    @property
    def orders(self) -> int:
        """1 on the first line that its order sold, else 0."""
        return self.firsts & 1

    @property
    def orders_of_product(self) -> int:
        """1 on the first one of its product."""
        return self.firsts >> 1 & 1

    @property
    def orders_of_category(self) -> int:
        """1 on the first one of its category."""
        return self.firsts >> 2 & 1

    @property
    def orders_of_product_brand(self) -> int:
        """1 on the first one of its brand."""
        return self.firsts >> 3 & 1

    @property
    def orders_of_department(self) -> int:
        """1 on the first one of its department."""
        return self.firsts >> 4 & 1


class ContentsRow(NamedTuple):
    """What was sold for money in an order, at the sale's moment: each product, category, brand and department once.

    They are written as `projections.sales.contents` says. What is read first stands first.
    """

    position: int
    effective_at: datetime
    hour: datetime
    day: date
    source: UUID
    product: bytes
    category: bytes
    product_brand: bytes
    department: bytes
    order_key: str
    event_id: str
    channel: str
    brand: str | None
    store: str | None
    campaign: str | None
    currency: str | None
    profile: str | None
    customer: str
