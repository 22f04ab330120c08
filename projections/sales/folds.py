"""The folds of the sales projection: from the facts of an order to its rows. Pure, and the same live and in batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal, localcontext
from typing import NamedTuple

from projections.rollups import EXACT
from projections.sales.order import Happening, Order, fold_order
from projections.sales.order_facts import OrderFact
from projections.sales.rows import (
    CANCELLATION,
    DELIVERY,
    NEW,
    NOTHING,
    REFUND,
    RETURN,
    RETURNING,
    SALE,
    UNKNOWN,
    BuyerRow,
    MovementRow,
    OrderRow,
    PlacementRow,
)


class Customer(NamedTuple):
    """Whose order it is and what it is to that profile."""

    profile: str | None
    kind: str
    first: bool


NOBODY = Customer(None, UNKNOWN, False)


def order_rows(key: str, facts: Sequence[OrderFact]) -> Iterator[OrderRow]:
    """The order as it stands."""
    order = fold_order(key, facts)
    first, sale, listing = order.first, order.sale, order.listing
    with localcontext(EXACT):
        net = None if sale is None else sale.amount - order.cancelled - order.refunded
    yield OrderRow(
        key,
        order.state,
        order.subject.subject,
        first.effective_at,
        first.event_id,
        first.day,
        first.source,
        first.channel,
        first.brand,
        order.store,
        order.campaign,
        order.coupon,
        order.currency,
        order.gross,
        order.discount,
        order.tax,
        order.shipping,
        listing.units if listing else NOTHING,
        order.cancelled,
        order.refunded,
        net,
        order.cancellation.fact.reason if order.cancellation else None,
        _reason(order.refunds),
        _reason(order.returns),
        order.cancellation.fact.effective_at if order.cancellation else None,
        order.refunds[0].fact.effective_at if order.refunds else None,
        order.returns[0].fact.effective_at if order.returns else None,
        order.paid.effective_at if order.paid else None,
        order.shipped.effective_at if order.shipped else None,
        order.promised.promised_at if order.promised else None,
        order.delivered.effective_at if order.delivered else None,
        len(facts),
    )


def _reason(happenings: Sequence[Happening]) -> str | None:
    return next((each.fact.reason for each in happenings if each.fact.reason is not None), None)


def placement_rows(key: str, facts: Sequence[OrderFact]) -> Iterator[PlacementRow]:
    """What the order says of its customer; whose it is depends on the first fact that names anybody."""
    order = fold_order(key, facts)
    whose = order.subject
    yield PlacementRow(key, whose.subject, whose.effective_at, whose.event_id, (order.gross or NOTHING) > 0)


def buyer_rows(profile: str, placements: Sequence[PlacementRow]) -> Iterator[BuyerRow]:
    """Whether each order of a profile came after a purchase. Orders are given by time."""
    bought = False
    for placed in placements:
        first = placed.purchase and not bought
        customer = RETURNING if bought else NEW
        yield BuyerRow(profile, placed.order_key, placed.effective_at, placed.event_id, customer, first)
        bought = bought or placed.purchase


def movement_rows(key: str, rows: Sequence[OrderFact | BuyerRow]) -> Iterator[MovementRow]:
    """What the order moved. An order that no profile owns is of an unknown customer."""
    order, customer = known_order(key, rows)
    if order is None:
        return
    if (sale := order.sale) is not None:
        units = order.listing.units if order.listing else NOTHING
        yield _movement(order, customer, SALE, sale, order.first, units, order.discount, order.tax, order.shipping)
    if order.cancellation is not None:
        yield _movement(order, customer, CANCELLATION, order.cancellation, order.cancellation.fact, NOTHING)
    for refund in order.refunds:
        yield _movement(order, customer, REFUND, refund, refund.fact, refund.fact.units)
    for each in order.returns:
        yield _movement(order, customer, RETURN, each, each.fact, each.fact.units)
    if (delivered := order.delivered) is not None:
        due = order.promised.promised_at if order.promised else None
        late = None if due is None else delivered.effective_at > due
        happening = Happening(delivered, NOTHING, order.currency)
        yield _movement(order, customer, DELIVERY, happening, delivered, NOTHING)._replace(late=late)


def known_order(key: str, rows: Sequence[OrderFact | BuyerRow]) -> tuple[Order | None, Customer]:
    """The order among the rows of one key, and its customer."""
    facts = [row for row in rows if isinstance(row, OrderFact)]
    buyer = next((row for row in rows if isinstance(row, BuyerRow)), None)
    customer = NOBODY if buyer is None else Customer(buyer.profile, buyer.customer, buyer.first)
    return (fold_order(key, facts) if facts else None), customer


def _movement(
    order: Order,
    customer: Customer,
    kind: str,
    what: Happening,
    when: OrderFact,
    units: Decimal,
    discount: Decimal = NOTHING,
    tax: Decimal = NOTHING,
    shipping: Decimal = NOTHING,
) -> MovementRow:
    """A movement: its amount is that of one fact, its moment may be that of an earlier one."""
    first = order.first
    return MovementRow(
        order.key,
        kind,
        when.effective_at,
        what.fact.event_id,
        what.fact.position,
        when.hour,
        when.day,
        first.source,
        first.channel,
        first.brand,
        order.store,
        order.campaign,
        what.currency,
        customer.profile,
        customer.kind,
        None if kind in (SALE, DELIVERY) else what.fact.reason,
        what.amount,
        units,
        discount,
        tax,
        shipping,
        customer.first and kind == SALE,
        None,
    )
