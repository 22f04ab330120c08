"""Facts beside orders: coupons and points, what products, campaigns and messages cost, exchange rates.

All are as sent and dated by their touchpoint; a cost or a rate holds from its moment until the next one of its kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

from cdp.log.touchpoint import Touchpoint
from projections.contract import Surroundings
from projections.sales.amounts import amount, currency, label
from projections.sales.order_facts import calendar

NOTHING = Decimal(0)

REWARDS: Mapping[str, str] = {
    "Coupon Issued": "coupon issued",
    "Coupon Redeemed": "coupon redeemed",
    "Coupon Applied": "coupon applied",
    "Coupon Denied": "coupon denied",
    "Points Earned": "points earned",
    "Points Redeemed": "points redeemed",
    "Points Expired": "points expired",
    "Campaign Targeted": "campaign targeted",
}
COSTS: Mapping[str, str] = {
    "Campaign Spend Recorded": "campaign spend",
    "Message Cost Recorded": "message cost",
    "Product Cost Recorded": "product cost",
}
EXCHANGE_RATE = "Exchange Rate Recorded"


class RewardFact(NamedTuple):
    """A coupon or points that somebody got or used, or a campaign that reached somebody."""

    position: int
    event_id: str
    kind: str
    subject: int | None
    effective_at: datetime
    hour: datetime
    day: date
    source: UUID
    channel: str
    brand: str | None
    order_key: str | None
    coupon: str | None
    campaign: str | None
    campaign_type: str | None
    currency: str | None
    points: Decimal
    amount: Decimal


class CostFact(NamedTuple):
    """Money spent on a campaign or a message, or what one piece of a product costs."""

    position: int
    event_id: str
    kind: str
    effective_at: datetime
    hour: datetime
    day: date
    source: UUID
    channel: str
    brand: str | None
    campaign: str | None
    network: str | None
    product: str | None
    currency: str | None
    amount: Decimal
    clicks: Decimal
    impressions: Decimal


class RateFact(NamedTuple):
    """How much of `base` one unit of `currency` is worth from a day on."""

    position: int
    event_id: str
    effective_at: datetime
    day: date
    source: UUID
    currency: str
    base: str
    rate: Decimal


def reward_facts(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[RewardFact]:
    """The coupon, points or targeting that a touchpoint tells of."""
    header = touchpoint.header
    kind = REWARDS.get(header.name)
    if kind is None:
        return
    properties = touchpoint.business.get("properties") or {}
    references = touchpoint.business.get("references") or {}
    yield RewardFact(
        touchpoint.position,
        header.id,
        kind,
        header.subject,
        header.effective_at,
        *calendar(header.effective_at, surroundings.timezone),
        header.source,
        header.channel,
        header.brand,
        references.get("order_id"),
        label(properties.get("coupon")),
        label(properties.get("campaign")),
        label(properties.get("campaign_type")),
        currency(properties),
        amount(properties.get("points")) or NOTHING,
        _either(properties, "discount", "value"),
    )


def cost_facts(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[CostFact]:
    """The cost that a touchpoint records; none when its amount cannot be read exactly."""
    header = touchpoint.header
    kind = COSTS.get(header.name)
    if kind is None:
        return
    properties = touchpoint.business.get("properties") or {}
    sent = next((properties[name] for name in ("amount", "cost", "spend") if properties.get(name) is not None), None)
    paid = amount(sent)
    if paid is None:
        return
    yield CostFact(
        touchpoint.position,
        header.id,
        kind,
        header.effective_at,
        *calendar(header.effective_at, surroundings.timezone),
        header.source,
        header.channel,
        header.brand,
        label(properties.get("campaign")),
        label(properties.get("network")),
        label(properties.get("product_id")),
        currency(properties),
        paid,
        amount(properties.get("clicks")) or NOTHING,
        amount(properties.get("impressions")) or NOTHING,
    )


def rate_facts(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[RateFact]:
    """The exchange rate that a touchpoint records: 1 `currency` = `rate` × `base`."""
    header = touchpoint.header
    if header.name != EXCHANGE_RATE:
        return
    properties = touchpoint.business.get("properties") or {}
    rate, base, foreign = amount(properties.get("rate")), _code(properties, "base"), _code(properties, "currency")
    if rate is not None and rate > 0 and base is not None and foreign is not None:
        day = calendar(header.effective_at, surroundings.timezone)[1]
        yield RateFact(touchpoint.position, header.id, header.effective_at, day, header.source, foreign, base, rate)


def _either(properties: Mapping[str, Any], *names: str) -> Decimal:
    found = (amount(properties.get(name)) for name in names)
    return next((each for each in found if each is not None), NOTHING)


def _code(properties: Mapping[str, Any], name: str) -> str | None:
    return currency({"currency": properties.get(name)})
