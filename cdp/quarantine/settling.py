"""Writing what became of held items: their rows and steps, their deliveries' entries, their sources' books.

Everything here runs in the transaction that appends what was accepted, under the log's lock, so nothing else changes
these rows meanwhile.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Cursor

from cdp.ingest.outcomes import SourceCounts
from cdp.quarantine.opening import Row
from cdp.sources.rejection import Rejected

COUNTS = SourceCounts._fields[1:]

_STANDING = """
select quarantine_id, step
from quarantine
where quarantine_id = any(%s)
  and state = 'held'
"""
_SETTLE = """
update quarantine as q
set state = n.state,
    step = q.step + 1,
    position = n.position,
    stage = coalesce(n.stage, q.stage),
    reason = coalesce(n.reason, q.reason),
    plan = case when n.reason is null then q.plan else n.plan end,
    first_stage = coalesce(q.first_stage, case when n.reason is not null then q.stage end),
    first_reason = coalesce(q.first_reason, case when n.reason is not null then q.reason end)
from unnest(%s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::text[], %s::int[])
    as n (quarantine_id, state, position, stage, reason, plan)
where q.quarantine_id = n.quarantine_id
"""
_STEPS = """
insert into quarantine_step (quarantine_id, step, what, stage, reason, plan, sealed, at, decision)
select *, %s::timestamptz, %s::uuid
from unnest(%s::uuid[], %s::int[], %s::text[], %s::text[], %s::text[], %s::int[], %s::bytea[])
"""
_ENTRIES = """
select delivery_id, items
from delivery
where delivery_id = any(%s)
"""
_SAVE_ENTRIES = """
update delivery
set received = %s,
    items = %s
where delivery_id = %s
"""
_SHIFT = f"""
update outcome_count
set {", ".join(f"{name} = {name} + %({name})s" for name in COUNTS)}
where source_id = %(source)s
"""


class Moved(Exception):
    """Another process settled or mended some of these items first: read them again."""


class Settled(NamedTuple):
    """What became of one held item: its new state, and the position or the reason that goes with it.

    `detail` is the sealed sentence of a new reason.
    """

    row: Row
    state: str
    position: int | None = None
    rejected: Rejected | None = None
    detail: bytes | None = None


class Step(NamedTuple):
    """One line of an item's history."""

    quarantine_id: UUID
    step: int
    what: str
    stage: str | None = None
    reason: str | None = None
    plan: int | None = None
    sealed: bytes | None = None


def check_standing(cursor: Cursor[Any], rows: Iterable[Row]) -> None:
    """Makes sure that all rows are held and as they were read. Raises `Moved`."""
    expected = {(row.quarantine_id, row.step) for row in rows}
    found = cursor.execute(_STANDING, ([quarantine_id for quarantine_id, _ in expected],), prepare=True).fetchall()
    if set(found) != expected:
        raise Moved


def write_states(cursor: Cursor[Any], settled: Sequence[Settled], decision: UUID, at: datetime) -> None:
    """Puts the new states into the items' rows and histories."""
    states, steps = [], []
    for row, state, position, rejected, detail in settled:
        why: tuple[str | None, str | None, int | None] = (None, None, None)
        if rejected is not None:
            why = (rejected.stage.value, rejected.reason.value, rejected.plan)
        states.append((row.quarantine_id, state, position, *why))
        steps.append(Step(row.quarantine_id, row.step + 1, state, *why, detail))
    cursor.execute(_SETTLE, _columns(states), prepare=True)
    write_steps(cursor, steps, decision, at)


def write_steps(cursor: Cursor[Any], steps: Sequence[Step], decision: UUID, at: datetime) -> None:
    """Adds lines to the histories of items."""
    cursor.execute(_STEPS, [at, decision, *_columns(steps)], prepare=True)


class Entries:
    """The entries of deliveries, of which some change."""

    def __init__(self, cursor: Cursor[Any], deliveries: Iterable[UUID]) -> None:
        self._cursor = cursor
        self._items: dict[UUID, list[int]] = dict(cursor.execute(_ENTRIES, (list(deliveries),), prepare=True))

    def put(self, delivery_id: UUID, item: int, entry: int) -> None:
        """Gives one item another entry."""
        self._items[delivery_id][item] = entry

    def replace(self, delivery_id: UUID, entries: list[int]) -> None:
        """Gives a delivery the entries of the items that were found in it now."""
        self._items[delivery_id] = entries

    def save(self) -> None:
        """Writes them back."""
        rows = [(len(items), items, delivery_id) for delivery_id, items in self._items.items()]
        self._cursor.executemany(_SAVE_ENTRIES, rows)


def shift_counts(cursor: Cursor[Any], shifts: Mapping[UUID, Mapping[str, int]]) -> None:
    """Moves items from one outcome to another in the books of their sources."""
    for source, shift in shifts.items():
        counts = dict.fromkeys(COUNTS, 0) | dict(Counter(shift))
        cursor.execute(_SHIFT, counts | {"source": source}, prepare=True)


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]
