"""Figures beside those of another time: as many days before, or the year before."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.dimensions import TIMES
from projections.sales.figures import PLACES, Figures, answer
from projections.sales.question import LARGEST_LIMIT, Period, Question, began
from projections.sales.stretches import LONGEST, leading_time

Key = tuple[Any, ...]
_ROUNDED = Decimal(1).scaleb(-PLACES)


def compared(connection: Connected, question: Question, shop: ZoneInfo, comparison: str) -> Figures:
    """The answer with two more columns for each measure: `…_before`, and `…_change` as a share of it.

    Rows of time are laid beside each other by their place in the period: its second day beside the second day of the
    period before. What was there then and is not now has a row too. A change from nothing is null.
    """
    period = question.period.before(comparison)
    now = answer(connection, question, shop)
    keys, zone = len(question.keys), question.zone or shop
    counterparts = [_counterparts(name, question.period, period, zone) for name in question.keys]
    time = leading_time(question) if now.more else None
    wanted = [_mapped(row[:keys], counterparts)[question.keys.index(time)] for row in now.rows] if time else []
    narrowed = _days(time, wanted, period, zone) if time else period
    earlier = dataclasses.replace(question, period=narrowed, order=(), limit=LARGEST_LIMIT)
    then = answer(connection, earlier, shop)
    found = {row[:keys]: row[keys:] for row in then.rows}
    nothing = tuple(None if measure.ratio else Decimal(0) for measure in question.chosen)
    current = {row[:keys]: row[keys:] for row in now.rows}
    if not now.more:
        gone = _gone(current, found, counterparts)
        current |= dict.fromkeys(gone, nothing)
    rows, beside = [], []
    for key, figures in _by_time(question, current)[: question.limit]:
        there = _mapped(key, counterparts)
        before = found.get(there, nothing)
        pairs = zip(before, map(_change, figures, before), strict=True)
        rows.append((*key, *figures, *(each for pair in pairs for each in pair)))
        beside.append(there)
    added = [f"{name}{end}" for name in question.measures for end in ("_before", "_change")]
    unconverted = tuple(sorted({*now.unconverted, *then.unconverted}))
    groups = None if now.groups is None else max(now.groups, len(current))
    return Figures((*now.columns, *added), rows, groups, unconverted, tuple(beside))


def _mapped(key: Key, counterparts: Sequence[Mapping[Any, Any]]) -> Key:
    """The key at the same place of the other time."""
    return tuple(there.get(value, value) for there, value in zip(counterparts, key, strict=True))


def _gone(current: Mapping[Key, Any], found: Mapping[Key, Any], counterparts: Sequence[Mapping[Any, Any]]) -> list[Key]:
    """Where there was something then and is nothing now, as keys of now. A place that now does not have is left out."""
    back = [{then: now for now, then in there.items()} for there in counterparts]
    placed = (key for key in found if all(not here or value in here for here, value in zip(back, key, strict=True)))
    keys = dict.fromkeys(_mapped(key, back) for key in placed)
    return sorted(
        (key for key in keys if key not in current), key=lambda key: [(value is None, str(value)) for value in key]
    )


def _by_time(question: Question, current: Mapping[Key, Any]) -> list[tuple[Key, Any]]:
    """Rows in their order; those added stand where their time is, unless another order is asked for."""
    rows = list(current.items())
    times = [place for place, name in enumerate(question.keys) if name in TIMES]
    if times and not question.order:
        rows.sort(key=lambda row: [row[0][place] for place in times])
    return rows


def _change(now: Decimal | None, before: Decimal | None) -> Decimal | None:
    if now is None or before is None or before == 0:
        return None
    return ((now - before) / abs(before)).quantize(_ROUNDED)


def _counterparts(name: str, now: Period, before: Period, zone: ZoneInfo) -> dict[Any, Any]:
    """For each value of a time dimension in a period, the value at its place in the other one."""
    return dict(zip(_buckets(name, now, zone), _buckets(name, before, zone), strict=False))


def _days(time: str, values: Sequence[Any], period: Period, zone: ZoneInfo) -> Period:
    """The days of a period in which a dimension of time has these values."""
    days = [each.astimezone(zone).date() if isinstance(each, datetime) else each for each in values]
    first, last = min(days), max(days) + timedelta(days=LONGEST[time] - 1)
    return Period(period.nearest(first), period.nearest(last))


def _buckets(name: str, period: Period, zone: ZoneInfo) -> Iterator[Any]:
    first, last = period.first, period.last
    if first is None or last is None:
        return
    if name == "hour":
        begin, end = (datetime.combine(day, time(), zone).astimezone(UTC) for day in (first, last + timedelta(days=1)))
        while begin < end:
            yield begin
            begin += timedelta(hours=1)
    elif name in ("day", "week", "month", "quarter", "year"):
        seen = None
        for number in range((last - first).days + 1):
            bucket = began(name, first + timedelta(days=number))
            if bucket != seen:
                yield bucket
            seen = bucket
