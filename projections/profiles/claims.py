"""Claims: what touchpoints say about their person, one value of one attribute each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg.types.json import Jsonb

from cdp.log.touchpoint import Touchpoint, Tree

LONGEST_ATTRIBUTE = 200
"""An attribute whose dotted name is longer makes no claim: an index could not hold it."""

_encode = msgspec.json.Encoder(decimal_format="number").encode


class Claim(NamedTuple):
    """One value of one attribute, as one touchpoint states it of its subject."""

    subject: int
    attribute: str
    value: Jsonb
    source: UUID
    event_id: str
    position: int
    occurred_at: datetime
    effective_at: datetime
    received_at: datetime


def claims_of(touchpoint: Touchpoint) -> list[Claim]:
    """The claims of a touchpoint's traits; none where it has no subject, or where its keys were destroyed."""
    header = touchpoint.header
    if header.subject is None or not any(map(_has_traits, touchpoint.personal.values())):
        return []
    said = (header.source, header.id, touchpoint.position, header.occurred_at, header.effective_at, header.received_at)
    return [
        Claim(header.subject, attribute, Jsonb(value, _encode), *said)
        for attribute, value in sorted(dict(flattened(touchpoint.traits)).items())
        if len(attribute) <= LONGEST_ATTRIBUTE
    ]


def _has_traits(tree: Tree) -> bool:
    """Looked at first, because putting the parts together is the dearer question."""
    return "traits" in tree or "traits" in tree.get("context", ())


def flattened(traits: Tree, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a tree under dotted names. A list is a value of its own, and so are an empty table and null."""
    for name, value in traits.items():
        if value and isinstance(value, dict):
            yield from flattened(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
