"""What is selected for a question: a statement for each family of measures, over all pieces of its time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from projections.sales.counting import counted
from projections.sales.dimensions import NONE
from projections.sales.measures import MONEY, Measure
from projections.sales.pieces import Piece, pieces_of
from projections.sales.readings import SUM_OF_FEW, Reading, sum_name
from projections.sales.tables import Family, Table


def selections(reading: Reading) -> Iterator[str]:
    """For each family the grouped rows of its tables; the sums of other families are null."""
    for family in reading.question.families:
        own = [part for part in reading.parts if part.family is family]
        additive = [part for part in own if not part.distinct]
        distinct = [part for part in own if part.distinct]
        if additive and len(distinct) == 1 and (pieces := _same_pieces(reading, family, additive, distinct[0])):
            yield _both(reading, family, pieces, additive, distinct[0])
            continue
        if additive:
            yield _sums(reading, family, additive)
        for part in distinct:
            yield counted(reading, part, pieces_of(reading.question, family, reading.shop, {part.counts}))


def _pieces(reading: Reading, family: Family, own: Sequence[Measure]) -> list[Piece]:
    """Where sums of the family are read from."""
    words = set[str]().union(*(family.words(name) for part in own for name in (*part.plus, *part.minus)))
    return pieces_of(reading.question, family, reading.shop, words)


def _same_pieces(reading: Reading, family: Family, own: Sequence[Measure], distinct: Measure) -> list[Piece]:
    """Where sums are read from, if customers are counted in the same; else nowhere."""
    pieces = _pieces(reading, family, own)
    same = pieces == pieces_of(reading.question, family, reading.shop, {distinct.counts})
    return pieces if same and reading.question.convert is None else []


def _both(reading: Reading, family: Family, pieces: Sequence[Piece], own: Sequence[Measure], distinct: Measure) -> str:
    """Sums and a number of customers out of the same rows, which are read once: first by customer."""
    keys = reading.question.keys
    rows = " union all ".join(_added(reading, family, piece, own, distinct) for piece in pieces)
    sums = [f"{SUM_OF_FEW}({sum_name(part)}) as {sum_name(part)}" for part in own]
    totals = {part: f"sum({sum_name(part)})" for part in own} | {distinct: "count(*) filter (where counts)"}
    by_customer = f"""
        select {", ".join([*keys, *sums, "bool_or(counts) and counted is not null as counts"])}
        from ({rows}) as pieces
        group by {", ".join([*keys, "counted"])}
    """
    return reading.grouped(totals, by_customer)


def _sums(reading: Reading, family: Family, own: Sequence[Measure]) -> str:
    """The sums of a family by the keys. Rows of several pieces are summed up together."""
    pieces = _pieces(reading, family, own)
    if len(pieces) == 1:
        return _of_one_piece(reading, family, pieces[0], own)
    totals = {part: f"{_function(reading)}({sum_name(part)})" for part in own}
    return reading.grouped(totals, " union all ".join(_added(reading, family, piece, own) for piece in pieces))


def _added(
    reading: Reading, family: Family, piece: Piece, own: Sequence[Measure], distinct: Measure | None = None
) -> str:
    """What each row of a piece adds; where customers are counted, whose it is and whether it counts."""
    table = piece.table
    values = [f"{reading.value(part, family, table)} as {sum_name(part)}" for part in own]
    if distinct is not None:
        values += [f"base.{distinct.counts} as counted", f"{reading.counts(distinct, table)} as counts"]
    return f"select {', '.join([*reading.keys(table), *values])} {reading.source(table, period=piece.period)}"


def _of_one_piece(reading: Reading, family: Family, piece: Piece, own: Sequence[Measure]) -> str:
    table, keys = piece.table, reading.keys(piece.table)
    values = [
        f"{_aggregate(reading, part, family, table) if part in own else 'null'}::numeric as {sum_name(part)}"
        for part in reading.parts
    ]
    missing = "null::text as missing"
    grouping = [str(place) for place in range(1, len(keys) + 1)]
    if reading.question.convert and any(part.unit == MONEY for part in own):
        amounts = " or ".join(f"({reading.value(part, family, table)}) <> 0" for part in own if part.unit == MONEY)
        missing = f"case when rates.rate is null and ({amounts}) then coalesce(base.currency, '{NONE}') end as missing"
        grouping.append(str(len(keys) + len(values) + 1))
    return f"""
        select {", ".join([*keys, *values, missing])}
        {reading.source(table, period=piece.period)}
        {f"group by {', '.join(grouping)}" if grouping else ""}
    """


def _aggregate(reading: Reading, part: Measure, family: Family, table: Table) -> str:
    value = f"({reading.value(part, family, table)})"
    return f"{_function(reading)}({f'{value} * rates.rate' if reading.converted(part) else value})"


def _function(reading: Reading) -> str:
    """What adds up what rows add: which function is quicker depends on how many rows a group has."""
    asked = reading.question.by
    return SUM_OF_FEW if len(asked) > 1 or "product" in asked else "sum"
