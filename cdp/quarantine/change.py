"""Changes to the bytes of held items: some fields set or taken out, or all of it replaced."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import msgspec

_decoder: msgspec.json.Decoder[Any] = msgspec.json.Decoder(float_hook=Decimal)
_encode = msgspec.json.Encoder(decimal_format="number").encode
_SEPARATOR = re.compile(r"(?<!\\)\.")

Container = dict[str, Any] | list[Any]


class Unfit(ValueError):
    """The change cannot be made to these bytes; the message says why, and shows no value of them."""


class Change(Protocol):
    """What is done to an item's bytes."""

    def apply(self, raw: bytes) -> bytes:
        """The bytes as they become. Raises `Unfit`."""

    def described(self) -> dict[str, Any]:
        """The change as its event keeps it."""


@dataclass(frozen=True)
class Patch:
    """Fields of a JSON object: each path of `assign` gets its value, each of `remove` is taken out.

    A path is names between dots, `properties.products.0.price`; a number is a place in a list, and a dot in a name is
    written as `\\.`. Objects on the way that are missing are made.
    """

    assign: Mapping[str, Any] = field(default_factory=dict)
    remove: Sequence[str] = ()

    def apply(self, raw: bytes) -> bytes:
        """The object with the change, numbers digit for digit as they were."""
        try:
            item = _decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise Unfit("the item is not JSON, so no field of it can be set; give its whole text instead") from None
        if not isinstance(item, dict):
            raise Unfit("the item is JSON but no object, so no field of it can be set; give its whole text instead")
        for path in self.remove:
            _remove(item, path)
        for path, value in self.assign.items():
            _assign(item, path, value)
        return _encode(item)

    def described(self) -> dict[str, Any]:
        """The paths with their values, as JSON texts."""
        assigned = {path: _encode(value).decode() for path, value in self.assign.items()}
        return {"set": assigned, "unset": list(self.remove)}


@dataclass(frozen=True)
class Replacement:
    """Other bytes in place of all."""

    raw: bytes

    def apply(self, raw: bytes) -> bytes:
        """The other bytes."""
        return self.raw

    def described(self) -> dict[str, Any]:
        """That the whole was replaced; by what is in the item's row."""
        return {"replaced": len(self.raw)}


def _assign(item: dict[str, Any], path: str, value: Any) -> None:
    *above, last = _keys(path)
    at: Container = item
    for key in above:
        below = _get(at, key, path)
        if below is None:
            below = {}
            _put(at, key, below, path)
        if not isinstance(below, dict | list):
            raise Unfit(f"{path} leads through a value that is neither object nor list; unset that one first")
        at = below
    _put(at, last, value, path)


def _remove(item: dict[str, Any], path: str) -> None:
    *above, last = _keys(path)
    at: Any = item
    for key in above:
        at = _get(at, key, path) if isinstance(at, dict | list) else None
    if isinstance(at, dict):
        at.pop(last, None)
    elif isinstance(at, list):
        index = _index(at, last, path)
        if index < len(at):
            del at[index]


def _get(at: Container, key: str, path: str) -> Any:
    if isinstance(at, dict):
        return at.get(key)
    index = _index(at, key, path)
    return at[index] if index < len(at) else None


def _put(at: Container, key: str, value: Any, path: str) -> None:
    if isinstance(at, dict):
        at[key] = value
        return
    index = _index(at, key, path)
    if index > len(at):
        raise Unfit(f"{path} is past the end of a list of {len(at)}; expected a place from 0 to {len(at)}")
    at[index : index + 1] = [value]


def _index(at: list[Any], key: str, path: str) -> int:
    if not key.isascii() or not key.isdigit():
        raise Unfit(f"{path} leads through a list of {len(at)}, where expected is a place such as 0, not a name")
    return int(key)


def _keys(path: str) -> list[str]:
    keys = [key.replace("\\.", ".") for key in _SEPARATOR.split(path)]
    if not all(keys):
        raise Unfit(f"{path!r} is no path; expected names between dots, such as properties.total")
    return keys
