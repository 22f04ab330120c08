"""A delivery: what one request, webhook or file chunk brought, and what became of each of its items."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from cdp.ingest.split import Split
from cdp.registry import Credential
from cdp.sources.connector import Connector
from cdp.sources.connectors.segment import CONNECTOR
from cdp.sources.rejection import Rejected

CallType = Literal["identify", "track", "page", "screen", "group", "alias"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """Authenticated bytes and the items that the splitter found in them, or why it found none.

    `call` is the type of a call that comes alone; None for a batch. `first` is the ordinal of its first item, and
    `flags` are put on every touchpoint made of it: an item that is replayed keeps its place in the delivery it came in.
    """

    delivery_id: UUID
    credential: Credential
    received_at: datetime
    body: bytes
    call: CallType | None
    split: Split | Rejected
    connector: Connector = CONNECTOR
    first: int = 0
    flags: tuple[str, ...] = ()

    @property
    def received(self) -> int:
        """How many items came; what cannot be split counts as one."""
        return 1 if isinstance(self.split, Rejected) else len(self.split.items)

    def raw(self, item: int) -> bytes:
        """The bytes of one item; of what cannot be split, all."""
        return self.body if isinstance(self.split, Rejected) else self.split.items[item]


class ItemResult(NamedTuple):
    """The outcome of one item. `position` is where it, or the first of its kind, is stored; 0 in quarantine."""

    outcome: Literal["accepted", "duplicate", "quarantined"]
    position: int
    rejected: Rejected | None = None


class Receipt(NamedTuple):
    """What became of a delivery, item by item, once it is committed."""

    items: list[ItemResult]

    @property
    def rejections(self) -> list[tuple[int, Rejected]]:
        """The items that went to quarantine, by their ordinal."""
        return [(at, item.rejected) for at, item in enumerate(self.items) if item.rejected is not None]


def new_delivery_id() -> UUID:
    """A random id that rises with time (UUID version 7), so that its index grows at one end."""
    milliseconds = time.time_ns() // 1_000_000
    value = int.from_bytes(milliseconds.to_bytes(6, "big") + os.urandom(10), "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    return UUID(int=value & ~(0x3 << 62) | 0x2 << 62)
