"""What was sold in each order, as numbers: affinity reads the orders of a year from it, a tenth of what the lines are.

A column has whole numbers of eight bytes, as PostgreSQL sends them: minus the position of the touchpoint that lists
what was sold, then a number for each different item. So many orders can stand one after the other and are still told
apart.

An item's number is the first 60 bits of its name's MD5, which PostgreSQL can work out too. That two of a million names
have the same number is to be expected once in two million such catalogues; their orders would be counted together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from hashlib import md5

from projections.sales.folds import known_order
from projections.sales.order_facts import OrderFact
from projections.sales.order_lines import decode_lines
from projections.sales.rows import BuyerRow, ContentsRow

NUMBER = "('x' || substr(md5({}), 1, 15))::bit(60)::bigint"
"""`item_number` of a text, in SQL."""

WIDTH = 8
KNOWN = 65_536


def contents_rows(key: str, rows: Sequence[OrderFact | BuyerRow]) -> Iterator[ContentsRow]:
    """The contents of an order in which anything was sold."""
    order, customer = known_order(key, rows)
    if order is None or order.sale is None or order.listing is None:
        return
    sold = [line for line in decode_lines(order.listing.lines) if line.counts]
    if not sold:
        return
    first, position = order.first, order.listing.position
    products, categories, brands, departments, *_ = zip(*sold, strict=True)
    yield ContentsRow(
        position,
        first.effective_at,
        first.hour,
        first.day,
        first.source,
        packed(position, products),
        packed(position, categories),
        packed(position, brands),
        packed(position, departments),
        key,
        order.listing.event_id,
        first.channel,
        first.brand,
        order.store,
        order.campaign,
        order.currency,
        customer.profile,
        customer.kind,
    )


def packed(position: int, names: Iterable[str | None]) -> bytes:
    """The order at a position, with the items of these names."""
    numbers = map(_number, filter(None, dict.fromkeys(names)))
    return b"".join([(-position).to_bytes(WIDTH, signed=True), *numbers])


def item_number(name: str) -> int:
    """The number that stands for an item, from 0 on."""
    return int.from_bytes(_number(name))


@lru_cache(maxsize=KNOWN)
def _number(name: str) -> bytes:
    whole = md5(name.encode(), usedforsecurity=False).digest()[:WIDTH]
    return (int.from_bytes(whole) >> 4).to_bytes(WIDTH)
