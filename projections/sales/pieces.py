"""Which tables a part of an answer is read from: for each stretch of its time the smallest table that can tell it.

Most of a long period is whole years, months or weeks, for which there are small tables; what is left at its ends is
read from finer ones. Each moment of the period is in exactly one piece.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.sales.dimensions import DIMENSIONS, TIMES
from projections.sales.question import Period, Question, hours_apart
from projections.sales.tables import DAY, FINENESS, HOUR, MONTH, SPLIT_WEEK, YEAR, Family, Table


class Piece(NamedTuple):
    """A stretch of time, and the table that it is read from."""

    table: Table
    period: Period


def pieces_of(question: Question, family: Family, shop: ZoneInfo, also: Collection[str] = ()) -> list[Piece]:
    """Where the family's part of the answer is read from. `also` names what else the tables must have."""
    dimensions = {name for name in (*question.keys, *question.filters) if name not in TIMES} | {*also}
    if question.convert is not None:
        dimensions.add("currency")
    zone = question.zone or shop
    if zone != shop:
        table = family.table(dimensions, HOUR) if hours_apart(zone, shop) else family.base
        return [Piece(table, question.period)]
    return list(_pieces(family, dimensions, _grain(question), question.period))


def _grain(question: Question) -> str:
    """How fine a table's time must be for what is asked, wherever the period begins and ends."""
    times = [DIMENSIONS[name].grain or YEAR for name in (*question.by, *question.filters) if name in TIMES]
    return max([*times, YEAR if question.convert is None else DAY], key=FINENESS.index)


def _pieces(family: Family, dimensions: Collection[str], grain: str, period: Period) -> Iterator[Piece]:
    table = family.table(dimensions, grain)
    whole = period.whole(table.grain) if table.grain in (YEAR, MONTH, SPLIT_WEEK) else period
    if whole is not None:
        yield Piece(table, whole)
    for rest in period.without(whole):
        yield from _pieces(family, dimensions, FINENESS[FINENESS.index(table.grain) + 1], rest)
