"""The customer value pyramid: a score for each customer, and how many customers and how much money each tier holds.

Score = the sum of metric × coefficient over the metrics that the definition names. A tier holds the customers whose
score reaches its threshold and no higher tier's; who reaches none is in `(none)`. A definition's version is the hash of
what it says, and stands with every figure, so that figures of different definitions are never taken for the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from projections.contract import Connected
from projections.sales.amounts import amount
from projections.sales.dimensions import NONE

METRICS: Mapping[str, str] = {
    "money": "what was paid less what went back, in the definition's currency",
    "frequency": "purchases",
    "tenure": "days since the first purchase",
    "recency": "days since the last purchase; give it a negative coefficient",
    "units": "pieces bought",
    "returns": "returns made",
}
CUTS = ("channel", "source", "brand", "store", "campaign")
MOST_TIERS = 20

_TIERS = """
with customers as (
    select
        profile,
        sum(case kind when 'sale' then amount when 'refund' then -amount when 'cancellation' then -amount else 0 end)
            as money,
        count(*) filter (where kind = 'sale' and amount > 0) as frequency,
        %(last)s - min(day) filter (where kind = 'sale' and amount > 0) as tenure,
        %(last)s - max(day) filter (where kind = 'sale' and amount > 0) as recency,
        coalesce(sum(units) filter (where kind = 'sale'), 0) as units,
        count(*) filter (where kind = 'return') as returns,
        {cut} as cut
    from sales.movements
    where profile is not null
        and currency is not distinct from %(currency)s
        and day <= %(last)s
        and (%(first)s::date is null or day >= %(first)s)
    group by profile
    having count(*) filter (where kind = 'sale' and amount > 0) > 0
),
scored as (
    select
        money,
        frequency,
        cut,
        money * %(money)s + frequency * %(frequency)s + tenure * %(tenure)s + recency * %(recency)s
            + units * %(units)s + returns * %(returns)s as score
    from customers
)
select
    tier,
    cut,
    count(*),
    sum(frequency)::bigint,
    trim_scale(sum(money)),
    trim_scale(min(score)),
    trim_scale(max(score))
from scored
cross join lateral (
    select coalesce(max(place), 0) as tier
    from unnest(%(thresholds)s::numeric[]) with ordinality as reached (threshold, place)
    where score >= threshold
) as reached
group by tier, cut
order by tier desc, cut nulls last
"""
_CUT = "(array_agg({by} order by effective_at desc, event_id desc) filter (where kind = 'sale' and amount > 0))[1]"


class InvalidDefinition(ValueError):
    """A definition that cannot be used; the message says what was expected."""


@dataclass(frozen=True)
class Definition:
    """A coefficient for each metric, and tiers by their names with their thresholds, the lowest first."""

    currency: str | None
    coefficients: Mapping[str, Decimal]
    tiers: tuple[tuple[str, Decimal], ...]

    @classmethod
    def of(cls, tree: Any) -> Definition:
        """The definition that plain values describe. Raises `InvalidDefinition`."""
        if not isinstance(tree, dict) or not tree.keys() <= {"currency", "coefficients", "tiers"}:
            raise InvalidDefinition("the definition is no object; expected currency, coefficients and tiers")
        currency = tree.get("currency")
        if not (currency is None or isinstance(currency, str)):
            raise InvalidDefinition(f"currency={currency!r}; expected a code such as TRY")
        coefficients = _numbers("coefficients", tree.get("coefficients"))
        unknown = sorted(coefficients.keys() - METRICS.keys())
        if unknown:
            raise InvalidDefinition(f"{', '.join(unknown)}: no metric; expected some of {', '.join(METRICS)}")
        tiers = sorted(_numbers("tiers", tree.get("tiers")).items(), key=lambda tier: (tier[1], tier[0]))
        if len({threshold for _, threshold in tiers}) < len(tiers) or len(tiers) > MOST_TIERS:
            raise InvalidDefinition(f"tiers: expected at most {MOST_TIERS}, each with a threshold of its own")
        return cls(currency, coefficients, tuple(tiers))

    @property
    def version(self) -> str:
        """The hash of what it says, whatever the order it is said in."""
        said = [
            self.currency,
            sorted((name, _shortest(each)) for name, each in self.coefficients.items()),
            [(name, _shortest(each)) for name, each in self.tiers],
        ]
        return sha256(msgspec.json.encode(said)).hexdigest()[:16]


class Tier(NamedTuple):
    """The customers of a tier, or of a part of it: how many, their purchases, what they are worth, their scores."""

    tier: str
    cut: str | None
    customers: int
    purchases: int
    net: Decimal
    lowest: Decimal
    highest: Decimal


def read_pyramid(
    connection: Connected, definition: Definition, by: str | None, first: date | None, last: date
) -> list[Tier]:
    """The tiers, the highest first; with `by` cut by that dimension of each customer's last purchase."""
    cut = f"{_CUT.format(by=by)}::text" if by else "null::text"
    parameters = {
        **{name: definition.coefficients.get(name, Decimal(0)) for name in METRICS},
        "thresholds": [threshold for _, threshold in definition.tiers],
        "currency": definition.currency,
        "first": first,
        "last": last,
    }
    names = [NONE, *(name for name, _ in definition.tiers)]
    rows = connection.execute(_TIERS.format(cut=cut).encode(), parameters)
    return [Tier(names[place], *rest) for place, *rest in rows]


def _numbers(what: str, tree: Any) -> dict[str, Decimal]:
    if not isinstance(tree, dict) or not tree:
        raise InvalidDefinition(f"{what} is no object with numbers in it; expected such as {{'money': '0.01'}}")
    found = {name: amount(value) for name, value in tree.items()}
    wrong = [name for name, value in found.items() if value is None]
    if wrong:
        raise InvalidDefinition(f"{what}: {', '.join(wrong)} has no exact number; expected such as '0.01'")
    return {name: value for name, value in found.items() if value is not None}


def _shortest(value: Decimal) -> str:
    return f"{value.normalize():f}"
