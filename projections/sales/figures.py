"""Answering questions about sales: from a question to one statement over rollups, and to its rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.measures import MEASURES, MONEY, Measure
from projections.sales.question import Period, Question
from projections.sales.readings import RATES, SUM_OF_FEW, sum_name
from projections.sales.readings import Reading as Reading
from projections.sales.selections import selections
from projections.sales.stretches import Stretches, leading_time

PLACES = 6
"""Digits after the point of a ratio, which is the only thing that is rounded."""

WORK_MEMORY = "64MB"
"""For an answer's sums by product, which would else go through the disk."""


@dataclass(frozen=True)
class Statement:
    """SQL with its parameters.

    `grouped` says that customers are put into groups. The database takes the groups asked for to be so small that it
    would look up their rows one by one, which it must not.
    """

    sql: str
    parameters: Mapping[str, Any]
    grouped: bool = False


@dataclass(frozen=True)
class Figures:
    """The answer to a question: column names, rows in order, and how many rows there are without the limit.

    `groups` is None where there are more rows than the limit and nobody counted them. `unconverted` names currencies
    for which no rate was known on some day: figures that they go into are null. Of a comparison `beside` has for each
    row the key of the row of the other time.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    groups: int | None
    unconverted: tuple[str, ...] = ()
    beside: tuple[tuple[Any, ...], ...] = ()

    @property
    def more(self) -> bool:
        """Whether there are rows past the limit."""
        return self.groups is None or self.groups > len(self.rows)


def answer(connection: Connected, question: Question, shop: ZoneInfo) -> Figures:
    """The figures, exact, read as far as they are wanted. Reads the stable views of the sales projection."""
    connection.execute(f"set local work_mem = '{WORK_MEMORY}'")
    stretches = Stretches(question, _extent(connection, question, shop) if leading_time(question) else None)
    columns = (*question.keys, *question.measures)
    found: list[tuple[Any, ...]] = []
    groups = 0
    while (left := stretches.left) is not None and groups <= question.limit:
        stretch = stretches.take(left, groups)
        rows = _read(connection, dataclasses.replace(question, period=stretch), shop)
        found += rows[: question.limit - len(found)]
        groups += rows[0][-2] if rows else 0
    missing = sorted({name for row in found for name in row[-1] or ()})
    counted = groups if stretches.left is None else None
    return Figures(columns, [row[: len(columns)] for row in found], counted, tuple(missing))


def _read(connection: Connected, question: Question, shop: ZoneInfo) -> list[tuple[Any, ...]]:
    """The rows of a stretch, each with how many there are and what is not converted in it."""
    statement = figures_statement(question, shop)
    connection.execute(f"set local enable_nestloop = {'off' if statement.grouped else 'on'}")
    return connection.execute(statement.sql.encode(), statement.parameters).fetchall()


def _extent(connection: Connected, question: Question, shop: ZoneInfo) -> Period | None:
    """The days that there is anything of; in another time zone one more before and after, as they begin at other times.

    None if there is nothing, or something at the end of all time, which no day comes after.
    """
    tables = " union all ".join(f"select min(day), max(day) from sales.{each.base.name}" for each in question.families)
    bounds = f"select min(first), max(last) from ({tables}) as bounds (first, last)"
    [(first, last)] = connection.execute(bounds.encode()).fetchall()
    if first is None or min(first - date.min, date.max - last) <= timedelta(days=1):
        return None
    around = timedelta(days=int(question.zone is not None and question.zone != shop))
    return Period(first - around, last + around)


def figures_statement(question: Question, shop: ZoneInfo) -> Statement:
    """One statement for the whole answer: a part for each family, put together by the keys."""
    reading = Reading(question, shop)
    found = list(selections(reading))
    groups, parts = _looked_up_once(reading, " union all ".join(found))
    selected = [*question.keys, *(f"{_formula(measure)} as {measure.name}" for measure in question.chosen)]
    keys = list(question.keys)
    something = " or ".join(f"{sum_name(part)} <> 0" for part in reading.parts)
    sql = f"""
        with {RATES + "," if question.convert else ""}
        {groups}
        parts as ({parts}),
        together as ({_put_together(reading, len(found))})
        select {", ".join([*keys, *(f"trim_scale({name})" for name in question.measures), "groups", "missing"])}
        from (
            select {", ".join([*selected, "count(*) over () as groups", "missing"])}
            from together
            {f"where missing is not null or {something}" if keys else ""}
            order by {", ".join(_order(question)) or "1"}
            limit %(limit)s
        ) as answer
    """
    return Statement(sql, {**reading.parameters, "limit": question.limit}, bool(reading.groups))


def _looked_up_once(reading: Reading, parts: str) -> tuple[str, str]:
    """Groups of customers that are joined several times get a name in front of the parts, and are found out once.

    Those joined once are left where they are, as what has a name of its own keeps rows from being read in parallel.
    """
    several = [group for group in reading.groups if parts.count(group.joined) > 1]
    for group in several:
        parts = parts.replace(group.joined, group.joined_by_name)
    return "".join(f"{group.named}, " for group in several), parts


def _put_together(reading: Reading, selections: int) -> str:
    """The parts of each key in one row. One part without conversions is that already."""
    question, names = reading.question, [sum_name(part) for part in reading.parts]
    if selections == 1 and question.convert is None:
        return f"select {', '.join([*question.keys, *names])}, null::text[] as missing from parts"
    unconverted = "array_agg(distinct missing) filter (where missing is not null)"
    added = [f"{_together(part)} as {name}" for part, name in zip(reading.parts, names, strict=True)]
    return f"""
        select {", ".join([*question.keys, *added])}, {unconverted if question.convert else "null::text[]"} as missing
        from parts
        {f"group by {', '.join(question.keys)}" if question.keys else ""}
    """


def _together(part: Measure) -> str:
    """The parts of one key put together; a customer count stands in one part only."""
    name = sum_name(part)
    return f"max({name})" if part.distinct else f"{SUM_OF_FEW}({name})"


def _formula(measure: Measure) -> str:
    """What a measure is over the sums. Null where a rate is missing, or where it would be divided by nothing."""
    if measure.over is None or measure.under is None:
        return _whole(measure)
    over, under = _whole(MEASURES[measure.over]), _whole(MEASURES[measure.under])
    return f"round({over} / nullif({under}, 0), {PLACES})"


def _whole(part: Measure) -> str:
    value = f"coalesce({sum_name(part)}, 0)"
    return f"case when missing is null then {value} end" if part.unit == MONEY else value


def _order(question: Question) -> list[str]:
    """The columns that rows go by; ties always go by all keys."""
    asked = question.ordering
    named = [f"{each.removeprefix('-')} {'desc' if each.startswith('-') else 'asc'} nulls last" for each in asked]
    rest = [name for name in question.keys if name not in {each.removeprefix("-") for each in asked}]
    return [*named, *(f"{name} asc nulls last" for name in rest)]
