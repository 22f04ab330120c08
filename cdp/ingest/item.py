"""Decoding one item, with the checks that hold for every connector."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec

from cdp.sources.rejection import Reason, Rejected

DEEPEST = 32
LONGEST_NUMBER = 400
"""Characters of a number with a fraction, and its largest power of ten: more than any measure has."""

Tree = dict[str, Any]


class _OutOfRange(ArithmeticError):
    pass


def exact(text: str) -> Decimal:
    """A number with a fraction or an exponent, digit for digit. Raises ArithmeticError past what databases hold."""
    value = Decimal(text)
    if len(text) > LONGEST_NUMBER or not -LONGEST_NUMBER <= value.adjusted() <= LONGEST_NUMBER:
        raise _OutOfRange
    return value


_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=exact)
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted").encode
_TRANSPORT = ("sentAt", "writeKey")


def decode_item(data: bytes, max_bytes: int) -> Tree:
    """The item as a tree; numbers with a fraction are exact. Raises `Rejected`."""
    if len(data) > max_bytes:
        raise Rejected(Reason.TOO_LARGE, f"the item has {len(data)} bytes; expected at most {max_bytes}")
    return decode_tree(data)


def decode_tree(data: bytes) -> Tree:
    """An object whose texts, numbers and depth everything behind can take. Raises `Rejected`."""
    try:
        item = _decoder.decode(data)
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise Rejected(Reason.INVALID_TEXT, "a text is not UTF-8; send text as UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.ValidationError, ArithmeticError):  # what is untyped can be invalid by its size only
        raise _odd_number() from None
    except msgspec.DecodeError:
        raise _undecodable(data) from None
    if not isinstance(item, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "the item is not an object; expected a call such as track or identify")
    if data.count(b"{") + data.count(b"[") > DEEPEST and _depth(item) > DEEPEST:
        raise _too_deep()
    if b"\\u0000" in data and any("\x00" in each for each in _leaves(item) if isinstance(each, str)):
        raise Rejected(Reason.INVALID_TEXT, "a text holds the character NUL (\\u0000); leave it out")
    return item


def canonical(item: Tree) -> bytes:
    """The item's content in one form whatever the order of its keys, without what changes from sending to sending."""
    if "sentAt" in item or "writeKey" in item:
        item = {key: value for key, value in item.items() if key not in _TRANSPORT}
    return _canonical(item)


def _undecodable(data: bytes) -> Rejected:
    if b"\\ud" in data.lower():
        return Rejected(Reason.INVALID_TEXT, "a text holds half of a surrogate pair; send whole characters")
    return Rejected(Reason.MALFORMED_JSON, "the item is not JSON; expected one JSON object")


def _too_deep() -> Rejected:
    return Rejected(Reason.TOO_DEEP, f"the item is nested too deep; expected at most {DEEPEST} levels: flatten it")


def _odd_number() -> Rejected:
    detail = f"a number is out of range; expected at most {LONGEST_NUMBER} digits: send it as text"
    return Rejected(Reason.INVALID_NUMBER, detail)


def _depth(tree: Any) -> int:
    """How many levels of objects and lists a tree has; counting ends past `DEEPEST`."""
    deepest, level = 0, [tree]
    while level and deepest <= DEEPEST:
        deepest += 1
        level = [child for each in level for child in _children(each) if isinstance(child, dict | list)]
    return deepest


def _leaves(tree: Any) -> Iterator[Any]:
    """Every value that is no object or list, and every key."""
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield from each
        if isinstance(each, dict | list):
            waiting.extend(_children(each))
        else:
            yield each


def _children(tree: Any) -> Any:
    if isinstance(tree, dict):
        return tree.values()
    return tree if isinstance(tree, list) else ()
