"""The books of ingest: one row a delivery, and for each source how much was received and what became of it.

`received` comes from the splitter and the outcomes from the code that judges, so that an item lost between the two
shows as an equation that does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection, Cursor
from psycopg_pool import ConnectionPool

from cdp.ingest.delivery import Delivery, ItemResult, Receipt

OUTCOMES = ("accepted", "duplicate", "quarantined", "suppressed", "discarded")

_DELIVERIES = """
copy delivery (delivery_id, source_id, credential_id, received_at, received, items)
from stdin (format binary)
"""
_COUNT = """
insert into outcome_count as c (source_id, received, accepted, duplicate, quarantined)
values (%s, %s, %s, %s, %s)
on conflict (source_id) do update
set received = c.received + excluded.received,
    accepted = c.accepted + excluded.accepted,
    duplicate = c.duplicate + excluded.duplicate,
    quarantined = c.quarantined + excluded.quarantined
"""
_READ = """
select source_id, received, accepted, duplicate, quarantined, suppressed, discarded
from outcome_count
"""


class SourceCounts(NamedTuple):
    """How much a source delivered and what became of it."""

    source_id: UUID
    received: int
    accepted: int
    duplicate: int
    quarantined: int
    suppressed: int
    discarded: int

    @property
    def balanced(self) -> bool:
        """Whether everything received has an outcome."""
        return self.received == sum(self[2:])


class Booked(NamedTuple):
    """A delivery, which knows how many items the splitter counted, and its receipt."""

    delivery: Delivery
    receipt: Receipt


def book(cursor: Cursor[Any], booked: Sequence[Booked]) -> None:
    """Writes the books of these deliveries in the caller's transaction."""
    with cursor.copy(_DELIVERIES) as copy:
        copy.set_types(["uuid", "uuid", "text", "timestamptz", "int4", "int8[]"])
        for delivery, receipt in booked:
            credential = delivery.credential
            place = (delivery.delivery_id, credential.source.id, credential.credential_id, delivery.received_at)
            entries = [entry(item) for item in receipt.items]
            copy.write_row((*place, delivery.received, entries))
    for source_id, counts in _sums(booked).items():
        values = [counts[name] for name in ("received", "accepted", "duplicate", "quarantined")]
        cursor.execute(_COUNT, [source_id, *values], prepare=True)


def read_counts(pool: ConnectionPool[Connection[Any]]) -> list[SourceCounts]:
    """The counts of all sources that ever delivered."""
    with pool.connection() as connection:
        return [SourceCounts(*row) for row in connection.execute(_READ)]


def entry(item: ItemResult) -> int:
    """What the delivery's row says of an item: its position, minus that of the first of its kind, or 0."""
    return -item.position if item.outcome == "duplicate" else item.position


def _sums(booked: Iterable[Booked]) -> dict[UUID, Counter[str]]:
    sums: dict[UUID, Counter[str]] = {}
    for delivery, receipt in booked:
        counts = sums.setdefault(delivery.credential.source.id, Counter())
        counts["received"] += delivery.received
        counts.update(item.outcome for item in receipt.items)
    return sums
