"""Reading what is in the orders of each segment, as columns of numbers.

An order and an item are known by the numbers that `contents` has for them. Where a question asks for some lines of an
order only (of a category, say), the same is made of the lines.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from projections.contract import Connected
from projections.sales.contents import NUMBER, item_number
from projections.sales.dimensions import TIMES
from projections.sales.measures import MEASURES
from projections.sales.question import InvalidQuestion
from projections.sales.readings import Reading
from projections.sales.tables import CONTENTS, HOUR, LINES

Numbers = NDArray[np.int64]
Codes = NDArray[np.int32]
Chosen = NDArray[np.bool_]

WORK_MEMORY = "128MB"
"""For the orders of a year, which would else go through the disk."""

_ORDERS = """
select {segment}, string_agg(base.{kind}, '')
{rows}
group by 1, base.position / 16384
"""
"""The orders of a segment in one value, but not so many that it could become too large."""

_LINES = """
select {segment}, coalesce({number}, -1), string_agg(int8send(base.position), '')
{rows}
group by 1, base.{kind}
"""
"""For each item the orders of its lines; -1 is what has no name."""

_NAMES = """
select distinct {kind}
from sales.lines
where {kind} is not null
    and order_key in (select order_key from sales.order_facts where position = any(%(positions)s))
"""


class SharedNumber(InvalidQuestion):
    """Two names were found for one number; see `projections.sales.contents` for how seldom that is."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"{one!r} and {other!r} have the same number, so that their orders cannot be told apart; "
            "expected different numbers: ask with a filter of products that leaves one of them out"
        )


@dataclass(frozen=True, eq=False)
class Baskets:
    """The orders of a segment, one after the other: what `contents` has of them, and where an order begins."""

    values: Numbers
    begins: Chosen

    @classmethod
    def of(cls, stored: bytes) -> Baskets:
        """Orders as they are stored."""
        values = _numbers(stored)
        return cls(values, values < 0)

    @classmethod
    def of_lines(cls, items: Numbers, positions: Numbers) -> Baskets:
        """The orders of lines, which stand in any order: for each its item and the position of its order."""
        by_order = np.lexsort((items, positions))
        items, positions = items[by_order], positions[by_order]
        begins = np.diff(positions, prepend=0) != 0
        named = (items >= 0) & (begins | (np.diff(items, prepend=-1) != 0))
        values = np.column_stack((-positions, items))[np.column_stack((begins, named))]
        return cls(values, values < 0)

    @property
    def orders(self) -> int:
        """How many orders there are, those without an item of a known name included."""
        return int(np.count_nonzero(self.begins))

    @property
    def positions(self) -> Numbers:
        """The position of each order."""
        return -self.values[self.begins]

    def items(self, chosen: Chosen) -> tuple[Numbers, Codes]:
        """Some of the values as far as they are items, and for each the place of its order, from 0 on."""
        found = np.flatnonzero(chosen & ~self.begins)
        return self.values[found], np.cumsum(self.begins, dtype=np.int32)[found] - 1


def read_baskets(connection: Connected, kind: str, segment: str, reading: Reading) -> dict[str, Baskets]:
    """The orders of each segment, which `segment` gives for a row of `base`, with their items of a kind."""
    connection.execute(f"set local work_mem = '{WORK_MEMORY}'")
    question = reading.question
    whole = CONTENTS.serves({*question.keys, *question.filters} - {*TIMES}, HOUR)
    return (_read_orders if whole else _read_lines)(connection, kind, segment, reading)


def _read_orders(connection: Connected, kind: str, segment: str, reading: Reading) -> dict[str, Baskets]:
    """Orders as they are stored."""
    statement = _ORDERS.format(segment=segment, kind=kind, rows=reading.source(CONTENTS))
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for name, stored in connection.execute(statement.encode(), reading.parameters, binary=True):
        found[name].append(stored)
    return {name: Baskets.of(b"".join(found[name])) for name in sorted(found)}


def _read_lines(connection: Connected, kind: str, segment: str, reading: Reading) -> dict[str, Baskets]:
    """Orders by those of their lines that the filters leave."""
    [measure] = (MEASURES[name] for name in reading.question.measures)
    rows = reading.source(LINES.base, reading.counts(measure, LINES.base))
    number = NUMBER.format(f"base.{kind}")
    statement = _LINES.format(segment=segment, kind=kind, number=number, rows=rows)
    found: defaultdict[str, list[tuple[int, Numbers]]] = defaultdict(list)
    for name, item, orders in connection.execute(statement.encode(), reading.parameters, binary=True):
        found[name].append((item, _numbers(orders)))
    return {name: _of_items(found[name]) for name in sorted(found)}


def _of_items(listed: Iterable[tuple[int, Numbers]]) -> Baskets:
    items, positions = zip(*listed, strict=True)
    return Baskets.of_lines(np.repeat(items, [*map(len, positions)]), np.concatenate(positions))


def _numbers(sent: bytes) -> Numbers:
    return np.frombuffer(sent, ">i8").astype(np.int64)


def read_names(connection: Connected, kind: str, items: Iterable[int], positions: Iterable[int]) -> dict[int, str]:
    """The names of items, each of which is in one of the orders at these positions. Raises `SharedNumber`."""
    wanted, found = set(items), dict[int, str]()
    parameters: Mapping[str, Any] = {"positions": [*positions]}
    for (name,) in connection.execute(_NAMES.format(kind=kind).encode(), parameters):
        number = item_number(name)
        if number in wanted and found.setdefault(number, name) != name:
            raise SharedNumber(found[number], name)
    return found
