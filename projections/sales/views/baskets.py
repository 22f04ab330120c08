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
from projections.sales.readings import Reading
from projections.sales.tables import CONTENTS, HOUR, LINES

Numbers = NDArray[np.int64]
Chosen = NDArray[np.bool_]

WORK_MEMORY = "128MB"
"""For the orders of a year, which would else go through the disk."""

_CONTENTS = "select {segment} as segment, base.position, base.{kind} as items {rows}"
_OF_LINES = """
select
    {segment} as segment,
    base.position,
    int8send(-base.position) || coalesce(string_agg(distinct int8send({number}), ''), '') as items
{rows}
group by 1, 2
"""
_TOGETHER = "select segment, string_agg(items, '') from ({listed}) as listed group by segment, position / 16384"
"""The orders of a segment in one value, but not so many that it could become too large."""

_NAMES = """
select distinct {kind}
from sales.lines
where {kind} is not null
    and order_key in (select order_key from sales.order_facts where position = any(%(positions)s))
"""


class SharedNumber(Exception):
    """Two items have the same number, which is to be expected of one catalogue in millions."""

    def __init__(self, one: str, other: str) -> None:
        super().__init__(
            f"{one!r} and {other!r} have the same number, so that their orders cannot be told apart; "
            "expected different numbers: ask with a filter of products that leaves one of them out"
        )


@dataclass(frozen=True, eq=False)
class Baskets:
    """The orders of a segment, of which there are `orders`, each known by its place.

    `items` has what is in them, order after order and each item of an order once; `places` the order of each.
    """

    positions: Numbers
    items: Numbers
    places: Numbers

    @classmethod
    def of(cls, stored: bytes) -> Baskets:
        """Orders one after the other, each as `contents` has it."""
        values = np.frombuffer(stored, ">i8").astype(np.int64)
        begins = values < 0
        places = np.cumsum(begins) - 1
        return cls(-values[begins], values[~begins], places[~begins])

    @property
    def orders(self) -> int:
        """How many orders there are, those without an item of a known name included."""
        return len(self.positions)

    def chosen(self, chosen: Chosen) -> Baskets:
        """The same orders with some of the items."""
        return Baskets(self.positions, self.items[chosen], self.places[chosen])


def read_baskets(connection: Connected, kind: str, segment: str, reading: Reading) -> dict[str, Baskets]:
    """The orders of each segment, which `segment` gives for a row of `base`, with their items of a kind."""
    statement = _TOGETHER.format(listed=_listed(kind, segment, reading)).encode()
    connection.execute(f"set local work_mem = '{WORK_MEMORY}'")
    found: defaultdict[str, list[bytes]] = defaultdict(list)
    for name, stored in connection.execute(statement, reading.parameters, binary=True):
        found[name].append(stored)
    return {name: Baskets.of(b"".join(found[name])) for name in sorted(found)}


def _listed(kind: str, segment: str, reading: Reading) -> str:
    """The orders, each with its items: as they are stored, unless a filter is about single lines."""
    if CONTENTS.serves({*reading.question.keys, *reading.question.filters} - {*TIMES}, HOUR):
        return _CONTENTS.format(segment=segment, kind=kind, rows=reading.source(CONTENTS))
    [measure] = (MEASURES[name] for name in reading.question.measures)
    sold = f"({reading.value(measure, LINES, LINES.base)}) > 0"
    number = NUMBER.format(f"base.{kind}")
    return _OF_LINES.format(segment=segment, number=number, rows=reading.source(LINES.base, sold))


def read_names(connection: Connected, kind: str, items: Iterable[int], positions: Iterable[int]) -> dict[int, str]:
    """The names of items, each of which is in one of the orders at these positions. Raises `SharedNumber`."""
    wanted, found = set(items), dict[int, str]()
    parameters: Mapping[str, Any] = {"positions": [*positions]}
    for (name,) in connection.execute(_NAMES.format(kind=kind).encode(), parameters):
        number = item_number(name)
        if number in wanted and found.setdefault(number, name) != name:
            raise SharedNumber(found[number], name)
    return found
