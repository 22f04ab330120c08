"""How a question is read from tables: a statement for each family, over all pieces of its time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any
from zoneinfo import ZoneInfo

from projections.sales.different import added_up
from projections.sales.dimensions import DIMENSIONS, NONE
from projections.sales.measures import MONEY, Measure, parts
from projections.sales.pieces import Piece, pieces_of
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
            distinct = [part for part in own if part.distinct]
            if additive and len(distinct) == 1 and (pieces := self._same_pieces(family, additive, distinct[0])):
                yield self._both(family, pieces, additive, distinct[0])
                continue
            if additive:
                yield self._selection(family, additive)
            for part in distinct:
                yield self._customers(family, part)

    def _pieces(self, family: Family, own: Sequence[Measure]) -> list[Piece]:
        """Where sums of the family are read from."""
        words = set[str]().union(*(family.words(name) for part in own for name in (*part.plus, *part.minus)))
        return pieces_of(self.question, family, self._shop, words)

    def _same_pieces(self, family: Family, own: Sequence[Measure], counted: Measure) -> list[Piece]:
        """Where sums are read from, if customers are counted in the same; else nowhere."""
        pieces = self._pieces(family, own)
        same = pieces == pieces_of(self.question, family, self._shop, {counted.counts})
        return pieces if same and self.question.convert is None else []

    def _both(self, family: Family, pieces: Sequence[Piece], own: Sequence[Measure], counted: Measure) -> str:
        """Sums and a number of customers out of the same rows, which are read once: first by customer."""
        keys = self.question.keys
        rows = " union all ".join(self._added(family, piece, own, counted) for piece in pieces)
        sums = [f"{SUM_OF_FEW}({sum_name(part)}) as {sum_name(part)}" for part in own]
        totals = {part: f"sum({sum_name(part)})" for part in own} | {counted: "count(*) filter (where counts)"}
        values = [f"{totals.get(part, 'null')}::numeric as {sum_name(part)}" for part in self.parts]
        return f"""
            select {", ".join([*keys, *values, "null::text as missing"])}
            from (
                select {", ".join([*keys, *sums, "bool_or(counts) and counted is not null as counts"])}
                from ({rows}) as pieces
                group by {", ".join([*keys, "counted"])}
            ) as by_customer
            {f"group by {', '.join(keys)}" if keys else ""}
        """

    def _customers(self, family: Family, part: Measure) -> str:
        """How many profiles, or orders, have a row that counts, by the keys.

        Rows that indexes give in order are merged, and equal ones stand side by side; of others a table is made.
        """
        pieces = pieces_of(self.question, family, self._shop, {part.counts})
        ordered = part.counts == "profile" and self._asks_only_for(pieces[0].table.by_profile)
        places = ", ".join(str(place) for place in range(1, len(self.question.keys) + 2))
        order = f"order by {places}" if ordered else ""
        rows = " union all ".join(f"({self._counted(part, piece)} {order})" for piece in pieces)
        if not ordered:
            rows = f"select * from ({rows}) as counting group by {places}"
        count = f"count(distinct {part.counts})" if ordered else "count(*)"
        values = [f"{count if each is part else 'null'}::numeric as {sum_name(each)}" for each in self.parts]
        return f"""
            select {", ".join([*self.question.keys, *values, "null::text as missing"])}
            from ({rows}) as counted
            {f"group by {', '.join(self.question.keys)}" if self.question.keys else ""}
        """

    def _asks_only_for(self, columns: Collection[str]) -> bool:
        """Whether the question is by one of these columns, and nothing else has to be known but the shop's day."""
        keys, more = self.question.keys, self.foreign or self.question.convert is not None
        return not more and len(keys) == 1 and keys[0] in columns and set(self.question.filters) <= set(keys)

    def _counted(self, part: Measure, piece: Piece) -> str:
        """The keys of rows that count, each with its profile, or order."""
        table, counted = piece.table, f"base.{part.counts}"
        keys = [f"{self.key(name, table)} as {name}" for name in self.question.keys]
        counting = (f"{counted} is not null", self.counts(part, table))
        return f"select {', '.join([*keys, counted])} {self.source(table, *counting, period=piece.period)}"

    def _selection(self, family: Family, own: Sequence[Measure]) -> str:
        """The sums of a family by the keys. Rows of several pieces are summed up together."""
        pieces = self._pieces(family, own)
        if len(pieces) == 1:
            return self._summed(family, pieces[0], own)
        keys, rows = self.question.keys, " union all ".join(self._added(family, piece, own) for piece in pieces)
        sums = [
            f"{f'{self._sum}({sum_name(part)})' if part in own else 'null'}::numeric as {sum_name(part)}"
            for part in self.parts
        ]
        return f"""
            select {", ".join([*keys, *sums, "null::text as missing"])}
            from ({rows}) as pieces
            {f"group by {', '.join(keys)}" if keys else ""}
        """

    def _added(self, family: Family, piece: Piece, own: Sequence[Measure], counted: Measure | None = None) -> str:
        """What each row of a piece adds; where customers are counted, whose it is and whether it counts."""
        table = piece.table
        keys = [f"{self.key(name, table)} as {name}" for name in self.question.keys]
        values = [f"{self.value(part, family, table)} as {sum_name(part)}" for part in own]
        if counted is not None:
            values += [f"base.{counted.counts} as counted", f"{self.counts(counted, table)} as counts"]
        return f"select {', '.join([*keys, *values])} {self.source(table, period=piece.period)}"

    def _summed(self, family: Family, piece: Piece, own: Sequence[Measure]) -> str:
        table = piece.table
        keys = [f"{self.key(name, table)} as {name}" for name in self.question.keys]
        values = [
            f"{self._aggregate(part, family, table) if part in own else 'null'}::numeric as {sum_name(part)}"
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
            {self.source(table, period=piece.period)}
            {f"group by {', '.join(grouping)}" if grouping else ""}
        """

    def _aggregate(self, part: Measure, family: Family, table: Table) -> str:
        value = self.value(part, family, table)
        return f"{self._sum}(({value}) * rates.rate)" if self.converted(part) else f"{self._sum}({value})"

    @property
    def _sum(self) -> str:
        """The function that adds up what rows add: which one is quicker depends on how many rows a group has."""
        return SUM_OF_FEW if len(self.question.by) > 1 or "product" in self.question.by else "sum"

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

    def key(self, name: str, table: Table) -> str:
        """The expression of a dimension over a table's rows."""
        dimension = DIMENSIONS[name]
        if not dimension.expression or (name == table.grain and not self.foreign):
            return f"base.{name}"
        return dimension.expression.format(
            day=self.day(table), shop_day=_shop_day(table), local=self._local(table), hour=self._hour(table)
        )

    def day(self, table: Table) -> str:
        """The calendar day in the question's time zone; of a table of months or years their first."""
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
