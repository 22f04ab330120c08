"""Cohorts: customers by when they first bought, and how many of them came back, with what they spent.

Retention in period k = customers of the cohort with a purchase in their k-th period / customers of the cohort; the
period of the first purchase is k = 0. Cells that time has not reached are null, not zero. Source: the platform's metric
definitions, "cohort retention".
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from projections.contract import Connected

PERIODS = ("month", "quarter", "year", "week")

_COHORTS = """
with purchases as (
    select profile, date_trunc(%(period)s, day)::date as period, currency, amount
    from sales.movements
    where kind = 'sale'
        and amount > 0
        and profile is not null
        and day <= %(last)s
),
firsts as (
    select profile, min(period) as cohort
    from purchases
    group by profile
)
select
    cohort,
    period,
    currency,
    count(distinct profile),
    trim_scale(sum(amount))
from purchases
join firsts using (profile)
where %(first)s::date is null or cohort >= %(first)s
group by grouping sets ((cohort, period), (cohort, period, currency))
order by cohort, period, currency nulls first, grouping(currency) desc
"""


class Cell(NamedTuple):
    """A cohort in one of its periods. All is None where that period has not begun yet."""

    period: int
    customers: int | None
    retention: Decimal | None
    gross: dict[str, Decimal] | None


class Cohort(NamedTuple):
    """The customers whose first purchase was in this period, and their periods since."""

    begins: date
    customers: int
    cells: list[Cell]


def read_cohorts(connection: Connected, period: str, first: date | None, last: date) -> list[Cohort]:
    """The cohorts that began from `first` on, as far as `last`. `period` is one of `PERIODS`."""
    found: dict[date, dict[date, tuple[int, dict[str, Decimal]]]] = {}
    parameters = {"period": period, "first": first, "last": last}
    for cohort, at, currency, customers, gross in connection.execute(_COHORTS, parameters):
        cells = found.setdefault(cohort, {})
        if at not in cells:
            cells[at] = (customers, {})
        else:
            cells[at][1][currency or ""] = gross
    longest = max((number_of(period, last) - number_of(period, cohort) for cohort in found), default=-1) + 1
    return [_cohort(period, begins, cells, longest, last) for begins, cells in sorted(found.items())]


def _cohort(
    period: str, begins: date, cells: dict[date, tuple[int, dict[str, Decimal]]], longest: int, last: date
) -> Cohort:
    size = cells[begins][0]
    reached = number_of(period, last) - number_of(period, begins)
    by_number = {number_of(period, at) - number_of(period, begins): cell for at, cell in cells.items()}
    return Cohort(
        begins,
        size,
        [
            _cell(k, size, by_number.get(k, (0, {}))) if k <= reached else Cell(k, None, None, None)
            for k in range(longest)
        ],
    )


def _cell(k: int, size: int, found: tuple[int, dict[str, Decimal]]) -> Cell:
    customers, gross = found
    return Cell(k, customers, round(Decimal(customers) / size, 6), gross)


def number_of(period: str, day: date) -> int:
    """The number of the period that a day is in; neighbours differ by one."""
    match period:
        case "week":
            return (day.toordinal() - 1) // 7
        case "month":
            return day.year * 12 + day.month
        case "quarter":
            return day.year * 4 + (day.month - 1) // 3
        case _:
            return day.year
