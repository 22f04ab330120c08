"""The canonical events, and which of their properties are business: clear facts that name nobody.

A source's tracking plan may say otherwise for that source. What neither declares is personal, and a name that neither
declares is stored as `(unknown)` with its text in the personal part. Names follow Segment's specification where it has
one.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import NamedTuple


class Kind(Enum):
    """What a business property holds, and so which values may stay in the clear."""

    AMOUNT = "an exact amount of money, or a rate: a number or its decimal text"
    COUNT = "a quantity, points or a duration: a number or its decimal text"
    LABEL = "a code or a name of a thing: a text of up to 200 characters without '@', a whole number, or a truth value"
    CODE = "a code for a thing: up to 64 of the letters A to Z, digits, '_', '-' and '.', or a whole number"
    REFERENCE = "an external id: kept personal, in the clear only as a keyed hash"


Properties = Mapping[str, Kind]

_AMOUNTS = ("total", "revenue", "subtotal", "shipping", "tax", "discount", "value", "price", "cost", "refund")
_LINE_LABELS = ("product_id", "sku", "category", "brand", "variant", "department", "name", "coupon", "currency", "unit")
_LINE_AMOUNTS = ("price", "total", "discount", "tax", "coupon_discount", "match_discount", "cost")

LINE: Properties = {
    **dict.fromkeys(_LINE_LABELS, Kind.LABEL),
    **dict.fromkeys(_LINE_AMOUNTS, Kind.AMOUNT),
    "quantity": Kind.COUNT,
    "position": Kind.COUNT,
}
"""The properties of one element of `products`."""

_COMMERCE: Properties = {
    **LINE,
    **dict.fromkeys(_AMOUNTS, Kind.AMOUNT),
    **dict.fromkeys(
        ("affiliation", "store", "list_id", "payment_method", "shipping_method", "carrier", "status", "week"),
        Kind.LABEL,
    ),
    "promised_at": Kind.LABEL,
    "reason": Kind.CODE,
    **dict.fromkeys(("campaign", "campaign_type", "promotion_id"), Kind.LABEL),
    **dict.fromkeys(("order_id", "checkout_id", "cart_id", "shipment_id", "invoice_id"), Kind.REFERENCE),
    **dict.fromkeys(("refund_id", "return_id"), Kind.REFERENCE),
}
_MESSAGE: Properties = {
    **dict.fromkeys(("campaign", "campaign_id", "campaign_type", "template", "language", "bounce_type"), Kind.LABEL),
    "message_id": Kind.REFERENCE,
    "cost": Kind.AMOUNT,
    "currency": Kind.LABEL,
    "segments": Kind.COUNT,
}
_CALL: Properties = {
    **dict.fromkeys(("queue", "direction"), Kind.LABEL),
    "disposition": Kind.CODE,
    **dict.fromkeys(("duration", "queue_duration", "talk_duration", "hold_duration", "wrap_duration"), Kind.COUNT),
    "call_id": Kind.REFERENCE,
}
_SOCIAL: Properties = {
    **dict.fromkeys(("network", "kind", "campaign", "post_type"), Kind.LABEL),
    **dict.fromkeys(("impressions", "reach", "followers", "engagements"), Kind.COUNT),
    **dict.fromkeys(("post_id", "message_id", "conversation_id"), Kind.REFERENCE),
}
_LOYALTY: Properties = {
    **dict.fromkeys(("tier", "previous_tier", "program", "coupon", "campaign", "campaign_type"), Kind.LABEL),
    "reason": Kind.CODE,
    **dict.fromkeys(("points", "balance"), Kind.COUNT),
    **dict.fromkeys(("discount", "value"), Kind.AMOUNT),
    "currency": Kind.LABEL,
    "order_id": Kind.REFERENCE,
    "referral_id": Kind.REFERENCE,
}
_CASE: Properties = {
    **dict.fromkeys(("topic", "priority", "status", "direction", "survey"), Kind.CODE),
    **dict.fromkeys(("score", "scale"), Kind.COUNT),
    **dict.fromkeys(("case_id", "survey_id", "response_id"), Kind.REFERENCE),
}
_CONSENT: Properties = dict.fromkeys(("purpose", "channel", "status", "legal_basis"), Kind.LABEL)
_SPEND: Properties = {
    **dict.fromkeys(("campaign", "network", "currency", "product_id"), Kind.LABEL),
    **dict.fromkeys(("amount", "cost", "spend"), Kind.AMOUNT),
    **dict.fromkeys(("clicks", "impressions"), Kind.COUNT),
}
_RATE: Properties = {**dict.fromkeys(("currency", "base"), Kind.LABEL), "rate": Kind.AMOUNT}

_GROUPS: tuple[tuple[Properties, str], ...] = (
    (
        _COMMERCE,
        "Products Searched, Product List Viewed, Product List Filtered, Promotion Viewed, Promotion Clicked, "
        "Product Clicked, Product Viewed, Product Added, Product Removed, Product Added to Wishlist, "
        "Product Removed from Wishlist, Product Shared, Product Reviewed, Cart Viewed, Cart Shared, Checkout Started, "
        "Checkout Step Viewed, Checkout Step Completed, Payment Info Entered, Order Completed, Order Updated, "
        "Order Cancelled, Order Refunded, Order Shipped, Order Delivered, Order Returned, Order Invoiced, Order Paid, "
        "Coupon Entered, Coupon Applied, Coupon Denied, Coupon Removed",
    ),
    (
        _MESSAGE,
        "Email Sent, Email Delivered, Email Opened, Email Link Clicked, Email Bounced, Email Marked as Spam, "
        "SMS Sent, SMS Delivered, SMS Link Clicked, SMS Bounced, Message Sent, Message Delivered, Message Opened, "
        "Message Link Clicked, Message Bounced, Unsubscribed",
    ),
    (
        _CALL,
        "Call Offered, Call Queued, Call Answered, Call Abandoned, Call Ended, Voicemail Left, Callback Requested",
    ),
    (
        _SOCIAL,
        "Post Published, Post Engaged, Post Measured, Page Measured, Direct Message Received, Direct Message Sent, "
        "Followed, Unfollowed",
    ),
    (
        _LOYALTY,
        "Card Registered, Card Replaced, Points Earned, Points Redeemed, Points Expired, Coupon Issued, "
        "Coupon Redeemed, Tier Changed, Campaign Targeted, Referral Made, Referral Converted",
    ),
    (
        _CASE,
        "Case Opened, Case Replied, Case Assigned, Case Resolved, Case Reopened, Survey Sent, Survey Responded",
    ),
    (_CONSENT, "Consent Given, Consent Withdrawn"),
    (_SPEND, "Campaign Spend Recorded, Message Cost Recorded, Product Cost Recorded"),
    (_RATE, "Exchange Rate Recorded"),
    ({}, "Page Viewed, Screen Viewed, User Identified, Account Joined, Identity Aliased"),
    ({}, "Application Installed, Application Opened, Application Updated, Signed Up, Signed In, Signed Out"),
)

EVENTS: Mapping[str, Properties] = {
    name.strip(): properties for properties, names in _GROUPS for name in names.split(",")
}
"""Every canonical event name with its business properties."""


class Lines(NamedTuple):
    """What is declared of the elements of `products`. `labels` are the labels among `business`."""

    business: Properties
    labels: frozenset[str]
    classes: Mapping[str, str]

    @classmethod
    def of(cls, business: Properties, classes: Mapping[str, str] | None = None) -> Lines:
        """Lines with these business properties, and the field classes of others."""
        labels = frozenset(key for key, kind in business.items() if kind is Kind.LABEL)
        return cls(business, labels, classes or {})


class Declared(NamedTuple):
    """What is declared of an event: of each property its kind where it is business, else its field class.

    `lines` says the same of the elements of `products`, None where they are nothing special; `rest` is the field class
    of all properties that are named nowhere, None for the usual ones; `traits` has the field classes of traits.
    """

    properties: Mapping[str, Kind | str]
    lines: Lines | None = None
    rest: str | None = None
    traits: Mapping[str, str] = {}


CATALOGUE_LINES = Lines.of(LINE)
NOTHING = Declared({})
"""Of an event that nothing declares."""

DECLARED: Mapping[str, Declared] = {
    name: Declared(properties, CATALOGUE_LINES if properties else None) for name, properties in EVENTS.items()
}
"""Every canonical event as the catalogue alone declares it."""

ABOUT_NOBODY = frozenset(
    {
        *("Campaign Spend Recorded", "Message Cost Recorded", "Product Cost Recorded", "Exchange Rate Recorded"),
        *("Post Published", "Post Measured", "Page Measured"),
    }
)
"""Events that may come without any identifier: facts about campaigns, products and posts."""
