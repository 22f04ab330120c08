"""What is in quarantine: counts, pages of items, and one item with its history."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.sql import SQL

from cdp.ingest.kept import open_detail
from cdp.log.application import Log
from cdp.quarantine.decisions import actor_of
from cdp.quarantine.opening import Opened, Row, Unopened, open_rows, read_rows
from cdp.quarantine.selection import Place, Pool, Selection
from cdp.vault.vault import Vault

_COUNTS = SQL("""
select q.source_id, q.stage, q.reason, q.state, count(*), min(q.received_at), max(q.received_at)
from quarantine q
where {where}
group by q.source_id, q.stage, q.reason, q.state
order by q.source_id, count(*) desc, q.stage, q.reason, q.state
""")
_PAGE = SQL("""
select q.received_at, q.delivery_id, q.item, q.quarantine_id, q.source_id, q.stage, q.reason, q.state, q.plan,
    q.size, q.whole, q.mended is not null, q.sealed is not null, q.position, q.parent
from quarantine q
where {where}
order by q.received_at, q.delivery_id, q.item, q.quarantine_id
limit %(limit)s
""")
_STEPS = """
select step, at, what, stage, reason, plan, decision, sealed
from quarantine_step
where quarantine_id = %s
order by step
"""
_CHILDREN = """
select quarantine_id
from quarantine
where parent = %s
  and delivery_id = %s
order by item
"""


class Count(NamedTuple):
    """How many items of a source are in a state for a reason."""

    source_id: UUID
    stage: str
    reason: str
    state: str
    items: int
    first: datetime
    last: datetime


class Listed(NamedTuple):
    """An item as a list shows it. `mended`: other bytes wait for the replay; `kept`: its bytes are still there."""

    place: Place
    source_id: UUID
    stage: str
    reason: str
    state: str
    plan: int | None
    size: int | None
    whole: bool
    mended: bool
    kept: bool
    position: int | None
    parent: UUID | None


class Page(NamedTuple):
    """A part of a list; `after` is where the next begins, None at the end."""

    items: list[Listed]
    after: Place | None


class Line(NamedTuple):
    """One line of an item's history. `actor` and `detail` are None where there is none, or once they are erased."""

    step: int
    at: datetime
    what: str
    stage: str | None
    reason: str | None
    plan: int | None
    detail: str | None
    decision: UUID | None
    actor: str | None


class Shown(NamedTuple):
    """An item with its history; `opened` is None once its bytes are gone. `children` are those cut from a whole that
    are or were in quarantine themselves."""

    row: Row
    opened: Opened | None
    lines: list[Line]
    children: list[UUID]


def counts(pool: Pool, selection: Selection) -> list[Count]:
    """Counts by source, reason and state."""
    where, parameters = selection.where()
    with pool.connection() as connection:
        return [Count(*row) for row in connection.execute(_COUNTS.format(where=where), parameters)]


def page(pool: Pool, selection: Selection, limit: int, after: Place | None = None) -> Page:
    """The next items in the order in which they were received."""
    where, parameters = selection.where(after)
    with pool.connection() as connection:
        rows = connection.execute(_PAGE.format(where=where), parameters | {"limit": limit + 1}).fetchall()
    items = [Listed(Place(*row[:4]), *row[4:]) for row in rows[:limit]]
    return Page(items, items[-1].place if len(rows) > limit else None)


def show(pool: Pool, vault: Vault, log: Log, quarantine_id: UUID) -> Shown:
    """One item. Raises `Unopened`."""
    rows = read_rows(pool, [quarantine_id])
    if not rows:
        raise Unopened(quarantine_id)
    (row,) = rows
    (opened,) = open_rows(pool, vault, rows)
    with pool.connection() as connection:
        steps = connection.execute(_STEPS, (quarantine_id,)).fetchall()
        children = [each for (each,) in connection.execute(_CHILDREN, (quarantine_id, row.delivery_id))]
    first = Line(
        0,
        row.received_at,
        "held",
        row.first_stage or row.stage,
        row.first_reason or row.reason,
        None if row.first_reason else row.plan,
        opened.kept.detail if opened else None,
        None,
        None,
    )
    return Shown(row, opened, [first, *(_line(log, row, opened, *step) for step in steps)], children)


def _line(
    log: Log,
    row: Row,
    opened: Opened | None,
    step: int,
    at: datetime,
    what: str,
    stage: str | None,
    reason: str | None,
    plan: int | None,
    decision: UUID,
    sealed: bytes | None,
) -> Line:
    detail = None
    if sealed is not None and opened is not None:
        detail = open_detail(opened.key, row.quarantine_id, row.key_id, step, sealed)
    actor = actor_of(log.repository.get(decision))
    return Line(step, at, what, stage, reason, plan, detail, decision, actor)
