"""How many different customers, or orders, there are: they do not add up, so each is looked at.

Rows that indexes give in order are merged, and equal ones stand side by side; of others a table is made. Where a table
says how many customers there are in the first piece, only those of the other pieces are looked up there.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from projections.sales.measures import Measure
from projections.sales.pieces import Piece
from projections.sales.question import began
from projections.sales.readings import SUM_OF_FEW, Reading
from projections.sales.tables import Table


def counted(reading: Reading, part: Measure, pieces: Sequence[Piece]) -> str:
    """How many profiles, or orders, have a row that counts, by the keys."""
    first = pieces[0].table
    ordered = part.counts == "profile" and _asks_only_for(reading, first.by_profile)
    if ordered and first.customers is not None and _one_stretch(pieces[0]):
        rows, count = _first_and_others(reading, part, pieces, first.customers), f"{SUM_OF_FEW}(customers)"
    elif ordered:
        rows, count = _rows(reading, part, pieces, "order by 1, 2"), f"count(distinct {part.counts})"
    else:
        rows, count = _different(reading, part, pieces), "count(*)"
    return reading.grouped({part: count}, rows)


def _asks_only_for(reading: Reading, columns: Collection[str]) -> bool:
    """Whether the question is by one of these columns, and nothing else has to be known but the shop's day."""
    keys, more = reading.question.keys, reading.foreign or reading.question.convert is not None
    return not more and len(keys) == 1 and keys[0] in columns and set(reading.question.filters) <= set(keys)


def _one_stretch(piece: Piece) -> bool:
    """Whether a piece, which is made of whole stretches of its table's time, is one of them."""
    first, last = piece.period.first, piece.period.last
    return first is not None and last is not None and began(piece.table.grain, last) == first


def _rows(reading: Reading, part: Measure, pieces: Sequence[Piece], order: str = "") -> str:
    """The keys of rows that count, each with its profile, or order."""
    return " union all ".join(f"({_of_piece(reading, part, piece)} {order})" for piece in pieces)


def _of_piece(reading: Reading, part: Measure, piece: Piece) -> str:
    table, distinct = piece.table, f"base.{part.counts}"
    counting = (f"{distinct} is not null", reading.counts(part, table))
    rows = reading.source(table, *counting, period=piece.period)
    return f"select {', '.join([*reading.keys(table), distinct])} {rows}"


def _different(reading: Reading, part: Measure, pieces: Sequence[Piece]) -> str:
    """The same, each once."""
    places = ", ".join(str(place) for place in range(1, len(reading.question.keys) + 2))
    return f"select * from ({_rows(reading, part, pieces)}) as counting group by {places}"


def _first_and_others(reading: Reading, part: Measure, pieces: Sequence[Piece], known: Table) -> str:
    """How many customers the first piece has, and how many the others have that are not among them."""
    first, *others = pieces
    [key] = reading.question.keys
    counting = ("base.identified", reading.counts(part, known))
    rows = f"select base.{key} as {key}, base.customers {reading.source(known, *counting, period=first.period)}"
    if not others:
        return rows
    same = (f"base.{part.counts} = others.{part.counts}", reading.counts(part, first.table))
    among = reading.source(first.table, f"base.{key} = others.{key}", *same, period=first.period)
    nameless = reading.source(first.table, f"base.{key} is null", *same, period=first.period)
    return f"""
        {rows}
        union all
        select {key}, count(*)
        from ({_different(reading, part, others)}) as others
        where not exists (select {among}) and ({key} is not null or not exists (select {nameless}))
        group by {key}
    """
