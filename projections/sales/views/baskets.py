"""What is in the orders: for each item the orders that it stands in, and how many of these two items share.

An order is known by the position of the touchpoint that lists what was sold in it, which no other order has. The
database reads the lines once and says which orders each item is in; pairs are counted here, where that takes a fraction
of the time.
"""

from __future__ import annotations

import sys
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, NamedTuple

from projections.contract import Connected

WORK_MEMORY = "128MB"
"""For the orders of every item, which would else go through the disk."""

_ITEMS = """
select segment, case when place <= %(most)s::bigint then item end as item, string_agg(orders, '')
from (
    select *, dense_rank() over (order by item is null, lines desc, item) as place
    from (
        select *, sum(own_lines) over (partition by item) as lines
        from (
            select
                {segment} as segment,
                base.{kind} as item,
                count(*) as own_lines,
                string_agg(int8send(base.position), '') as orders
            {sold}
            group by 1, 2
        ) as listed
    ) as counted
) as ranked
group by 1, 2
order by min(place)
"""
"""Those on the most lines come first; what is past `most` has no name, as it counts as an order and nothing else."""


class Shared(NamedTuple):
    """In how many orders two items stand together, and in how many each of them does."""

    item: str
    companion: str
    together: int
    item_orders: int
    companion_orders: int


@dataclass(frozen=True)
class Baskets:
    """The orders of a segment: by item, None for what has no name, the order of each of its lines."""

    lines: dict[str | None, array[int]] = field(default_factory=dict)

    @property
    def orders(self) -> int:
        """How many orders there are."""
        everything = array("q")
        for lines in self.lines.values():
            everything += lines
        return len(set(everything))

    def with_one(self, item: str, least: int) -> Iterator[Shared]:
        """What stands in at least so many orders with the item."""
        own = set(self.lines.get(item, ()))
        for companion, lines in self.lines.items():
            together = 0 if companion is None or companion == item else len(own.intersection(lines))
            if companion is not None and together >= least:
                yield Shared(item, companion, together, len(own), len(set(lines)))

    def of_all(self, least: int) -> Iterator[Shared]:
        """The pairs that stand in at least so many orders together, each once."""
        before: defaultdict[int, list[str]] = defaultdict(list)
        counted: dict[str, int] = {}
        for item, lines in self.lines.items():
            orders = set(lines)
            if item is None or len(orders) < least:
                continue
            baskets = [before[order] for order in orders]
            for earlier, together in Counter(chain.from_iterable(baskets)).items():
                if together >= least:
                    yield Shared(earlier, item, together, counted[earlier], len(orders))
            for basket in baskets:
                basket.append(item)
            counted[item] = len(orders)


def read_baskets(
    connection: Connected, kind: str, segment: str, sold: str, most: int | None, parameters: Mapping[str, Any]
) -> dict[str, Baskets]:
    """The orders of each segment, which `segment` is the expression of; `sold` says from which lines.

    Only so many items have names: those that stand on the most lines.
    """
    found: dict[str, Baskets] = {}
    statement = _ITEMS.format(kind=kind, segment=segment, sold=sold).encode()
    connection.execute(f"set local work_mem = '{WORK_MEMORY}'")
    for name, item, orders in connection.execute(statement, {**parameters, "most": most or _ALL}, binary=True):
        found.setdefault(name, Baskets()).lines[item] = _numbers(orders)
    return found


_ALL = 2**31


def _numbers(sent: bytes) -> array[int]:
    numbers = array("q", sent)
    if sys.byteorder == "little":
        numbers.byteswap()
    return numbers
