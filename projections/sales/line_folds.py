"""The product lines of orders: what was sold, cancelled, refunded and returned of each product."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal, localcontext

from projections.rollups import EXACT
from projections.sales.folds import Customer, known_order
from projections.sales.order import Order
from projections.sales.order_facts import OrderFact
from projections.sales.order_lines import Line, decode_lines
from projections.sales.rows import CANCELLATION, NOTHING, ORDERS_OF, REFUND, RETURN, SALE, BuyerRow, LineRow


def line_rows(key: str, rows: Sequence[OrderFact | BuyerRow]) -> Iterator[LineRow]:
    """The lines of an order's sale, cancellation, refunds and returns."""
    order, customer = known_order(key, rows)
    if order is None:
        return
    sold = decode_lines(order.listing.lines) if order.listing is not None and order.sale is not None else ()
    if order.listing is not None:
        yield from _rows(order, customer, SALE, order.listing, order.first, sold)
    for kind, happenings in ((REFUND, order.refunds), (RETURN, order.returns)):
        for each in happenings:
            yield from _rows(order, customer, kind, each.fact, each.fact, decode_lines(each.fact.lines))
    if order.cancellation is not None:
        fact = order.cancellation.fact
        refunded = [line for each in order.refunds for line in decode_lines(each.fact.lines)]
        yield from _rows(order, customer, CANCELLATION, fact, fact, remaining(sold, refunded))


def remaining(sold: Iterable[Line], refunded: Iterable[Line]) -> list[Line]:
    """What is left of the lines sold once the refunded ones of the same product are taken off, never below nothing."""
    quantity: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    worth: defaultdict[str | None, Decimal] = defaultdict(Decimal)
    left: list[Line] = []
    with localcontext(EXACT):
        for line in refunded:
            quantity[line.product] += line.quantity
            worth[line.product] += line.total or NOTHING
        for line in sold:
            total = line.total or NOTHING
            pieces, amount = min(quantity[line.product], line.quantity), min(worth[line.product], total)
            quantity[line.product] -= pieces
            worth[line.product] -= amount
            if line.quantity != pieces or total != amount:
                left.append(line._replace(quantity=line.quantity - pieces, total=total - amount))
    return left


def _rows(
    order: Order, customer: Customer, kind: str, what: OrderFact, when: OrderFact, lines: Iterable[Line]
) -> Iterator[LineRow]:
    first = order.first
    reason = None if kind == SALE else what.reason
    currency = order.currency if kind in (SALE, CANCELLATION) else what.currency or order.currency
    seen: list[set[str | None]] = [set() for _ in ORDERS_OF]
    for number, line in enumerate(lines, start=1):
        product, category, brand, department, quantity, total, discount = line
        yield LineRow(
            order.key,
            kind,
            number,
            when.effective_at,
            what.event_id,
            what.position,
            when.hour,
            when.day,
            first.source,
            first.channel,
            first.brand,
            order.store,
            order.campaign,
            currency,
            customer.profile,
            customer.kind,
            reason,
            product,
            category,
            brand,
            department,
            quantity,
            NOTHING if total is None else total,
            discount,
            _firsts(line, seen) if kind == SALE else 0,
        )


def _firsts(line: Line, seen: Sequence[set[str | None]]) -> int:
    """By what a line of a sale is the first one sold, see `LineRow`. `seen` is what those before it had of each."""
    if not line.counts:
        return 0
    firsts = 0
    for place, value in enumerate((None, line.product, line.category, line.brand, line.department)):
        if value not in seen[place]:
            seen[place].add(value)
            firsts |= 1 << place
    return firsts
