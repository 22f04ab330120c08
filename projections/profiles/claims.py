"""Claims: what touchpoints say about their person, one value of one attribute each."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from cdp.log.touchpoint import Touchpoint, Tree
from projections.attributes import attributes_of, stored


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
    if header.subject is None or not touchpoint.may_claim or not any(map(_has_traits, touchpoint.personal.values())):
        return []
    said = (header.source, header.id, touchpoint.position, header.occurred_at, header.effective_at, header.received_at)
    return [
        Claim(header.subject, attribute, stored(value), *said) for attribute, value in attributes_of(touchpoint.traits)
    ]


def _has_traits(tree: Tree) -> bool:
    """Looked at first, because putting the parts together is the dearer question."""
    return "traits" in tree or "traits" in tree.get("context", ())
