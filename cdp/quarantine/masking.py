"""Held bytes as they may be shown to whoever may not see personal data: their shape, without their values."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import msgspec

from cdp.ingest.catalogue import EVENTS
from cdp.sources.specification import TYPES

LONGEST_KEY = 60

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_KEY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$ -]*")
_CLEAR = {"type": frozenset(TYPES), "event": frozenset(EVENTS)}


def masked(raw: bytes) -> Any:
    """The tree that the bytes hold, with every text and number replaced by what it is.

    Left are truth values, null, the type of call and the name of an event that is declared. Bytes that are not JSON
    are told by their number.
    """
    try:
        tree = _decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return f"‹{len(raw)} bytes that are not JSON›"
    return _masked(tree)


def _masked(tree: Any, key: str = "") -> Any:
    if isinstance(tree, dict):
        return {_key(name): _masked(value, name) for name, value in tree.items()}
    if isinstance(tree, list):
        return [_masked(value) for value in tree]
    if isinstance(tree, str):
        return tree if tree in _CLEAR.get(key, ()) else f"‹text of {len(tree)}›"
    return tree if isinstance(tree, bool | None) else "‹number›"


def _key(name: str) -> str:
    return name if len(name) <= LONGEST_KEY and _KEY.fullmatch(name) else f"‹name of {len(name)}›"
