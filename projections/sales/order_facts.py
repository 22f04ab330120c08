"""Order facts: what one touchpoint says of one order, as the source sent it.

Nothing is decided here but how a provider's fields are read; what an order came to is decided by `fold_order` over all
facts of its key. Amounts are exact and in the currency that was sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.log.touchpoint import Touchpoint
from projections.contract import Surroundings
from projections.sales.amounts import amount, currency, gross, label, units
from projections.sales.order_lines import encode_lines, sent_lines

KINDS: Mapping[str, str] = {
    "Order Completed": "completed",
    "Order Updated": "updated",
    "Order Cancelled": "cancelled",
    "Order Refunded": "refunded",
    "Order Returned": "returned",
    "Order Paid": "paid",
    "Order Shipped": "shipped",
    "Order Delivered": "delivered",
}
"""The canonical events that say something of an order."""

_QUARTER = 900


class OrderFact(NamedTuple):
    """A touchpoint about an order.

    `order_key` is the keyed hash of the order's id within its namespace, so that all sources of one namespace speak of
    the same order; without an id the order is the touchpoint itself. `hour` is when the hour began, `day` the calendar
    day, both in the shop's time zone. `total` is the gross of the order, or what was
    refunded or returned; a credit note's negative amounts are turned round. `refund` tells refunds apart that have an
    id of their own. `lines` holds the product lines, see `order_lines`.
    """

    order_key: str
    kind: str
    position: int
    event_id: str
    subject: int | None
    effective_at: datetime
    hour: datetime
    day: date
    source: UUID
    channel: str
    brand: str | None
    store: str | None
    campaign: str | None
    coupon: str | None
    currency: str | None
    total: Decimal | None
    discount: Decimal | None
    tax: Decimal | None
    shipping: Decimal | None
    units: Decimal
    reason: str | None
    refund: str | None
    promised_at: datetime | None
    lines: str | None


def order_facts(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[OrderFact]:
    """The fact that a touchpoint about an order states; none for other touchpoints."""
    header = touchpoint.header
    kind = KINDS.get(header.name)
    if kind is None:
        return
    properties = touchpoint.business.get("properties") or {}
    references = touchpoint.business.get("references") or {}
    total = _total(kind, properties)
    hour, day = calendar(header.effective_at, surroundings.timezone)
    turned = kind in ("refunded", "returned") and total is not None and total < 0
    lines = sent_lines(properties.get("products"), turned)
    yield OrderFact(
        references.get("order_id") or header.id,
        kind,
        touchpoint.position,
        header.id,
        header.subject,
        header.effective_at,
        hour,
        day,
        header.source,
        header.channel,
        header.brand,
        label(properties.get("store")),
        label(properties.get("campaign")),
        label(properties.get("coupon")),
        currency(properties),
        -total if turned and total is not None else total,
        amount(properties.get("discount")),
        amount(properties.get("tax")),
        amount(properties.get("shipping")),
        abs(units(properties.get("products"))) if turned else units(properties.get("products")),
        label(properties.get("reason")),
        references.get("refund_id") or references.get("return_id"),
        moment(properties.get("promised_at"), surroundings.timezone),
        encode_lines(lines) if lines else None,
    )


def _total(kind: str, properties: Mapping[str, Any]) -> Decimal | None:
    """What the order is worth; of a refund what was given back, which a source may say as `refund` or as `total`."""
    if kind == "refunded" and (sent := properties.get("refund")) is not None:
        return amount(sent)
    return gross(properties)


def calendar(at: datetime, timezone: ZoneInfo) -> tuple[datetime, date]:
    """The hour and the day of a moment in a time zone; an hour is named by when it began, in UTC."""
    quarter = int(at.timestamp()) // _QUARTER
    return _calendar(quarter, timezone)


@lru_cache(maxsize=65_536)
def _calendar(quarter: int, timezone: ZoneInfo) -> tuple[datetime, date]:
    """No time zone changes its offset within a quarter of an hour."""
    at = datetime.fromtimestamp(quarter * _QUARTER, UTC)
    local = at.astimezone(timezone)
    return at - timedelta(minutes=local.minute), local.date()


def moment(sent: object, timezone: ZoneInfo) -> datetime | None:
    """An ISO 8601 moment; without a zone it is one of the shop's, and a day means its end. None if it is neither."""
    if not isinstance(sent, str):
        return None
    try:
        if len(sent) == len("2024-12-31"):
            end_of_day = datetime.combine(date.fromisoformat(sent) + timedelta(days=1), time(), timezone)
            return end_of_day.astimezone(UTC) - timedelta(microseconds=1)
        found = datetime.fromisoformat(sent)
        return (found if found.tzinfo else found.replace(tzinfo=timezone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
