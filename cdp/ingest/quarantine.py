"""Quarantine: whatever was authenticated but not accepted, its bytes kept and encrypted, with stage and reason."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from psycopg import Cursor

from cdp.ingest.delivery import Delivery, new_delivery_id
from cdp.sources.rejection import Rejected
from cdp.vault.sealing import seal, unseal
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault

QUARANTINE = "quarantine"

_STORE = """
insert into quarantine (quarantine_id, source_id, delivery_id, item, received_at, stage, reason, key_id, sealed)
select * from unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::int[], %s::timestamptz[], %s::text[], %s::text[], %s::bigint[], %s::bytea[]
)
"""


class Held(NamedTuple):
    """One item on its way to quarantine."""

    source: UUID
    delivery_id: UUID
    item: int
    received_at: datetime
    raw: bytes
    rejected: Rejected


def ready(vault: Vault, deliveries: Iterable[Delivery]) -> None:
    """Has the vault make the keys that `store` may need, before the log's lock is held."""
    vault.subjects({_day(each.credential.source.id, each.received_at) for each in deliveries})


def store(cursor: Cursor[Any], vault: Vault, held: Sequence[Held]) -> None:
    """Writes the items in the caller's transaction, each under its source's key of the day it was received."""
    if not held:
        return
    keys = vault.subjects({_day(each.source, each.received_at) for each in held})
    rows = []
    for each in held:
        subject = keys[_day(each.source, each.received_at)]
        quarantine_id = new_delivery_id()
        content = msgspec.json.encode({"detail": each.rejected.detail}) + b"\n" + each.raw
        sealed = seal(subject.key, (), QUARANTINE, zlib.compress(content, 1), _bound(quarantine_id, subject.key_id))
        rows.append(
            (
                quarantine_id,
                each.source,
                each.delivery_id,
                each.item,
                each.received_at,
                each.rejected.stage.value,
                each.rejected.reason.value,
                subject.key_id,
                sealed,
            )
        )
    cursor.execute(_STORE, [list(column) for column in zip(*rows, strict=True)])


def reveal(vault: Vault, quarantine_id: UUID, key_id: int, sealed: bytes) -> tuple[str, bytes] | None:
    """The sentence about what was wrong, and the bytes as received; None once the key is destroyed."""
    key = vault.subject_keys([key_id])[key_id]
    if key is None:
        return None
    content = zlib.decompress(unseal(key, (), QUARANTINE, sealed, _bound(quarantine_id, key_id)))
    head, _, raw = content.partition(b"\n")
    return msgspec.json.decode(head)["detail"], raw


def _day(source: UUID, received_at: datetime) -> SubjectOf:
    return SubjectOf((), source, received_at.date())


def _bound(quarantine_id: UUID, key_id: int) -> bytes:
    return f"quarantine|{quarantine_id}|{key_id}".encode()
