"""Looking up what became of anything that was received: by its delivery and place there, or by its message id."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from cdp.ingest.quarantine import message_hash
from cdp.log.header import decode_header
from cdp.quarantine.selection import Pool
from cdp.vault.keyring import KeyRing

_DELIVERY = """
select source_id, credential_id, received_at, received, items
from delivery
where delivery_id = %s
"""
_HELD = """
select item, quarantine_id, state, reason
from quarantine
where delivery_id = %s
  and state <> 'split'
order by item, quarantine_id
"""
_WHOLE = """
select quarantine_id
from quarantine
where delivery_id = %s
  and state = 'split'
"""
_ACCEPTED = """
select e.position, e.header
from dedupe d
join event e using (position)
where d.message = %s
"""
_WITH_MESSAGE = """
select delivery_id, item, quarantine_id, state, reason, position
from quarantine
where source_id = %s
  and message = %s
order by received_at, delivery_id, item
"""
_OUTCOME_OF_STATE = {"held": "quarantined", "expired": "discarded"}


class NoDelivery(LookupError):
    """There is no such delivery, or no such item in it."""

    def __init__(self, delivery_id: UUID, item: int | None = None) -> None:
        place = f"delivery {delivery_id}" if item is None else f"item {item} of delivery {delivery_id}"
        super().__init__(f"there is no {place}; every touchpoint names its delivery, and `cdp quarantine list` others")


class ItemOutcome(NamedTuple):
    """What became of one item.

    `position` is that of the touchpoint, of a duplicate that of the first; `quarantine_id`, `state` and `reason` are
    there where it is or was in quarantine.
    """

    delivery_id: UUID
    item: int
    outcome: str
    position: int | None
    quarantine_id: UUID | None = None
    state: str | None = None
    reason: str | None = None


class DeliveryOutcome(NamedTuple):
    """A delivery with the outcome of each of its items. `split` is the whole that could not be split at first."""

    delivery_id: UUID
    source_id: UUID
    credential_id: str
    received_at: datetime
    received: int
    items: list[ItemOutcome]
    split: UUID | None


def delivery(pool: Pool, delivery_id: UUID) -> DeliveryOutcome:
    """What became of a delivery. Raises `NoDelivery`."""
    with pool.connection() as connection:
        row = connection.execute(_DELIVERY, (delivery_id,)).fetchone()
        if row is None:
            raise NoDelivery(delivery_id)
        held = {item: rest for item, *rest in connection.execute(_HELD, (delivery_id,))}
        whole = connection.execute(_WHOLE, (delivery_id,)).fetchone()
    source_id, credential_id, received_at, received, entries = row
    items = [_outcome(delivery_id, item, entry, held.get(item)) for item, entry in enumerate(entries)]
    split = whole[0] if whole else None
    return DeliveryOutcome(delivery_id, source_id, credential_id, received_at, received, items, split)


def item(pool: Pool, delivery_id: UUID, ordinal: int) -> ItemOutcome:
    """What became of one item of a delivery. Raises `NoDelivery`."""
    found = delivery(pool, delivery_id).items
    if not 0 <= ordinal < len(found):
        raise NoDelivery(delivery_id, ordinal)
    return found[ordinal]


def message(pool: Pool, keyring: KeyRing, source_id: UUID, message_id: str) -> list[ItemOutcome]:
    """The items with this message id: the touchpoint that has it, then those that are or were in quarantine.

    A duplicate that was never in quarantine is known by its delivery only.
    """
    hashed = message_hash(keyring, source_id, message_id)
    with pool.connection() as connection:
        stored = connection.execute(_ACCEPTED, (hashed,)).fetchone()
        held = connection.execute(_WITH_MESSAGE, (source_id, hashed)).fetchall()
    others = [
        ItemOutcome(delivery_id, ordinal, _OUTCOME_OF_STATE.get(state, state), position, quarantine_id, state, reason)
        for delivery_id, ordinal, quarantine_id, state, reason, position in held
    ]
    if stored is None:
        return others
    position, header = stored
    first = decode_header(header)
    if any(each.outcome == "accepted" and each.position == position for each in others):
        return others
    return [ItemOutcome(first.delivery, first.item, "accepted", position), *others]


def _outcome(delivery_id: UUID, ordinal: int, entry: int, held: list[Any] | None) -> ItemOutcome:
    if entry:
        outcome = "accepted" if entry > 0 else "duplicate"
        return ItemOutcome(delivery_id, ordinal, outcome, abs(entry), *(held or ()))
    if held is None:
        return ItemOutcome(delivery_id, ordinal, "unknown", None)
    return ItemOutcome(delivery_id, ordinal, _OUTCOME_OF_STATE.get(held[1], held[1]), None, *held)
