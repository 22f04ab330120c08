"""Cohorts: customers by when they first bought, and how many of them came back, with what they spent.

Retention in period k = customers of the cohort with a purchase in their k-th period / customers of the cohort; the
period of the first purchase is k = 0. Cells that time has not reached are null, not zero. Source: the platform's metric
definitions, "cohort retention".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.figures import PLACES, answer
from projections.sales.question import LARGEST_LIMIT, InvalidQuestion, Period, Question, began
from projections.sales.views.customer_groups import LIVES

PERIODS = ("month", "quarter", "year", "week")
CUSTOMERS = "customers"

_SIZES = """
select date_trunc(%(period)s, began_on)::date, count(*)
from ({life}) as lives
where began_on < %(last_begins)s
    or began_on = %(last_begins)s
        and exists (
            select
            from sales.movements
            where movements.profile = lives.profile and kind = 'sale' and amount > 0 and day <= %(last)s
        )
group by 1
"""


class Cell(NamedTuple):
    """A cohort in one of its periods, with `figures` by measure; None where that period has not begun yet.

    `key` is the currency where amounts are told apart by it.
    """

    begins: date
    key: tuple[str | None, ...]
    period: int
    size: int
    figures: tuple[Decimal | None, ...] | None

    @property
    def retention(self) -> Decimal | None:
        """The share of the cohort that bought; the number of customers is the first of the figures."""
        bought = self.figures[0] if self.figures else None
        return None if bought is None else round(bought / self.size, PLACES)


def cohort_question(question: Question, period: str) -> Question:
    """The question whose answer has the cells that are not empty. Raises `InvalidQuestion`."""
    if period not in PERIODS:
        raise InvalidQuestion(f"period={period!r}; expected one of {', '.join(PERIODS)}")
    if question.by:
        raise InvalidQuestion("cohorts are broken down by period alone: filter instead, such as channel=web")
    measures = tuple(dict.fromkeys((CUSTOMERS, *question.measures)))
    return dataclasses.replace(
        question,
        measures=measures,
        by=(f"cohort_{period}", f"age_{period}s"),
        period=Period(None, question.period.last),
        limit=LARGEST_LIMIT,
        order=(),
    )


def read_cohorts(
    connection: Connected, asked: Question, shop: ZoneInfo, period: str, first: date | None, last: date
) -> Iterator[Cell]:
    """The cells of the cohorts that began from `first` on, as far as `last`; `asked` is a `cohort_question`."""
    found: dict[tuple[date, tuple[str | None, ...]], dict[int, tuple[Decimal | None, ...]]] = {}
    keys, sizes = len(asked.keys), _sizes(connection, period, last)
    for row in answer(connection, asked, shop).rows:
        begins, age, key = row[0], row[1], row[2:keys]
        if begins in sizes and age >= 0 and (first is None or begins >= first):
            found.setdefault((begins, key), {})[age] = row[keys:]
    longest = max((_since(period, begins, last) for begins, _ in found), default=-1)
    nothing = tuple(None if measure.ratio else Decimal(0) for measure in asked.chosen)
    for (begins, key), cells in sorted(found.items(), key=lambda each: (each[0][0], str(each[0][1]))):
        reached = _since(period, begins, last)
        for age in range(longest + 1):
            figures = cells.get(age, nothing) if age <= reached else None
            yield Cell(begins, key, age, sizes[begins], figures)


def _sizes(connection: Connected, period: str, last: date) -> dict[date, int]:
    """How many customers each cohort has whose first purchase was not after `last`."""
    width = period if period in LIVES else "month"
    statement = _SIZES.format(life=LIVES[width].rows)
    parameters = {"period": period, "last": last, "last_begins": began(width, last)}
    return dict(connection.execute(statement.encode(), parameters).fetchall())


def _since(period: str, begins: date, last: date) -> int:
    return number_of(period, last) - number_of(period, begins)


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
