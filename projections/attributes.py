"""Attributes: the leaves of a tree of traits, each under a dotted name, and their values as rows keep them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from psycopg.types.json import Jsonb

from cdp.log.touchpoint import Tree

LONGEST_ATTRIBUTE = 200
"""An attribute whose dotted name is longer makes no claim: an index could not hold it."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


def attributes_of(traits: Tree) -> list[tuple[str, Any]]:
    """The attributes of a tree with their values, in the order of names. A list is a value of its own, and so are an
    empty table and null."""
    found = dict(_flattened(traits))
    return [(name, found[name]) for name in sorted(found) if len(name) <= LONGEST_ATTRIBUTE]


def stored(value: Any) -> Jsonb:
    """A value as a row keeps it: numbers as they were sent, to the last digit."""
    return Jsonb(value, _encode)


def _flattened(traits: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in traits.items():
        if value and isinstance(value, dict):
            yield from _flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
