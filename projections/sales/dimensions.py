"""The dimensions by which figures are broken down and filtered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from projections.sales.tables import DAY, HOUR, MONTH, SPLIT_WEEK, YEAR
from projections.sales.views.customer_groups import (
    BASKET,
    LIVES,
    MONDAY,
    RFM_SEGMENT,
    SCORES,
    TIERS,
    Group,
    trait,
)

NONE = "(none)"
"""How a filter says that a dimension is not known."""


class Dimension(NamedTuple):
    """A way to break figures down; `grain` is set for those of time: the coarsest table time that can tell them.

    `join` is what has to be joined to base rows to know it. One with a `condition` is a filter only: a row may have it
    with several values at once.
    """

    name: str
    type: str
    meaning: str
    grain: str | None = None
    expression: str = ""
    join: Group | None = None
    condition: str | None = None


_TIME: tuple[Dimension, ...] = (
    Dimension("hour", "timestamptz", "when the hour began", HOUR, "{hour}"),
    Dimension("day", "date", "the calendar day", DAY, "{day}"),
    Dimension("week", "date", "the Monday of the ISO week", SPLIT_WEEK, MONDAY.format("{day}")),
    Dimension("month", "date", "the first day of the month", MONTH, "date_trunc('month', {day}::timestamp)::date"),
    Dimension(
        "quarter", "date", "the first day of the quarter", MONTH, "date_trunc('quarter', {day}::timestamp)::date"
    ),
    Dimension("year", "date", "the first day of the year", YEAR, "date_trunc('year', {day}::timestamp)::date"),
    Dimension("weekday", "integer", "1 Monday to 7 Sunday", DAY, "extract(isodow from {day})::integer"),
    Dimension("hour_of_day", "integer", "0 to 23", HOUR, "extract(hour from {local})::integer"),
)
FIRST_TOUCH = Group(
    "touch",
    """
    select distinct on (profile) profile, channel
    from identity.memberships
    cross join lateral (
        select effective_at, event_id, channel
        from timeline.touchpoints
        where touchpoints.subject = memberships.subject
            and (effective_at, event_id) >= (from_at, from_event)
            and (effective_at, event_id) < (to_at, to_event)
        order by effective_at, event_id
        limit 1
    ) as earliest
    order by profile, effective_at, event_id
    """,
)

_PERIODS = ("week", "month", "quarter", "year")
_AGES: Mapping[str, str] = {
    "week": "({0} - date '0001-01-01') / 7",
    "month": "(extract(year from {0}) * 12 + extract(month from {0}))::integer",
    "quarter": "(extract(year from {0}) * 4 + extract(quarter from {0}))::integer",
    "year": "extract(year from {0})::integer",
}
_TRAITS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "city": ("the customer's city", ("address.city", "city")),
    "region": ("the customer's region or state", ("address.state", "state", "region")),
    "country": ("the customer's country", ("address.country", "country")),
    "gender": ("the customer's gender", ("gender",)),
    "customer_group": ("the group that a source puts the customer into", ("customer_group", "group", "segment")),
}


def _cohort(period: str) -> Iterator[Dimension]:
    join = LIVES.get(period, LIVES["month"])
    began_on = f"{join.name}.began_on"
    cohort = began_on if period in LIVES else f"date_trunc('{period}', {began_on})::date"
    began = f"the {'Monday of the week' if period == 'week' else f'first day of the {period}'}"
    yield Dimension(
        f"cohort_{period}",
        "date",
        f"{began} of the customer's first purchase, in the shop's time zone",
        expression=cohort,
        join=join,
    )
    yield Dimension(
        f"age_{period}s",
        "integer",
        f"{period}s between that of the customer's first purchase, 0, and that of the row",
        expression=f"{_AGES[period].format('{shop_day}')} - {_AGES[period].format(began_on)}",
        join=join,
    )


def _trait(name: str) -> Dimension:
    meaning, attributes = _TRAITS[name]
    meaning = f"{meaning}, as the profile shows it today: {', else '.join(attributes)}"
    return Dimension(name, "text", meaning, expression=f"{name}.value", join=trait(name, *attributes))


def _basket(column: str) -> Dimension:
    name, what = f"with_{column}", column.replace("_", " ")
    meaning = f"a filter only: orders in which a line of the {what} was sold"
    return Dimension(name, "text", meaning, condition=BASKET.format(column=column, name=name))


_GROUPS: tuple[Dimension, ...] = (
    *(each for period in _PERIODS for each in _cohort(period)),
    Dimension("rfm_recency", "integer", "quintile of the last purchase, 5 the latest", None, "scores.recency", SCORES),
    Dimension("rfm_frequency", "integer", "quintile of purchases, 5 the most", None, "scores.frequency", SCORES),
    Dimension("rfm_money", "integer", "quintile of what they are worth, 5 the most", None, "scores.money", SCORES),
    Dimension("rfm_segment", "text", "what recency and frequency say together", None, RFM_SEGMENT, SCORES),
    Dimension("tier", "text", "the customer's tier in the value pyramid", None, "pyramid.tier", TIERS),
    Dimension("definition", "text", "the version of the value pyramid", None, "%(pyramid_label)s::text"),
    *map(_trait, _TRAITS),
)
_BASKETS = tuple(map(_basket, ("product", "category", "product_brand", "department")))

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

DIMENSIONS: Mapping[str, Dimension] = {each.name: each for each in (*_TIME, *_OTHERS, *_GROUPS, *_BASKETS)}
TIMES = tuple(each.name for each in _TIME)
