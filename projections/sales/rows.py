"""The rows of orders: the order itself, what it moved, and its product lines.

Movements and lines are what every figure is summed from, so each names its touchpoint: the evidence of a figure is its
rows. Amounts are negative only where a source sent them so; what a row adds to which measure follows from its kind.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

NOTHING = Decimal(0)
NEW, RETURNING, UNKNOWN = "new", "returning", "unknown"
SALE, CANCELLATION, REFUND, RETURN, DELIVERY = "sale", "cancellation", "refund", "return", "delivery"


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
    def orders(self) -> int:
        """Orders placed."""
        return int(self.kind == SALE)

    @property
    def purchases(self) -> int:
        """Orders worth more than nothing."""
        return int(self.kind == SALE and self.amount > 0)

    @property
    def new_customers(self) -> int:
        """First purchases."""
        return int(self.kind == SALE and self.first)

    @property
    def gross(self) -> Decimal:
        """What was paid."""
        return self.amount if self.kind == SALE else NOTHING

    @property
    def sold_units(self) -> Decimal:
        """Pieces ordered."""
        return self.units if self.kind == SALE else NOTHING

    @property
    def cancellations(self) -> int:
        """Orders cancelled."""
        return int(self.kind == CANCELLATION)

    @property
    def cancelled(self) -> Decimal:
        """What cancellations took off."""
        return self.amount if self.kind == CANCELLATION else NOTHING

    @property
    def refunds(self) -> int:
        """Refunds made."""
        return int(self.kind == REFUND)

    @property
    def refunded(self) -> Decimal:
        """What was given back."""
        return self.amount if self.kind == REFUND else NOTHING

    @property
    def returns(self) -> int:
        """Returns received."""
        return int(self.kind == RETURN)

    @property
    def returned(self) -> Decimal:
        """What returned goods were worth."""
        return self.amount if self.kind == RETURN else NOTHING

    @property
    def returned_units(self) -> Decimal:
        """Pieces that came back."""
        return self.units if self.kind == RETURN else NOTHING

    @property
    def deliveries(self) -> int:
        """Orders delivered."""
        return int(self.kind == DELIVERY)

    @property
    def promised_deliveries(self) -> int:
        """Orders delivered for which a time had been promised."""
        return int(self.late is not None)

    @property
    def late_deliveries(self) -> int:
        """Orders delivered after the time that was promised."""
        return int(self.late is True)


class LineRow(NamedTuple):
    """A product line of a sale, a cancellation, a refund or a return, at that one's moment."""

    order_key: str
    kind: str
    line: int
    effective_at: datetime
    event_id: str
    position: int
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

    @property
    def month(self) -> date:
        """The first day of the month."""
        return self.day.replace(day=1)

    @property
    def sold_lines(self) -> int:
        """Lines sold: a positive quantity for a positive amount."""
        return int(self.kind == SALE and self.quantity > 0 and self.amount > 0)

    @property
    def other_lines(self) -> int:
        """Lines of orders that are not sold for money: gifts, corrections."""
        return int(self.kind == SALE and not (self.quantity > 0 and self.amount > 0))

    @property
    def product_units(self) -> Decimal:
        """Pieces sold."""
        return self.quantity if self.kind == SALE else NOTHING

    @property
    def product_sales(self) -> Decimal:
        """What the lines were sold for."""
        return self.amount if self.kind == SALE else NOTHING

    @property
    def product_cancelled(self) -> Decimal:
        """What cancellations took off."""
        return self.amount if self.kind == CANCELLATION else NOTHING

    @property
    def refund_lines(self) -> int:
        """Lines of refunds."""
        return int(self.kind == REFUND)

    @property
    def product_refunded(self) -> Decimal:
        """What was given back."""
        return self.amount if self.kind == REFUND else NOTHING

    @property
    def refund_units(self) -> Decimal:
        """Pieces that refunds name."""
        return self.quantity if self.kind == REFUND else NOTHING

    @property
    def return_units(self) -> Decimal:
        """Pieces that came back."""
        return self.quantity if self.kind == RETURN else NOTHING
