"""Decoding one item, with the checks that hold for every connector."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from cdp.sources.rejection import Reason, Rejected

DEEPEST = 32
Tree = dict[str, Any]

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_canonical = msgspec.json.Encoder(decimal_format="number", order="sorted").encode
_TRANSPORT = ("sentAt", "writeKey")


def decode_item(data: bytes, max_bytes: int) -> Tree:
    """The item as a tree; numbers with a fraction are exact. Raises `Rejected`."""
    if len(data) > max_bytes:
        raise Rejected(Reason.TOO_LARGE, f"the item has {len(data)} bytes; expected at most {max_bytes}")
    try:
        item = _decoder.decode(data)
    except (UnicodeDecodeError, UnicodeEncodeError):
        raise Rejected(Reason.INVALID_TEXT, "the item is not UTF-8; send text as UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except msgspec.DecodeError:
        raise _undecodable(data) from None
    if not isinstance(item, dict):
        raise Rejected(Reason.NOT_AN_OBJECT, "the item is not an object; expected a call such as track or identify")
    if data.count(b"{") + data.count(b"[") > DEEPEST and depth(item) > DEEPEST:
        raise _too_deep()
    if b"\\u0000" in data and _has_nul(item):
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


def depth(tree: Any) -> int:
    """How many levels of objects and lists a tree has; counting ends past `DEEPEST`."""
    deepest, level = 0, [tree]
    while level and deepest <= DEEPEST:
        deepest += 1
        level = [child for each in level for child in _children(each) if isinstance(child, dict | list)]
    return deepest


def _has_nul(tree: Any) -> bool:
    waiting = [tree]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and "\x00" in each:
            return True
        if isinstance(each, dict):
            waiting.extend(each)
        waiting.extend(_children(each))
    return False


def _children(tree: Any) -> Any:
    if isinstance(tree, dict):
        return tree.values()
    return tree if isinstance(tree, list) else ()
