"""Held items read back from their rows, opened in bulk, and made deliveries again in their first place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from cdp.ingest.cloudevents import BATCHED, STRUCTURED, divide
from cdp.ingest.delivery import CallType, Delivery
from cdp.ingest.kept import NOTHING_COMMON, Common, Kept, open_common, open_kept, open_mended
from cdp.ingest.split import Split, split
from cdp.registry import Credential, Registry
from cdp.sources.connector import connectors
from cdp.sources.connectors import cloudevents, segment
from cdp.sources.rejection import Reason, Rejected, Stage
from cdp.sources.source import Source
from cdp.vault.vault import Vault

REPLAYED = "replayed"
MENDED = "mended"

_ROWS = """
select q.quarantine_id, q.step, q.source_id, q.delivery_id, q.item, q.received_at, q.stage, q.reason, q.state,
    q.position, q.plan, q.whole, q.parent, q.size, q.first_stage, q.first_reason, d.credential_id,
    q.key_id, q.sealed, q.mended
from quarantine q
join delivery d using (delivery_id)
where q.quarantine_id = any(%s)
order by q.received_at, q.delivery_id, q.item, q.quarantine_id
"""
_COMMON = """
select delivery_id, key_id, sealed
from quarantine_common
where delivery_id = any(%s)
"""


class Row(NamedTuple):
    """An item of quarantine as its row has it."""

    quarantine_id: UUID
    step: int
    source_id: UUID
    delivery_id: UUID
    item: int
    received_at: datetime
    stage: str
    reason: str
    state: str
    position: int | None
    plan: int | None
    whole: bool
    parent: UUID | None
    size: int | None
    first_stage: str | None
    first_reason: str | None
    credential_id: str
    key_id: int
    sealed: bytes | None
    mended: bytes | None


class Opened(NamedTuple):
    """A row with its bytes. `mended` are those that take the first ones' place; `key` seals more of the same row."""

    row: Row
    key: bytes
    kept: Kept
    mended: bytes | None
    common: Common

    @property
    def raw(self) -> bytes:
        """The bytes as they would be taken in now."""
        return self.kept.raw if self.mended is None else self.mended


class Unopened(LookupError):
    """There is no such item."""

    def __init__(self, quarantine_id: UUID) -> None:
        super().__init__(f"no item of quarantine has the id {quarantine_id}; `cdp quarantine list` shows what there is")


def read_rows(pool: ConnectionPool[Connection[Any]], ids: Collection[UUID]) -> list[Row]:
    """The rows with these ids, in the order in which they were received."""
    with pool.connection() as connection, connection.cursor(binary=True) as cursor:
        return [Row(*row) for row in cursor.execute(_ROWS, (list(ids),), prepare=True)]


def open_rows(pool: ConnectionPool[Connection[Any]], vault: Vault, rows: Sequence[Row]) -> list[Opened | None]:
    """The items with their bytes; None for one whose bytes or key are gone."""
    deliveries = list({row.delivery_id for row in rows})
    with pool.connection() as connection, connection.cursor(binary=True) as cursor:
        sealed = cursor.execute(_COMMON, (deliveries,), prepare=True).fetchall()
    keys = vault.subject_keys({row.key_id for row in rows} | {key_id for _, key_id, _ in sealed})
    common = {
        delivery_id: open_common(key, delivery_id, key_id, content)
        for delivery_id, key_id, content in sealed
        if (key := keys[key_id]) is not None
    }
    return [_opened(row, keys, common) for row in rows]


def _opened(row: Row, keys: Mapping[int, bytes | None], common: Mapping[UUID, Common]) -> Opened | None:
    key = keys[row.key_id]
    if key is None or row.sealed is None:
        return None
    kept = open_kept(key, row.quarantine_id, row.key_id, row.sealed)
    mended = None if row.mended is None else open_mended(key, row.quarantine_id, row.key_id, row.mended)
    return Opened(row, key, kept, mended, common.get(row.delivery_id, NOTHING_COMMON))


class Restorer:
    """Makes an opened item the delivery that it was, or that it would have been with other bytes."""

    def __init__(self, registry: Registry, max_items: int) -> None:
        self._registry = registry
        self._max_items = max_items

    def delivery(self, opened: Opened, raw: bytes | None = None) -> Delivery:
        """The delivery, in its first place and time, of what is held now or of `raw`."""
        content = opened.raw if raw is None else raw
        return self._delivery(opened, content, self._split(opened, content), mended=raw is not None)

    def refused(self, opened: Opened, rejected: Rejected) -> Delivery:
        """The same, with no look at what it holds."""
        return self._delivery(opened, opened.raw, rejected, mended=False)

    def _split(self, opened: Opened, content: bytes) -> Split | Rejected:
        kept = opened.kept
        if kept.connector not in connectors():
            detail = f"this version has no connector {kept.connector!r}; install the version that has it, and replay"
            return Rejected(Reason.INTERNAL_ERROR, detail, Stage.PARSE)
        if not opened.row.whole:
            return Split([content], *opened.common)
        if kept.connector == cloudevents.CONNECTOR.name:
            media_type = BATCHED if content.lstrip().startswith(b"[") else STRUCTURED
            return divide([("content-type", media_type)], content, self._max_items).split
        return split(content, kept.call is not None, self._max_items)

    def _delivery(self, opened: Opened, content: bytes, found: Split | Rejected, *, mended: bool) -> Delivery:
        row, kept = opened.row, opened.kept
        return Delivery(
            row.delivery_id,
            Credential(self._source(row.source_id), row.credential_id),
            row.received_at,
            content,
            cast("CallType | None", kept.call),
            found,
            connectors().get(kept.connector, segment.CONNECTOR),
            first=row.item,
            flags=(MENDED, REPLAYED) if mended or opened.mended is not None else (REPLAYED,),
        )

    def _source(self, source_id: UUID) -> Source:
        source = self._registry.source(source_id)
        if source is None:
            self._registry.refresh()
            source = self._registry.source(source_id)
        assert source is not None, "a delivery's source is in the log before it"  # noqa: S101
        return source
