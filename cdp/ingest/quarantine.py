"""Quarantine: whatever was authenticated but not accepted, its bytes kept and encrypted, with stage and reason."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID, uuid5

from psycopg import Cursor

from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.ingest.item import decode_item
from cdp.ingest.kept import Common, Kept, encode_common, open_kept, seal_common, seal_kept
from cdp.sources.rejection import Reason, Rejected, Stage
from cdp.vault.keyring import KeyRing
from cdp.vault.subjects import Subject, SubjectOf
from cdp.vault.vault import Vault

HASH_BYTES = 16

_STORE = """
insert into quarantine (
    quarantine_id, source_id, delivery_id, item, received_at, stage, reason, key_id, sealed,
    plan, whole, parent, message, size
)
select *
from unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::timestamptz[], %s::text[], %s::text[], %s::bigint[],
    %s::bytea[], %s::int[], %s::boolean[], %s::uuid[], %s::bytea[], %s::int[]
)
"""
_STORE_COMMON = """
insert into quarantine_common (delivery_id, key_id, size, sealed)
values (%s, %s, %s, %s)
on conflict do nothing
"""
_UNREADABLE = frozenset(
    {
        *(Reason.MALFORMED_JSON, Reason.NOT_AN_OBJECT, Reason.TOO_LARGE, Reason.TOO_DEEP, Reason.INVALID_TEXT),
        *(Reason.INVALID_MESSAGE_ID, Reason.INTERNAL_ERROR),
    }
)
"""Reasons for which no message id is looked for: decoding the item again would fail, or might."""


class Held(NamedTuple):
    """One item on its way to quarantine: its place among the delivery's items, and why. `parent` is the held whole
    that it was cut from, where that was mended."""

    delivery: Delivery
    at: int
    rejected: Rejected
    parent: UUID | None = None


def ready(vault: Vault, deliveries: Iterable[Delivery]) -> None:
    """Has the vault make the keys that `store` may need, before the log's lock is held."""
    vault.subjects({_day(each) for each in deliveries})


def store(cursor: Cursor[Any], vault: Vault, held: Sequence[Held]) -> None:
    """Writes the items in the caller's transaction, each under its source's key of the day it was received."""
    if not held:
        return
    keys = vault.subjects({_day(each.delivery) for each in held})
    rows = [_row(vault.keyring, each, keys[_day(each.delivery)]) for each in held]
    cursor.execute(_STORE, [list(column) for column in zip(*rows, strict=True)])
    for delivery in {each.delivery.delivery_id: each.delivery for each in held}.values():
        _store_common(cursor, delivery, keys[_day(delivery)])


def reveal(vault: Vault, quarantine_id: UUID, key_id: int, sealed: bytes) -> tuple[str, bytes] | None:
    """The sentence about what was wrong at first, and the bytes as received; None once the key is destroyed."""
    key = vault.subject_keys([key_id])[key_id]
    if key is None:
        return None
    kept = open_kept(key, quarantine_id, key_id, sealed)
    return kept.detail, kept.raw


def message_hash(keyring: KeyRing, source: UUID, message_id: str) -> bytes:
    """The keyed hash by which a source's message id is known."""
    return keyring.keyed_hash("message", source.bytes, message_id.encode())[:HASH_BYTES]


def _row(keyring: KeyRing, held: Held, key: Subject) -> tuple[Any, ...]:
    delivery, rejected = held.delivery, held.rejected
    raw = delivery.raw(held.at)
    quarantine_id = new_delivery_id()
    whole = isinstance(delivery.split, Rejected)
    message_id = None if whole else _message_id(delivery, raw, rejected)
    kept = Kept(raw, rejected.detail, delivery.connector.name, delivery.call)
    return (
        quarantine_id,
        delivery.credential.source.id,
        delivery.delivery_id,
        delivery.first + held.at,
        delivery.received_at,
        rejected.stage.value,
        rejected.reason.value,
        key.key_id,
        seal_kept(key.key, quarantine_id, key.key_id, kept),
        rejected.plan,
        whole,
        held.parent,
        None if message_id is None else message_hash(keyring, delivery.credential.source.id, message_id),
        len(raw),
    )


def _store_common(cursor: Cursor[Any], delivery: Delivery, key: Subject) -> None:
    if isinstance(delivery.split, Rejected):
        return
    common = Common(delivery.split.defaults, delivery.split.sent_at, delivery.split.defaults_size)
    if common:
        encoded = encode_common(common)
        sealed = seal_common(key.key, delivery.delivery_id, key.key_id, encoded)
        cursor.execute(_STORE_COMMON, (delivery.delivery_id, key.key_id, len(encoded), sealed), prepare=True)


def _message_id(delivery: Delivery, raw: bytes, rejected: Rejected) -> str | None:
    """The item's message id as far as it can be read although the item cannot be accepted."""
    if rejected.reason in _UNREADABLE or rejected.stage is Stage.SPLIT:
        return None
    item: dict[str, Any] = {}
    try:
        item = decode_item(raw, len(raw))
        return delivery.connector.read(item, delivery.call).message_id
    except Rejected:
        found = item.get("messageId")
        return found if isinstance(found, str) and found else None


def _day(delivery: Delivery) -> SubjectOf:
    """The key of the source's quarantine of the day on which the delivery was received: no other data is under it."""
    received_at: datetime = delivery.received_at
    return SubjectOf((), uuid5(delivery.credential.source.id, "quarantine"), received_at.date())
