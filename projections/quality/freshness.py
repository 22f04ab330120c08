"""When a source was last heard of, and which delivery that was."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from cdp.log.touchpoint import Header
from projections.contract import Connected

_LAST = """
select source, last_delivery
from {schema}.sources
where source = any(%s)
"""
_WRITE = """
insert into {schema}.sources as present
    (source, touchpoints, first_received, last_received, last_occurred, last_delivery)
select * from unnest(%s::uuid[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::uuid[])
on conflict (source) do update
set touchpoints = present.touchpoints + excluded.touchpoints,
    first_received = least(present.first_received, excluded.first_received),
    last_received = greatest(present.last_received, excluded.last_received),
    last_occurred = greatest(present.last_occurred, excluded.last_occurred),
    last_delivery = excluded.last_delivery
"""


class Freshness(NamedTuple):
    """What a batch says of one source. `last_occurred` is the latest effective time."""

    source: UUID
    touchpoints: int
    first_received: datetime
    last_received: datetime
    last_occurred: datetime
    last_delivery: UUID


def freshness_of(headers: Sequence[Header]) -> Freshness:
    """What the headers of one source's touchpoints say, which are in the order of the log."""
    received = [header.received_at for header in headers]
    occurred = max(header.effective_at for header in headers)
    last = headers[-1]
    return Freshness(last.source, len(headers), min(received), max(received), occurred, last.delivery)


def last_deliveries(connection: Connected, schema: str, sources: Collection[UUID]) -> dict[UUID, UUID]:
    """The last delivery of each of these sources that was heard of before."""
    return dict(connection.execute(_LAST.format(schema=schema).encode(), [list(sources)]).fetchall())


def write_freshness(connection: Connected, schema: str, seen: Sequence[Freshness]) -> None:
    """Brings the table up to what a batch says."""
    columns = [list(column) for column in zip(*sorted(seen), strict=True)]
    connection.execute(_WRITE.format(schema=schema).encode(), columns, prepare=True)
