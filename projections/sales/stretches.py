"""How an answer in order of time is read: stretch by stretch, until there are as many rows as are wanted.

Where the first column that rows go by is one of time, all rows of a stretch come before those of the next one, so what
is past the limit need not be read. Stretches begin and end where that column changes, so none cuts a row in two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from math import ceil, prod

from projections.sales.dimensions import TIMES
from projections.sales.question import Period, Question, began

LONGEST: Mapping[str, int] = {"hour": 1, "day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}
"""The dimensions of time by which an answer can be cut, with how many days such a time has at most."""

_A_DAY: Mapping[str, float] = {"hour": 24, "hour_of_day": 24, "weekday": 1}
"""How many values these have in a day; others have one in all their days."""

_BESIDE: Mapping[str, int] = {
    "product": 2_500,
    "category": 250,
    "city": 100,
    "store": 100,
    "coupon": 30,
    "product_brand": 30,
    "campaign": 10,
    "department": 10,
    "region": 10,
}
"""About how many values of a dimension a day has; others have few. It decides how much is read first; after that it is
what was found."""

HOURS_APART = 4
"""About how many times as many rows there are by hour as by day: no hour has all that its day has."""

FEWEST = 1_000
"""A stretch is as long as so many rows are expected to be, even if fewer are wanted: a statement has its price too."""

MORE = 1.25
"""How much longer a stretch is than what was found so far calls for."""

LEAP, IN_THE_DARK = 16, 4
"""How many times as long as all before it a stretch is at most: where something was found, and where nothing was."""


class Stretches:
    """What is left of a question's time while it is read. `extent` is the time that there is anything of."""

    def __init__(self, question: Question, extent: Period | None) -> None:
        self.left: Period | None = question.period
        self._time = leading_time(question)
        self._latest_first = question.ordering[0].startswith("-")
        self._wanted = max(question.limit, FEWEST)
        self._expected = _rows_a_day(question)
        self._taken = 0
        if extent is not None and self._time is not None:
            self.left = _both(question.period, extent) or question.period

    def take(self, left: Period, found: int) -> Period:
        """The next stretch of what is left, when so many rows were found before; all of it if that is little more."""
        self.left = None
        if self._time is None or left.first is None or left.last is None:
            return left
        length = self._length(found)
        if 2 * length + LONGEST[self._time] > (left.last - left.first).days:
            return left
        if self._latest_first:
            cut = began(self._time, left.last - timedelta(days=length - 1))
            self._taken += (left.last - cut).days + 1
        else:
            cut = began(self._time, left.first + timedelta(days=length - 1 + LONGEST[self._time]))
            self._taken += (cut - left.first).days
        before, after = Period(left.first, cut - timedelta(days=1)), Period(cut, left.last)
        stretch, self.left = (after, before) if self._latest_first else (before, after)
        return stretch

    def _length(self, found: int) -> int:
        """In how many days the rows are expected that are still wanted."""
        if not self._taken:
            return ceil(self._wanted / self._expected)
        if not found:
            return IN_THE_DARK * self._taken
        return min(LEAP * self._taken, ceil(MORE * (self._wanted + 1 - found) * self._taken / found))


def leading_time(question: Question) -> str | None:
    """The dimension of time that rows go by before all else, so that the first can be read without the others."""
    first = question.ordering[0].removeprefix("-")
    return first if first in LONGEST else None


def _rows_a_day(question: Question) -> float:
    """How many rows an answer is expected to have for a day."""
    times = max((_A_DAY.get(name, 1 / LONGEST.get(name, 1)) for name in question.by if name in TIMES), default=1)
    beside = prod(
        min(values, len(question.filters.get(name, ())) or values)
        for name, values in _BESIDE.items()
        if name in question.by
    )
    return times if beside == 1 else max(times, beside * (HOURS_APART if times > 1 else 1))


def _both(one: Period, other: Period) -> Period | None:
    """The days that are in both."""
    firsts = [each.first for each in (one, other) if each.first is not None]
    lasts = [each.last for each in (one, other) if each.last is not None]
    first, last = max(firsts, default=None), min(lasts, default=None)
    return None if first is not None and last is not None and last < first else Period(first, last)
