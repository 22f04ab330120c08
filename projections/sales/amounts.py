"""Amounts of money as sources send them, read exactly.

Gross is what the customer paid for an order, with discounts taken off and tax and shipping added, before any refund. By
source, the connector says what its provider's fields mean; in the common shape, which is that of Segment's e-commerce
specification ("Order Completed"), `total` is "revenue with discounts and coupons added in, plus tax and shipping",
while `revenue` "excludes shipping and tax".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import Any

from projections.rollups import EXACT

_DECIMAL_TEXT = re.compile(r"[+-]?\d{1,24}(\.\d{1,12})?")
_LARGEST = Decimal(10) ** 24
_SMALL = 10**18
_SMALLEST_EXPONENT = -12
_CENT = Decimal("0.01")
_CURRENCY = re.compile(r"[A-Za-z]{3}")


def amount(sent: object) -> Decimal | None:
    """The exact amount that a source sent as text, whole number or decimal; None if it is none.

    At most 24 digits before the point and 12 after it; no thousands separators, no currency signs.
    """
    if isinstance(sent, str):
        return _read(sent)
    if type(sent) is int and -_SMALL < sent < _SMALL:
        return Decimal(sent)
    if isinstance(sent, bool) or not isinstance(sent, (int, Decimal)):
        return None
    exact = Decimal(sent)
    exponent = exact.as_tuple().exponent
    fits = isinstance(exponent, int) and exponent >= _SMALLEST_EXPONENT and abs(exact) < _LARGEST
    return exact if fits else None


@lru_cache(maxsize=65_536)
def _read(sent: str) -> Decimal | None:
    """Texts of amounts come again and again: prices, and quantities of one."""
    return Decimal(sent) if _DECIMAL_TEXT.fullmatch(sent) else None


def gross(properties: Mapping[str, Any]) -> Decimal | None:
    """The gross of an order: `total`, else `revenue`, else the sum over its lines.

    The first that is present decides; None when it is no amount, because another field would mean something else.
    """
    for name in ("total", "revenue"):
        if (sent := properties.get(name)) is not None:
            return amount(sent)
    return lines_total(properties.get("products"))


def lines_total(products: object) -> Decimal | None:
    """The sum of the lines' totals, else price × quantity, a missing quantity being 1; None if any line has neither."""
    if not isinstance(products, list) or not products:
        return None
    with localcontext(EXACT):
        prices = [_line_total(line) for line in products]
        known = [price for price in prices if price is not None]
        return sum(known, Decimal(0)) if len(known) == len(prices) else None


def _line_total(line: object) -> Decimal | None:
    if not isinstance(line, dict):
        return None
    if line.get("total") is not None:
        return amount(line["total"])
    return product(amount(line.get("price")), _quantity(line))


def product(price: Decimal | None, quantity: Decimal | None) -> Decimal | None:
    """What a line comes to, exact; None where one of the two is none, or where it is more than any amount can be."""
    if price is None or quantity is None:
        return None
    exact = EXACT.multiply(price, quantity)
    return exact if abs(exact) < _LARGEST else None


def units(products: object) -> Decimal:
    """How many pieces the lines list, a line without a usable quantity counting as 1; 0 when no lines were sent."""
    lines: Sequence[object] = products if isinstance(products, list) else ()
    quantities = [line.get("quantity", 1) if isinstance(line, dict) else 1 for line in lines]
    if all(type(each) is int for each in quantities):
        return Decimal(sum(quantities))
    exact = map(amount, quantities)
    with localcontext(EXACT):
        return sum((Decimal(1) if each is None else each for each in exact), Decimal(0))


def currency(properties: Mapping[str, Any]) -> str | None:
    """The ISO 4217 code that came with the order, in capitals; None when there is none."""
    sent = properties.get("currency")
    return sent.upper() if isinstance(sent, str) and _CURRENCY.fullmatch(sent) else None


def _quantity(line: Mapping[str, Any]) -> Decimal | None:
    sent = line.get("quantity")
    return Decimal(1) if sent is None else amount(sent)


def label(sent: object) -> str | None:
    """A code or name of a thing as text; None for what is none, and for an empty text."""
    if type(sent) is str:
        return sent or None
    if sent is None:
        return None
    return str(sent) if isinstance(sent, int) and not isinstance(sent, bool) else None


def money(exact: Decimal) -> Decimal:
    """An amount with at least the two decimals that people expect; more where it has more. Nothing is rounded."""
    exponent = exact.as_tuple().exponent
    with localcontext(EXACT):
        return exact.quantize(_CENT) if isinstance(exponent, int) and exponent > -2 else exact
