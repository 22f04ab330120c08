"""The dimensions by which figures are broken down and filtered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from projections.sales.tables import DAY, HOUR, MONTH

NONE = "(none)"
"""How a filter says that a dimension is not known."""


class Dimension(NamedTuple):
    """A way to break figures down; `grain` is set for those of time: the coarsest table time that can tell them.

    `join` is what has to be joined to base rows to know it.
    """

    name: str
    type: str
    meaning: str
    grain: str | None = None
    expression: str = ""
    join: str | None = None


_TIME: tuple[Dimension, ...] = (
    Dimension("hour", "timestamptz", "when the hour began", HOUR, "{hour}"),
    Dimension("day", "date", "the calendar day", DAY, "{day}"),
    Dimension("week", "date", "the Monday of the ISO week", DAY, "date_trunc('week', {day})::date"),
    Dimension("month", "date", "the first day of the month", MONTH, "date_trunc('month', {day})::date"),
    Dimension("quarter", "date", "the first day of the quarter", MONTH, "date_trunc('quarter', {day})::date"),
    Dimension("year", "date", "the first day of the year", MONTH, "date_trunc('year', {day})::date"),
    Dimension("weekday", "integer", "1 Monday to 7 Sunday", DAY, "extract(isodow from {day})::integer"),
    Dimension("hour_of_day", "integer", "0 to 23", HOUR, "extract(hour from {local})::integer"),
)
FIRST_TOUCH = """
left join (
    select distinct on (profile) profile, channel
    from identity.memberships
    join timeline.touchpoints
        on touchpoints.subject = memberships.subject
        and (effective_at, event_id) >= (from_at, from_event)
        and (effective_at, event_id) < (to_at, to_event)
    order by profile, effective_at, event_id
) as touch on touch.profile = base.profile
"""

_OTHERS: tuple[Dimension, ...] = (
    Dimension("channel", "text", "the channel of the source that reported the order first"),
    Dimension("source", "uuid", "that source"),
    Dimension("brand", "text", "that source's brand"),
    Dimension("store", "text", "the store that the order names"),
    Dimension("campaign", "text", "the campaign that the order, the reward or the cost names"),
    Dimension("currency", "text", "ISO 4217; what amounts were sent in"),
    Dimension("customer", "text", "new, returning or unknown"),
    Dimension("reason", "text", "of a cancellation, a refund or a return"),
    Dimension("product", "text", "the line's product_id, else its sku, else its name"),
    Dimension("category", "text", "the line's category"),
    Dimension("product_brand", "text", "the line's brand"),
    Dimension("department", "text", "the line's department"),
    Dimension("coupon", "text", "the coupon that was issued or redeemed"),
    Dimension("campaign_type", "text", "the type that the campaign's touchpoints state"),
    Dimension(
        "first_touch",
        "text",
        "the channel of the first touchpoint of the order's profile, under today's identity",
        expression="touch.channel",
        join=FIRST_TOUCH,
    ),
    Dimension("network", "text", "the advertising network of a cost"),
)

DIMENSIONS: Mapping[str, Dimension] = {each.name: each for each in (*_TIME, *_OTHERS)}
TIMES = tuple(each.name for each in _TIME)
