"""Sales: each completed order as a fact, and its sums by day, channel, source and currency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from cdp.log.touchpoint import Touchpoint
from projections.contract import Surroundings
from projections.declared import Declared
from projections.facts import Facts
from projections.rollups import Rollup
from projections.sales.amounts import currency, gross, units

ORDER_COMPLETED = "Order Completed"


class OrderRow(NamedTuple):
    """A completed order as sent. `day` is the calendar day of its effective time in the configured time zone."""

    position: int
    event_id: str
    subject: int | None
    order_reference: str | None
    day: date
    effective_at: datetime
    channel: str
    source: UUID
    brand: str | None
    currency: str | None
    gross: Decimal
    units: Decimal


def orders(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[OrderRow]:
    """The order that a touchpoint completes; none when its amount cannot be read exactly."""
    header = touchpoint.header
    if header.name != ORDER_COMPLETED:
        return
    properties = touchpoint.business.get("properties") or {}
    paid = gross(properties)
    if paid is None:
        return
    effective_at = header.effective_at
    yield OrderRow(
        touchpoint.position,
        header.id,
        header.subject,
        touchpoint.business.get("references", {}).get("order_id"),
        effective_at.astimezone(surroundings.timezone).date(),
        effective_at,
        header.channel,
        header.source,
        header.brand,
        currency(properties),
        paid,
        units(properties.get("products")),
    )


DAILY = Rollup(
    table="daily",
    source="orders",
    keys={"day": "date", "channel": "text", "source": "uuid", "currency": "text"},
    count="orders",
    sums={"units": "numeric", "gross": "numeric"},
)

PROJECTION = Declared(
    name="sales",
    version=1,
    facts=(Facts("orders", OrderRow, orders),),
    rollups=(DAILY,),
    depends_on=lambda surroundings: f"timezone={surroundings.timezone.key}",
)
