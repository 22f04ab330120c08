"""Answering questions about sales: from a question to one statement over rollups, and to its rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from projections.contract import Connected
from projections.sales.dimensions import DIMENSIONS, NONE, TIMES
from projections.sales.measures import MEASURES, MONEY, Measure, parts
from projections.sales.question import Question
from projections.sales.rollups import HOURLY
from projections.sales.tables import DAY, MONTH, Family, Table

PLACES = 6
"""Digits after the point of a ratio, which is the only thing that is rounded."""

WORK_MEMORY = "64MB"
"""For an answer's sums by product, which would else go through the disk."""

RATES = """
rates as (
    select
        currency,
        day as from_day,
        lead(day, 1, 'infinity') over (partition by currency order by day) as to_day,
        rate
    from (
        select distinct on (currency, day) currency, day, rate
        from sales.rate_facts
        where base = %(convert)s
        order by currency, day, effective_at desc, event_id desc
    ) as dated
    union all
    select %(convert)s, '-infinity', 'infinity', 1
)
"""
CONVERSION = """
left join rates
    on rates.currency = base.currency
    and {day} >= rates.from_day
    and {day} < rates.to_day
"""


@dataclass(frozen=True)
class Statement:
    """SQL with its parameters."""

    sql: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True)
class Figures:
    """The answer to a question: column names, rows in order, and how many rows there are without the limit.

    `unconverted` names currencies for which no rate was known on some day: figures that they go into are null.
    """

    columns: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    groups: int
    unconverted: tuple[str, ...] = ()


def answer(connection: Connected, question: Question, shop: ZoneInfo) -> Figures:
    """The figures, exact. Reads the stable views of the sales projection."""
    statement = figures_statement(question, shop)
    connection.execute(f"set local work_mem = '{WORK_MEMORY}'")
    found = connection.execute(statement.sql.encode(), statement.parameters).fetchall()
    columns = (*question.keys, *question.measures)
    rows = [row[: len(columns)] for row in found]
    missing = sorted({name for row in found for name in row[-1] or ()})
    return Figures(columns, rows, found[0][-2] if found else 0, tuple(missing))


def figures_statement(question: Question, shop: ZoneInfo) -> Statement:
    """One statement for the whole answer: a part for each family, put together by the keys."""
    reading = Reading(question, shop)
    selections = list(reading.selections())
    selected = [*question.keys, *(f"{_formula(measure)} as {measure.name}" for measure in question.chosen)]
    keys = list(question.keys)
    something = " or ".join(f"{_sum_name(part)} <> 0" for part in reading.parts)
    sql = f"""
        with {RATES + "," if question.convert else ""}
        parts as ({" union all ".join(selections)}),
        together as ({_put_together(reading, len(selections))})
        select {", ".join([*selected, "count(*) over ()", "missing"])}
        from together
        {f"where missing is not null or {something}" if keys else ""}
        order by {", ".join(_order(question)) or "1"}
        limit %(limit)s
    """
    return Statement(sql, {**reading.parameters, "limit": question.limit})


def _put_together(reading: Reading, selections: int) -> str:
    """The parts of each key in one row. One part without conversions is that already."""
    question, names = reading.question, [_sum_name(part) for part in reading.parts]
    if selections == 1 and question.convert is None:
        return f"select {', '.join([*question.keys, *names])}, null::text[] as missing from parts"
    unconverted = "array_agg(distinct missing) filter (where missing is not null)"
    added = [f"{_together(part)} as {name}" for part, name in zip(reading.parts, names, strict=True)]
    return f"""
        select {", ".join([*question.keys, *added])}, {unconverted if question.convert else "null::text[]"} as missing
        from parts
        {f"group by {', '.join(question.keys)}" if question.keys else ""}
    """


class Reading:
    """How a question is read from tables: conditions, keys and what each row adds. Evidence is read the same way."""

    def __init__(self, question: Question, shop: ZoneInfo) -> None:
        self.question = question
        self.zone = question.zone or shop
        self.foreign = self.zone != shop
        self.parts: list[Measure] = list(dict.fromkeys(part for measure in question.chosen for part in parts(measure)))
        self._shop = shop
        first, last = question.period.first, question.period.last
        begin, end = question.period.instants(self.zone)
        self.parameters: dict[str, Any] = {
            "zone": self.zone.key,
            "convert": question.convert,
            "first": first,
            "last": last,
            "begin": begin,
            "end": end,
            **question.judging.parameters(shop),
            **{f"only_{name}": [each for each in values if each != NONE] for name, values in question.filters.items()},
        }

    def selections(self) -> Iterator[str]:
        """For each family the grouped rows of its table; the sums of other families are null."""
        for family in self.question.families:
            own = [part for part in self.parts if part.family is family]
            additive = [part for part in own if not part.distinct]
            if additive:
                yield self._selection(family, self.question.table(family, self._shop), additive)
            for part in own:
                if part.distinct:
                    yield self._customers(family, part)

    def _customers(self, family: Family, part: Measure) -> str:
        """How many profiles, or orders, have a row that counts, by the keys."""
        base = family.base
        keys = [f"{self.key(name, base)} as {name}" for name in self.question.keys]
        values = [f"{'count(*)' if each is part else 'null'}::numeric as {_sum_name(each)}" for each in self.parts]
        counting = (f"base.{part.counts} is not null", f"({self.value(part, family, base)}) > 0")
        places = ", ".join(str(place) for place in range(1, len(keys) + 2))
        return f"""
            select {", ".join([*self.question.keys, *values, "null::text as missing"])}
            from (
                select {", ".join([*keys, f"base.{part.counts}"])}
                {self.source(base, *counting)}
                group by {places}
            ) as counted
            {f"group by {', '.join(self.question.keys)}" if keys else ""}
        """

    def _selection(self, family: Family, table: Table, own: Sequence[Measure]) -> str:
        keys = [f"{self.key(name, table)} as {name}" for name in self.question.keys]
        values = [
            f"{self._aggregate(part, family, table) if part in own else 'null'}::numeric as {_sum_name(part)}"
            for part in self.parts
        ]
        missing = "null::text as missing"
        grouping = [str(place) for place in range(1, len(keys) + 1)]
        if self.question.convert and any(part.unit == MONEY for part in own):
            amounts = " or ".join(f"({self.value(part, family, table)}) <> 0" for part in own if part.unit == MONEY)
            missing = (
                f"case when rates.rate is null and ({amounts}) then coalesce(base.currency, '{NONE}') end as missing"
            )
            grouping.append(str(len(keys) + len(values) + 1))
        return f"""
            select {", ".join([*keys, *values, missing])}
            {self.source(table)}
            {f"group by {', '.join(grouping)}" if grouping else ""}
        """

    def _aggregate(self, part: Measure, family: Family, table: Table) -> str:
        value = self.value(part, family, table)
        return f"sum(({value}) * rates.rate)" if self.converted(part) else f"sum({value})"

    def converted(self, part: Measure) -> bool:
        """Whether a measure's amounts are multiplied by a rate."""
        return self.question.convert is not None and part.unit == MONEY

    def value(self, part: Measure, family: Family, table: Table) -> str:
        """What a row of the table adds to a measure, in its own currency."""
        plus = [family.adds(name, table) for name in part.plus]
        minus = [family.adds(name, table) for name in part.minus]
        return " - ".join([" + ".join(f"({each})" for each in plus), *(f"({each})" for each in minus)])

    def source(self, table: Table, *more: str) -> str:
        """From which rows: the table under the period and the filters, with rates where amounts are converted."""
        rates = CONVERSION.format(day=self.day(table)) if self.question.convert else ""
        conditions = [*self._period(table), *(self._filter(name, table) for name in self.question.filters), *more]
        where = f"where {' and '.join(conditions)}" if conditions else ""
        joins = " ".join(
            dict.fromkeys(DIMENSIONS[name].join or "" for name in (*self.question.keys, *self.question.filters))
        )
        return f"from {table.source} as base {joins} {rates} {where}"

    def key(self, name: str, table: Table) -> str:
        """The expression of a dimension over a table's rows."""
        dimension = DIMENSIONS[name]
        if not dimension.expression:
            return f"base.{name}"
        return dimension.expression.format(day=self.day(table), local=self._local(table), hour=self._hour(table))

    def day(self, table: Table) -> str:
        """The calendar day in the question's time zone; of a table of months its first."""
        if self.foreign:
            return f"({self._local(table)})::date"
        if table.name == HOURLY.table:
            return "(base.hour at time zone %(zone)s)::date"
        return f"base.{MONTH if table.grain == MONTH else DAY}"

    def _local(self, table: Table) -> str:
        return f"(base.{'hour' if table.name == HOURLY.table else 'effective_at'} at time zone %(zone)s)"

    def _hour(self, table: Table) -> str:
        if table.name == HOURLY.table:
            return "base.hour"
        return f"(date_trunc('hour', {self._local(table)}) at time zone %(zone)s)"

    def _period(self, table: Table) -> Iterator[str]:
        by_day = not self.foreign and table.name != HOURLY.table
        column = self.day(table) if by_day else f"base.{'hour' if table.name == HOURLY.table else 'effective_at'}"
        if self.question.period.first is not None:
            yield f"{column} >= {'%(first)s' if by_day else '%(begin)s'}"
        if self.question.period.last is not None:
            yield f"{column} <= %(last)s" if by_day else f"{column} < %(end)s"

    def _filter(self, name: str, table: Table) -> str:
        dimension = DIMENSIONS[name]
        if dimension.condition is not None:
            return dimension.condition
        key = self.key(name, table)
        chosen = f"{key} = any(%(only_{name})s::{dimension.type}[])"
        return f"({chosen} or {key} is null)" if NONE in self.question.filters[name] else chosen


def _sum_name(part: Measure) -> str:
    return f"sum_of_{part.name}"


def _together(part: Measure) -> str:
    """The parts of one key put together; a customer count stands in one part only."""
    name = _sum_name(part)
    return f"max({name})" if part.distinct else f"sum({name})"


def _formula(measure: Measure) -> str:
    """What a measure is over the sums. Null where a rate is missing, or where it would be divided by nothing."""
    if measure.over is None or measure.under is None:
        return _whole(measure)
    over, under = _whole(MEASURES[measure.over]), _whole(MEASURES[measure.under])
    return f"trim_scale(round({over} / nullif({under}, 0), {PLACES}))"


def _whole(part: Measure) -> str:
    value = f"trim_scale(coalesce({_sum_name(part)}, 0))"
    return f"case when missing is null then {value} end" if part.unit == MONEY else value


def _order(question: Question) -> list[str]:
    """As asked; else by time, and where there is none by the first measure. Ties always go by all keys."""
    asked = question.order
    if not asked:
        times = [name for name in question.by if name in TIMES]
        asked = tuple(times) if times else (f"-{question.measures[0]}",)
    named = [f"{each.removeprefix('-')} {'desc' if each.startswith('-') else 'asc'} nulls last" for each in asked]
    rest = [name for name in question.keys if name not in {each.removeprefix("-") for each in asked}]
    return [*named, *(f"{name} asc nulls last" for name in rest)]
