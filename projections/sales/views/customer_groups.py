"""Groups of customers: by when they first bought, by quintiles, by tiers of value, and by what is known of them.

Each says for a profile which group it is in, with the parameters of `Judging`. A profile is in at most one group of a
kind, so that a join never repeats a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Group(NamedTuple):
    """What is known of customers: `rows` is a statement that gives at most one row for a profile."""

    name: str
    rows: str

    @property
    def joined(self) -> str:
        """The join that finds it out on the spot."""
        return self._join(f"({self.rows}) as {self.name}")

    @property
    def joined_by_name(self) -> str:
        """The join where `named` stands in front of the statement."""
        return self._join(self.name)

    @property
    def named(self) -> str:
        """Found out once, for several joins."""
        return f"{self.name} as materialized ({self.rows})"

    def _join(self, to: str) -> str:
        return f"left join {to} on {self.name}.profile = base.profile"


MONDAY = "{0} - ({0} - date '0001-01-01') %% 7"
"""The Monday of a day's week. The first day of the year 1 was a Monday."""


def _life(width: str, first: str) -> Group:
    """When each customer first bought: the first day of that week, or month."""
    return Group(
        f"life_{width}s",
        f"""
    select profile, {first} as began_on
    from sales.buyer_{width}s
    where purchase and profile is not null
    group by profile
    """,
    )


LIVES: Mapping[str, Group] = {
    "month": _life("month", "min(month)"),
    "week": _life("week", MONDAY.format("min(split_week)")),
}
"""By how finely it is known."""

_NET = "sum(case kind when 'sale' then amount when 'refund' then -amount when 'cancellation' then -amount else 0 end)"
_ACTED = """
    select profile, kind, purchase, rows, amount, units
    from sales.buyer_months
    where profile is not null
        and currency is not distinct from %({currency})s::text
        and month >= %(judged_months_begin)s::date
        and month < %(judged_months_end)s::date
    union all
    select profile, kind, kind = 'sale' and amount > 0, 1, amount, units
    from sales.movements
    where profile is not null
        and currency is not distinct from %({currency})s::text
        and day >= %(judged_first)s::date
        and day < %(judged_months_begin)s::date
    union all
    select profile, kind, kind = 'sale' and amount > 0, 1, amount, units
    from sales.movements
    where profile is not null
        and currency is not distinct from %({currency})s::text
        and day >= %(judged_months_end)s::date
        and day <= %(judged_last)s::date
"""
"""What customers did in the time that they are judged by: whole months from sums, the days at its ends from rows."""

_DAY = """
(
    select {which}(day)
    from sales.movements as bought
    where bought.profile = acted.profile
        and kind = 'sale'
        and amount > 0
        and currency is not distinct from %({currency})s::text
        and day >= coalesce(%(judged_first)s::date, '-infinity')
        and day <= coalesce(%(judged_last)s::date, 'infinity')
)
"""
"""The first or the last day of a purchase: one step into an index for each customer."""

SCORES = Group(
    "scores",
    f"""
    select
        profile,
        (1 + 5 * (rank() over (order by last_day) - 1) / count(*) over ())::integer as recency,
        (1 + 5 * (rank() over (order by purchases) - 1) / count(*) over ())::integer as frequency,
        (1 + 5 * (rank() over (order by money) - 1) / count(*) over ())::integer as money
    from (
        select profile, purchases, money, {_DAY.format(which="max", currency="judged_currency")} as last_day
        from (
            select profile, sum(rows) filter (where purchase) as purchases, {_NET} as money
            from ({_ACTED.format(currency="judged_currency")}) as movements
            group by profile
            having bool_or(purchase)
        ) as acted
    ) as customers
    """,
)
"""Quintiles: 1 + ⌊5 × (how many are strictly worse) / (how many there are)⌋, so equal values have equal scores.

Source: Hughes, Strategic Database Marketing, RFM by quintiles.
"""

RFM_SEGMENT = """
case
    when scores.recency is null then null
    when scores.recency <= 2 and scores.frequency <= 2 then 'hibernating'
    when scores.recency <= 2 and scores.frequency <= 4 then 'at risk'
    when scores.recency <= 2 then 'cannot lose'
    when scores.recency = 3 and scores.frequency <= 2 then 'about to sleep'
    when scores.recency = 3 and scores.frequency = 3 then 'need attention'
    when scores.recency <= 4 and scores.frequency >= 4 then 'loyal'
    when scores.frequency >= 4 then 'champions'
    when scores.frequency >= 2 then 'potential loyalists'
    when scores.recency = 4 then 'promising'
    else 'new'
end
"""
"""The usual names of what recency and frequency say together."""

_TOUCHED = """
    select memberships.profile, sum(coefficient) as score
    from timeline.touchpoints
    join unnest(%(counted_names)s::text[], %(counted_coefficients)s::numeric[]) as counted (name, coefficient)
        using (name)
    join identity.memberships
        on touchpoints.subject = memberships.subject
        and (effective_at, event_id) >= (from_at, from_event)
        and (effective_at, event_id) < (to_at, to_event)
    where cardinality(%(counted_names)s::text[]) > 0
        and (%(judged_begin)s::timestamptz is null or effective_at >= %(judged_begin)s)
        and (%(judged_end)s::timestamptz is null or effective_at < %(judged_end)s)
    group by memberships.profile
"""
_POINTS = """
    select memberships.profile, sum(points) * %(times_points)s::numeric as score
    from sales.reward_facts
    join identity.memberships
        on reward_facts.subject = memberships.subject
        and (effective_at, event_id) >= (from_at, from_event)
        and (effective_at, event_id) < (to_at, to_event)
    where kind = 'points earned'
        and %(times_points)s::numeric <> 0
        and (%(judged_first)s::date is null or day >= %(judged_first)s)
        and (%(judged_last)s::date is null or day <= %(judged_last)s)
    group by memberships.profile
"""
TIERS = Group(
    "pyramid",
    f"""
    select
        customers.profile,
        (%(tier_names)s::text[])[
            1 + width_bucket(
                customers.score + coalesce(touched.score, 0) + coalesce(points.score, 0), %(thresholds)s::numeric[]
            )
        ] as tier
    from (
        select
            profile,
            additive
                + (%(judged_last)s::date - {_DAY.format(which="min", currency="tier_currency")})
                    * %(times_tenure)s::numeric
                + (%(judged_last)s::date - {_DAY.format(which="max", currency="tier_currency")})
                    * %(times_recency)s::numeric as score
        from (
            select
                profile,
                {_NET} * %(times_money)s::numeric
                    + sum(rows) filter (where purchase) * %(times_frequency)s::numeric
                    + coalesce(sum(units) filter (where kind = 'sale'), 0) * %(times_units)s::numeric
                    + coalesce(sum(rows) filter (where kind = 'return'), 0) * %(times_returns)s::numeric as additive
            from ({_ACTED.format(currency="tier_currency")}) as movements
            group by profile
            having bool_or(purchase)
        ) as acted
    ) as customers
    left join ({_TOUCHED}) as touched using (profile)
    left join ({_POINTS}) as points using (profile)
    """,
)
"""The tier of each customer: the score is the sum of metric × coefficient."""


def trait(name: str, *attributes: str) -> Group:
    """What the profile shows of a customer today, the first of several attributes that has a value."""
    places = ", ".join(f"'{each}'" for each in attributes)
    return Group(
        name,
        f"""
    select distinct on (profile) profile, value #>> array[]::text[] as value
    from profiles.fields
    where attribute in ({places})
        and (expires_at is null or expires_at > now())
        and jsonb_typeof(value) in ('string', 'number', 'boolean')
    order by profile, array_position(array[{places}], attribute)
    """,
    )


BASKET = """
exists (
    select from sales.lines as other
    where other.order_key = base.order_key
        and other.kind = 'sale'
        and other.quantity > 0
        and other.amount > 0
        and other.{column} = any(%(only_{name})s::text[])
)
"""
"""Whether a line of these was sold in the same order."""
