"""By what customers are put into groups: up to which day, in which currency, and by which pyramid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from cdp.value.definition import BELOW, METRICS, TOUCHPOINT, Definition

_REFERRALS = "Referral Made"


@dataclass(frozen=True)
class Judging:
    """Customers are judged by what they did from `first` to `last`, both included; None means without end.

    Scores look at purchases in `currency` alone, tiers at those in the definition's. `label` names the pyramid's
    version. A question that asks for tiers has both of them.
    """

    first: date | None = None
    last: date | None = None
    currency: str | None = None
    definition: Definition | None = None
    label: str | None = None

    def parameters(self, shop: ZoneInfo) -> Mapping[str, Any]:
        """What the statements of `customer_groups` refer to."""
        definition = self.definition or Definition("XXX", {}, ((BELOW, Decimal(0)),))
        counted = {name: each for name, each in definition.coefficients.items() if name not in METRICS}
        names = {name.removeprefix(TOUCHPOINT): each for name, each in counted.items()}
        if "referrals" in definition.coefficients:
            names[_REFERRALS] = names.get(_REFERRALS, Decimal(0)) + definition.coefficients["referrals"]
        months_begin, months_end = _whole_months(self.first, self.last)
        return {
            "judged_first": self.first,
            "judged_last": self.last,
            "judged_months_begin": months_begin,
            "judged_months_end": months_end,
            "judged_begin": _midnight(self.first, shop) if self.first else None,
            "judged_end": _midnight(self.last + timedelta(days=1), shop) if self.last else None,
            "judged_currency": self.currency,
            "pyramid_label": self.label,
            "tier_currency": definition.currency,
            "tier_names": definition.tier_names,
            "thresholds": [threshold for _, threshold in definition.tiers],
            "counted_names": list(names),
            "counted_coefficients": list(names.values()),
            **{f"times_{name}": definition.coefficients.get(name, Decimal(0)) for name in METRICS},
        }


UNJUDGED = Judging()
"""By everything there is; of no pyramid."""


def _whole_months(first: date | None, last: date | None) -> tuple[str, str]:
    """From which day to before which one there are whole months only; the day after the last twice if there are none.

    Days are as PostgreSQL writes them.
    """
    after = None if last is None else last + timedelta(days=1)
    begin = None if first is None else _next_month(first - timedelta(days=1))
    end = None if after is None else after.replace(day=1)
    if begin is not None and end is not None and begin > end:
        return str(after), str(after)
    return str(begin or "-infinity"), str(end or "infinity")


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)
