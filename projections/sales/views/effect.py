"""The effect of a price or a promotion: the time before, the time itself, the time after, and the baseline named.

The baseline is what an average day of the baseline's time had: the days directly before (as many as the promotion has),
or the same days of the year before. Change = average day / baseline − 1; of a ratio, which days do not add up to, the
ratio of the whole time stands for the average day. It is a comparison, not a cause: what else changed is in it too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.figures import PLACES, answer
from projections.sales.question import PREVIOUS, YEAR, InvalidQuestion, Period, Question

BASELINES = {PREVIOUS: "before", YEAR: "year before"}
"""What the stage is called that the baseline is taken from."""


class Stage(NamedTuple):
    """A time of the effect, with the measure as it was, for an average day, and beside the baseline."""

    stage: str
    period: Period
    key: tuple[object, ...]
    figure: Decimal | None
    per_day: Decimal | None
    change: Decimal | None


class Effect(NamedTuple):
    """The stages, and the time that the baseline is taken from."""

    baseline: Period
    stages: list[Stage]
    unconverted: tuple[str, ...]


def read_effect(connection: Connected, question: Question, shop: ZoneInfo, baseline: str) -> Effect:
    """The stages of one measure without a breakdown; one row for each currency where amounts are not converted.

    `question.period` is the promotion's. Raises `InvalidQuestion`.
    """
    during = question.period
    if len(question.measures) != 1 or question.by:
        raise InvalidQuestion("an effect is of one measure without a breakdown: name one, and filter instead of by")
    if during.first is None or during.last is None:
        raise InvalidQuestion("an effect needs the first and the last day of the promotion: give from and to")
    before, length = during.before(baseline), timedelta(days=_length(during))
    after = Period(during.first + length, during.last + length)
    times = {BASELINES[baseline]: before, "during": during, "after": after}
    found = {name: answer(connection, dataclasses.replace(question, period=time), shop) for name, time in times.items()}
    figures = {name: {row[:-1]: row[-1] for row in each.rows} for name, each in found.items()}
    keys = dict.fromkeys(key for each in figures.values() for key in each)
    unconverted = sorted({name for each in found.values() for name in each.unconverted})
    return Effect(before, list(_stages(question, times, figures, list(keys))), tuple(unconverted))


def _stages(
    question: Question,
    times: dict[str, Period],
    figures: dict[str, dict[tuple[object, ...], Decimal | None]],
    keys: list[tuple[object, ...]],
) -> Iterator[Stage]:
    """Every time with every currency: where nothing was sold, nothing is the figure."""
    [measure], (baseline, before) = question.chosen, next(iter(times.items()))
    nothing = None if measure.ratio else Decimal(0)
    for name, period in times.items():
        for key in keys:
            figure, basis = figures[name].get(key, nothing), figures[baseline].get(key, nothing)
            if measure.ratio:
                yield Stage(name, period, key, figure, None, _change(figure, basis))
            else:
                day, usual = _per_day(figure, period), _per_day(basis, before)
                rounded = None if day is None else round(day, PLACES)
                yield Stage(name, period, key, figure, rounded, _change(day, usual))


def _change(figure: Decimal | None, basis: Decimal | None) -> Decimal | None:
    return None if figure is None or not basis else round(figure / basis - 1, PLACES)


def _per_day(figure: Decimal | None, period: Period) -> Decimal | None:
    return None if figure is None else figure / _length(period)


def _length(period: Period) -> int:
    if period.first is None or period.last is None:
        raise InvalidQuestion("an effect needs the first and the last day of the promotion: give from and to")
    return (period.last - period.first).days + 1
