"""The touchpoint: what one event of the log says, in the clear and in the encrypted parts.

An event is stored as three parts. The *header* is clear and names nobody: keyed hashes, numbers, times. *Business* is
clear and holds facts that name nobody: amounts, product lines, campaign. *Personal* is one encrypted blob for each
field class present. The personal and business trees together have the shape of the item that the source sent, each
leaf in exactly one of them, so merging them gives the item back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from cdp.identity.identifier import SELF, Sighting

TOPIC = "touchpoint.v1"
UNKNOWN_NAME = "(unknown)"

CONTACT = "contact"
CONTENT = "content"
TECHNICAL = "technical"
RAW = "raw"

Tree = dict[str, Any]


class Keys(msgspec.Struct, frozen=True):
    """Which vault keys open the personal part: the subject key's id, and a period key's id for each class."""

    subject: int
    period: dict[str, int]


class SealedUnder(msgspec.Struct, frozen=True):
    """The part of a header that says how to unseal the personal part: quicker to read where nothing else is asked."""

    id: str
    keys: Keys
    flags: tuple[str, ...] = ()


class Header(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The clear part that says what came when, from which source, about which subject.

    All times are aware and in UTC. `occurred_at` is corrected for the sender's clock. `message` and `raw_digest` are
    hexadecimal: a keyed hash of the message id, and a salted SHA-256 of the bytes received.
    """

    id: str
    source: UUID
    connector: str
    connector_version: int
    credential: str
    delivery: UUID
    item: int
    message: str
    type: str
    name: str
    channel: str
    brand: str | None = None
    occurred_at: datetime
    sent_at: datetime | None = None
    received_at: datetime
    identifiers: tuple[Sighting, ...] = ()
    subject: int | None = None
    keys: Keys
    raw_digest: str
    plan: int | None = None
    flags: tuple[str, ...] = ()

    @property
    def effective_at(self) -> datetime:
        """When this counts: the time it happened, but never after it was received."""
        return self.occurred_at if self.occurred_at <= self.received_at else self.received_at

    def numbers(self, role: str = SELF) -> tuple[int, ...]:
        """The vault's numbers of the identifiers with this role, sorted."""
        return tuple(sorted([sighting.number for sighting in self.identifiers if sighting.role == role]))


class Touchpoint(msgspec.Struct, frozen=True, gc=False):
    """A touchpoint as read back from the log, its personal part opened as far as its keys still exist.

    `personal` maps a field class to its tree. `withheld` names the classes that can no longer be read, because a key
    was destroyed or the part was redacted. Where `may_claim` is not set no personal part has traits.
    """

    position: int
    recorded_at: datetime
    header: Header
    business: Tree
    personal: Mapping[str, Tree]
    withheld: frozenset[str] = frozenset()
    may_claim: bool = True

    def section(self, *path: str) -> Tree:
        """The object at `path` of the original item, put together from all parts that can be read; {} if absent."""
        merged: Tree = {}
        for part in (self.business, *self.personal.values()):
            found: Any = part
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if isinstance(found, dict):
                merged = merge(merged, found)
        return merged

    @property
    def traits(self) -> Tree:
        """What the touchpoint claims about its person: `traits`, over `context.traits`.

        The `traits` of a group call describe the account, not the person.
        """
        own = {} if self.header.type == "group" else self.section("traits")
        return {**self.section("context", "traits"), **own}


def merge(left: Any, right: Any) -> Any:
    """Lays two trees over each other; their leaves are disjoint, so no value is ever in conflict.

    Lists are laid over each other element by element; `None` at the place of an element means «not in this part» and
    yields to the other side.
    """
    if isinstance(left, dict) and isinstance(right, dict):
        merged = dict(left)
        for key, value in right.items():
            merged[key] = merge(merged[key], value) if key in merged else value
        return merged
    if isinstance(left, list) and isinstance(right, list):
        longer, shorter = (left, right) if len(left) >= len(right) else (right, left)
        return [merge(a, b) for a, b in zip(longer, shorter, strict=False)] + longer[len(shorter) :]
    return right if left is None else left
