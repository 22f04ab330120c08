"""What an order came to: the fold over all its facts, whatever order they arrived in and whoever repeated them.

- The amounts are those of the latest `Order Updated` that states them, else of the first `Order Completed`: an update
  corrects, a repetition changes nothing. They count when the order was placed.
- Channel, source and brand are those of the first fact that placed the order; store, campaign, coupon and currency come
  from the first fact that names them.
- A cancellation takes off what was not refunded; a refund without an amount takes off all that is left.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import TypeVar

from projections.rollups import EXACT
from projections.sales.order_facts import OrderFact
from projections.sales.repeats import distinct_reports

T = TypeVar("T")

NOTHING = Decimal(0)
PLACING = ("completed", "updated")


@dataclass(frozen=True, slots=True)
class Happening:
    """A fact of the order with the exact amount that it moves."""

    fact: OrderFact
    amount: Decimal
    currency: str | None


@dataclass(frozen=True, slots=True)
class Order:
    """An order as all its facts tell it. `first` says when it counts and where it belongs.

    `sale` is None where the order was never placed, or where its amount cannot be read: then it is in no figure.
    `listing` is the fact whose product lines hold.
    """

    key: str
    first: OrderFact
    subject: OrderFact
    sale: Happening | None
    listing: OrderFact | None
    discount: Decimal
    tax: Decimal
    shipping: Decimal
    store: str | None
    campaign: str | None
    coupon: str | None
    currency: str | None
    cancellation: Happening | None
    refunds: tuple[Happening, ...]
    returns: tuple[Happening, ...]
    paid: OrderFact | None
    shipped: OrderFact | None
    delivered: OrderFact | None
    promised: OrderFact | None

    @property
    def gross(self) -> Decimal | None:
        """What the customer paid; None where it cannot be read."""
        return None if self.sale is None else self.sale.amount

    @property
    def refunded(self) -> Decimal:
        """All that was given back in the order's own currency."""
        with localcontext(EXACT):
            return sum((each.amount for each in self.refunds if each.currency == self.currency), NOTHING)

    @property
    def cancelled(self) -> Decimal:
        """What the cancellation took off."""
        return NOTHING if self.cancellation is None else self.cancellation.amount

    @property
    def state(self) -> str:
        """How far it has come, the furthest first."""
        if self.cancellation is not None:
            return "cancelled"
        if self.refunds:
            return "refunded" if self.gross is None or self.refunded >= self.gross else "partly refunded"
        for name, reached in (("returned", self.returns), ("delivered", self.delivered), ("shipped", self.shipped)):
            if reached:
                return name
        return "paid" if self.paid is not None else "placed" if self.sale is not None else "announced"


def fold_order(key: str, facts: Sequence[OrderFact]) -> Order:
    """The order that these facts tell of, given by effective time and event id. Pure; there is at least one fact."""
    if len(facts) == 1 and facts[0].kind == "completed":
        return _placed_once(key, facts[0])
    return fold_all(key, facts)


def _placed_once(key: str, fact: OrderFact) -> Order:
    """What `fold_all` makes of a completion alone: most orders never see anything else, and this is felt."""
    return Order(
        key,
        fact,
        fact,
        None if fact.total is None else Happening(fact, fact.total, fact.currency),
        fact if fact.lines else None,
        fact.discount or NOTHING,
        fact.tax or NOTHING,
        fact.shipping or NOTHING,
        fact.store,
        fact.campaign,
        fact.coupon,
        fact.currency,
        None,
        (),
        (),
        None,
        None,
        None,
        None if fact.promised_at is None else fact,
    )


def fold_all(key: str, facts: Sequence[OrderFact]) -> Order:
    """The order of any facts."""
    by_kind: dict[str, list[OrderFact]] = {}
    for fact in facts:
        by_kind.setdefault(fact.kind, []).append(fact)
    completed, updated = by_kind.get("completed", []), by_kind.get("updated", [])
    naming = [*completed, *updated, *(fact for fact in facts if fact.kind not in PLACING)]
    deciding = [*reversed(updated), *completed]
    priced = next((fact for fact in deciding if fact.total is not None), None)
    with localcontext(EXACT):
        money = (priced and priced.currency) or _first(fact.currency for fact in naming)
        sale = None if priced is None or priced.total is None else Happening(priced, priced.total, money)
        refunds = tuple(_refunds(by_kind.get("refunded", []), sale, money))
        return Order(
            key,
            naming[0],
            next((fact for fact in naming if fact.subject is not None), naming[0]),
            sale,
            next((fact for fact in deciding if fact.lines), None),
            _first(fact.discount for fact in deciding) or NOTHING,
            _first(fact.tax for fact in deciding) or NOTHING,
            _first(fact.shipping for fact in deciding) or NOTHING,
            _first(fact.store for fact in naming),
            _first(fact.campaign for fact in naming),
            _first(fact.coupon for fact in naming),
            money,
            _cancellation(by_kind.get("cancelled", []), sale, refunds, money),
            refunds,
            tuple(
                Happening(fact, fact.total or NOTHING, fact.currency or money)
                for fact in distinct_reports(by_kind.get("returned", []))
            ),
            next(iter(by_kind.get("paid", [])), None),
            next(iter(by_kind.get("shipped", [])), None),
            next(iter(by_kind.get("delivered", [])), None),
            next((fact for fact in naming if fact.promised_at is not None), None),
        )


def _refunds(facts: Sequence[OrderFact], sale: Happening | None, money: str | None) -> Iterator[Happening]:
    """Every refund once. One without an amount gives back what is left of the order after all others."""
    if not facts:
        return
    stated = [fact for fact in facts if fact.total is not None]
    left = NOTHING if sale is None else sale.amount
    for fact in distinct_reports(stated):
        refund = Happening(fact, fact.total or NOTHING, fact.currency or money)
        left -= refund.amount if refund.currency == money else NOTHING
        yield refund
    whole = next((fact for fact in facts if fact.total is None), None)
    if whole is not None and left > 0:
        yield Happening(whole, left, money)


def _cancellation(
    facts: Sequence[OrderFact], sale: Happening | None, refunds: Iterable[Happening], money: str | None
) -> Happening | None:
    if not facts:
        return None
    gone = sum((each.amount for each in refunds if each.currency == money), NOTHING)
    return Happening(facts[0], max(NOTHING, (sale.amount if sale else NOTHING) - gone), money)


def _first(values: Iterable[T | None]) -> T | None:
    return next((value for value in values if value is not None), None)
