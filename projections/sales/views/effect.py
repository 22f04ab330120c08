"""The effect of a price or a promotion: the time before, the time itself, the time after, and the baseline named.

The baseline is what an average day of the baseline's time had: the days directly before (as many as the promotion has),
or the same days of the year before. Change = average day / baseline − 1. It is a comparison, not a cause: what else
changed is in it too.
"""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from decimal import Decimal
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.figures import answer
from projections.sales.question import PREVIOUS, InvalidQuestion, Period, Question


class Stage(NamedTuple):
    """A time of the effect, with the measure as it was, for an average day, and beside the baseline."""

    stage: str
    period: Period
    key: tuple[object, ...]
    figure: Decimal | None
    per_day: Decimal | None
    change: Decimal | None


def read_effect(connection: Connected, question: Question, shop: ZoneInfo, baseline: str) -> list[Stage]:
    """The stages of one measure without a breakdown; one row for each currency where amounts are not converted.

    `question.period` is the promotion's. Raises `InvalidQuestion`.
    """
    during = question.period
    if len(question.measures) != 1 or question.by or question.chosen[0].ratio:
        raise InvalidQuestion("an effect is of one measure that is no ratio, without a breakdown: filter instead")
    before = during.before(baseline)
    days = [each for each in (during.first, during.last) if each is not None]
    after = Period(days[1] + timedelta(days=1), days[1] + timedelta(days=_length(during)))
    basis = {key: _per_day(figure, before) for key, figure in _figures(connection, question, shop, before).items()}
    name = "before" if baseline == PREVIOUS else "year before"
    return [
        _stage(stage, period, key, figure, basis.get(key))
        for stage, period in ((name, before), ("during", during), ("after", after))
        for key, figure in _figures(connection, question, shop, period).items()
    ]


def _figures(
    connection: Connected, question: Question, shop: ZoneInfo, period: Period
) -> dict[tuple[object, ...], Decimal | None]:
    found = answer(connection, dataclasses.replace(question, period=period), shop)
    return {row[:-1]: row[-1] for row in found.rows}


def _stage(stage: str, period: Period, key: tuple[object, ...], figure: Decimal | None, basis: Decimal | None) -> Stage:
    per_day = _per_day(figure, period)
    change = None if per_day is None or not basis else round(per_day / basis - 1, 6)
    return Stage(stage, period, key, figure, None if per_day is None else round(per_day, 6), change)


def _per_day(figure: Decimal | None, period: Period) -> Decimal | None:
    return None if figure is None else figure / _length(period)


def _length(period: Period) -> int:
    if period.first is None or period.last is None:
        raise InvalidQuestion("an effect needs the first and the last day of the promotion: give from and to")
    return (period.last - period.first).days + 1
