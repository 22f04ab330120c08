"""How a question is read from a table: which rows, by what, and what each of them adds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from projections.sales.different import added_up
from projections.sales.dimensions import DIMENSIONS, NONE
from projections.sales.measures import MONEY, Measure, parts
from projections.sales.question import Period, Question
from projections.sales.tables import HOUR, Family, Table
from projections.sales.views.customer_groups import Group

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

SUM_OF_FEW = "sales.sum_of_few"
"""Adds up groups of a row or two in half the time; where groups have hundreds it takes a quarter longer. By product, as
by two dimensions, there are nearly as many groups as a rollup has rows."""


class Reading:
    """How a question is read from tables: conditions, keys and what each row adds. Evidence is read the same way."""

    def __init__(self, question: Question, shop: ZoneInfo) -> None:
        self.question = question
        self.zone = question.zone or shop
        self.foreign = self.zone != shop
        asked = dict.fromkeys(part for measure in question.chosen for part in parts(measure))
        self.parts: list[Measure] = [added_up(part, question) for part in asked]
        self.shop = shop
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

    def converted(self, part: Measure) -> bool:
        """Whether a measure's amounts are multiplied by a rate."""
        return self.question.convert is not None and part.unit == MONEY

    def value(self, part: Measure, family: Family, table: Table) -> str:
        """What a row of the table adds to a measure, in its own currency."""
        plus = [family.adds(name, table) for name in part.plus]
        minus = [family.adds(name, table) for name in part.minus]
        return " - ".join([" + ".join(f"({each})" for each in plus), *(f"({each})" for each in minus)])

    def counts(self, part: Measure, table: Table) -> str:
        """Whether a row of the table counts for a number of customers, or orders."""
        return " and ".join(part.family.counts(name, table) for name in part.plus)

    def source(self, table: Table, *more: str, period: Period | None = None) -> str:
        """From which rows: the table under the period and the filters, with rates where amounts are converted."""
        period = period or self.question.period
        rates = CONVERSION.format(day=self.day(table)) if self.question.convert else ""
        conditions = [
            *self._period(table, period),
            *(self._filter(name, table) for name in self.question.filters),
            *more,
        ]
        where = f"where {' and '.join(conditions)}" if conditions else ""
        joins = " ".join(group.joined for group in self.groups)
        return f"from {table.source} as base {joins} {rates} {where}"

    @property
    def groups(self) -> list[Group]:
        """What has to be known of customers."""
        joins = (DIMENSIONS[name].join for name in (*self.question.keys, *self.question.filters))
        return list(dict.fromkeys(join for join in joins if join is not None))

    def grouped(self, totals: Mapping[Measure, str], rows: str) -> str:
        """What rows come to by the question's keys, which they have; the sums that are no totals of theirs are null."""
        keys = self.question.keys
        values = [f"{totals.get(part, 'null')}::numeric as {sum_name(part)}" for part in self.parts]
        return f"""
            select {", ".join([*keys, *values, "null::text as missing"])}
            from ({rows}) as found
            {f"group by {', '.join(keys)}" if keys else ""}
        """

    def keys(self, table: Table) -> list[str]:
        """The question's keys over a table's rows, each under its name."""
        return [f"{self.key(name, table)} as {name}" for name in self.question.keys]

    def key(self, name: str, table: Table) -> str:
        """The expression of a dimension over a table's rows."""
        dimension = DIMENSIONS[name]
        if not dimension.expression or (name == table.grain and not self.foreign):
            return f"base.{name}"
        return dimension.expression.format(
            day=self.day(table), shop_day=_shop_day(table), local=self._local(table), hour=self._hour(table)
        )

    def day(self, table: Table) -> str:
        """The calendar day in the question's time zone; of a table of weeks, months or years their first."""
        return f"({self._local(table)})::date" if self.foreign else _shop_day(table)

    def _local(self, table: Table) -> str:
        return f"(base.{'hour' if table.hours else 'effective_at'} at time zone %(zone)s)"

    def _hour(self, table: Table) -> str:
        if table.hours:
            return "base.hour"
        return f"(date_trunc('hour', {self._local(table)}) at time zone %(zone)s)"

    def _period(self, table: Table, period: Period) -> Iterator[str]:
        """The conditions of a stretch of time. In another time zone there is only the whole period.

        Its days are at most one day of the shop apart, by which rows are found.
        """
        moment = f"base.{'hour' if table.hours else 'effective_at'}"
        earlier, later = (" - 1", " + 1") if self.foreign else ("", "")
        if period.first is not None:
            yield f"{_shop_day(table)} >= date '{period.first}'{earlier}"
        if period.last is not None:
            yield f"{_shop_day(table)} <= date '{period.last}'{later}"
        if self.foreign and period.first is not None:
            yield f"{moment} >= %(begin)s"
        if self.foreign and period.last is not None:
            yield f"{moment} < %(end)s"

    def _filter(self, name: str, table: Table) -> str:
        dimension = DIMENSIONS[name]
        if dimension.condition is not None:
            return dimension.condition
        key = self.key(name, table)
        chosen = f"{key} = any(%(only_{name})s::{dimension.type}[])"
        return f"({chosen} or {key} is null)" if NONE in self.question.filters[name] else chosen


def _shop_day(table: Table) -> str:
    """The calendar day in the shop's time zone, whatever the question's is."""
    return f"base.{'day' if table.grain == HOUR else table.grain}"


def sum_name(part: Measure) -> str:
    """The column that a measure's sum is read into."""
    return f"sum_of_{part.name}"
