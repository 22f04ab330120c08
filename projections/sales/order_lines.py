"""The product lines of an order as sent, in a compact form that a fact keeps exactly."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import NamedTuple

import msgspec

from projections.rollups import EXACT
from projections.sales.amounts import amount, label, product

NOTHING = Decimal(0)
_ONE = Decimal(1)
RECENT = 16
_DISCOUNTS = frozenset({"discount", "coupon_discount", "match_discount"})


class Line(NamedTuple):
    """One product line. `total` is its own `total`, else price × quantity; null where neither can be read."""

    product: str | None
    category: str | None
    brand: str | None
    department: str | None
    quantity: Decimal
    total: Decimal | None
    discount: Decimal

    @property
    def counts(self) -> bool:
        """Whether something was sold for money: a positive quantity for a positive amount."""
        return self.quantity > NOTHING and self.total is not None and self.total > NOTHING


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Line]).decode


def encode_lines(lines: Sequence[Line]) -> str:
    """Lines as JSON; amounts as exact text."""
    return _encode(lines).decode()


@lru_cache(maxsize=RECENT)
def decode_lines(encoded: str | None) -> Sequence[Line]:
    """Reads what `encode_lines` wrote. The folds of an order follow each other and read the same lines."""
    return _decode(encoded) if encoded else ()


def sent_lines(products: object, turned: bool = False) -> list[Line]:
    """The lines of `products`; with `turned` their quantities and amounts have the opposite sign."""
    if not isinstance(products, list):
        return []
    with localcontext(EXACT):
        lines = [_line(each) for each in products if isinstance(each, dict)]
        return [_turned(line) for line in lines] if turned else lines


def _line(sent: dict[str, object]) -> Line:
    get = sent.get
    quantity = amount(get("quantity", 1))
    quantity = _ONE if quantity is None else quantity
    total = amount(get("total"))
    if total is None and "total" not in sent:
        total = product(amount(get("price")), quantity)
    return Line(
        label(get("product_id")) or label(get("sku")) or label(get("name")),
        label(get("category")),
        label(get("brand")),
        label(get("department")),
        quantity,
        total,
        NOTHING if sent.keys().isdisjoint(_DISCOUNTS) else _discount(sent),
    )


def _discount(sent: dict[str, object]) -> Decimal:
    """All that the line states as taken off."""
    return sum((each for name in _DISCOUNTS if (each := amount(sent.get(name))) is not None), NOTHING)


def _turned(line: Line) -> Line:
    total = None if line.total is None else NOTHING - line.total
    return line._replace(quantity=NOTHING - line.quantity, total=total)
