"""Giving held items up: discarding by decision, and expiry of bytes that were kept long enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg import Cursor

from cdp.ingest.delivery import new_delivery_id
from cdp.log.application import Log
from cdp.quarantine import decisions
from cdp.quarantine.recording import Decided
from cdp.quarantine.replay import Interrupted, Progress
from cdp.quarantine.selection import HELD, Pool, Selection, count, walk
from cdp.quarantine.settling import Step, shift_counts, write_steps

_AWAY = (OperationalError, psycopg.OperationalError, psycopg.InternalError)
CHUNK_ITEMS = 5_000
_EVERY_SIZE = 2**62

DISCARDED, EXPIRED = "discarded", "expired"

_GIVE_UP = """
update quarantine
set state = %(state)s,
    step = step + 1
where quarantine_id = any(%(ids)s)
  and state = 'held'
returning quarantine_id, step, source_id
"""
_LINE = """
update quarantine
set step = step + 1
where quarantine_id = any(%(ids)s)
  and state <> 'held'
  and sealed is not null
returning quarantine_id, step
"""
_ERASE = """
update quarantine
set sealed = null,
    mended = null
where quarantine_id = any(%(ids)s)
returning delivery_id
"""
_ERASE_DETAILS = """
update quarantine_step
set sealed = null
where quarantine_id = any(%(ids)s)
  and sealed is not null
"""
_ERASE_COMMON = """
delete from quarantine_common c
where c.delivery_id = any(%(deliveries)s)
  and not exists (select from quarantine q where q.delivery_id = c.delivery_id and q.sealed is not null)
"""


class Removed(NamedTuple):
    """How many held items were given up, and of how many others the bytes were destroyed."""

    decision: UUID | None
    held: int
    settled: int


def discard(
    pool: Pool,
    log: Log,
    selection: Selection,
    *,
    why: str,
    actor: str,
    erase: bool = False,
    progress: Progress = lambda done, of: None,
) -> Removed:
    """Discards the held items that are meant. Their bytes stay until they expire, unless they are erased now."""
    meant = replace(selection.held(), stored_before=new_delivery_id())
    matching = count(pool, meant)
    told = selection.described()
    decided = Decided(log, decisions.Discard(selection=told, matching=matching, erased=erase, why=why, actor=actor))
    done = 0
    for chunk in walk(pool, meant, items=CHUNK_ITEMS, size=_EVERY_SIZE, unsized=0):
        try:
            with decided.recording() as writer:
                done += _give_up(writer.cursor, chunk.ids, DISCARDED, decided, writer.recorded_at)
                if erase:
                    _erase(writer.cursor, chunk.ids)
        except _AWAY as error:
            raise Interrupted("discarded", done, matching) from error
        progress(done, matching)
    return Removed(decided.id if decided.recorded else None, done, 0)


def expire(pool: Pool, log: Log, until: datetime, *, actor: str, progress: Progress = lambda done, of: None) -> Removed:
    """Destroys the bytes of everything received before `until`; what of it is held is discarded with that."""
    meant = Selection(until=until, state=None, sealed=True)
    matching, held = count(pool, meant), count(pool, meant.held())
    decided = Decided(log, decisions.Expiry(until=until, held=held, settled=matching - held, actor=actor))
    done: Counter[str] = Counter()
    for chunk in walk(pool, meant, items=CHUNK_ITEMS, size=_EVERY_SIZE, unsized=0):
        try:
            with decided.recording() as writer:
                at = writer.recorded_at
                done["settled"] += _mark(writer.cursor, chunk.ids, decided, at)
                done[HELD] += _give_up(writer.cursor, chunk.ids, EXPIRED, decided, at)
                _erase(writer.cursor, chunk.ids)
        except _AWAY as error:
            raise Interrupted("expired", done.total(), matching) from error
        progress(done.total(), matching)
    return Removed(decided.id if decided.recorded else None, done[HELD], done["settled"])


def _give_up(cursor: Cursor[Any], ids: Sequence[UUID], state: str, decided: Decided, at: datetime) -> int:
    """Moves what is held of these from quarantined to discarded."""
    rows = cursor.execute(_GIVE_UP, {"ids": list(ids), "state": state}, prepare=True).fetchall()
    if not rows:
        return 0
    write_steps(cursor, [Step(quarantine_id, step, state) for quarantine_id, step, _ in rows], decided.id, at)
    sources = Counter(source for _, _, source in rows)
    shift_counts(cursor, {source: {"quarantined": -n, "discarded": n} for source, n in sources.items()})
    return len(rows)


def _mark(cursor: Cursor[Any], ids: Sequence[UUID], decided: Decided, at: datetime) -> int:
    """Writes into the history of what is no longer held that its bytes go."""
    rows = cursor.execute(_LINE, {"ids": list(ids)}, prepare=True).fetchall()
    if rows:
        write_steps(cursor, [Step(quarantine_id, step, EXPIRED) for quarantine_id, step in rows], decided.id, at)
    return len(rows)


def _erase(cursor: Cursor[Any], ids: Sequence[UUID]) -> None:
    """Destroys the bytes of these items, and what their deliveries say for all once no item of them has any."""
    rows = cursor.execute(_ERASE, {"ids": list(ids)}, prepare=True).fetchall()
    cursor.execute(_ERASE_DETAILS, {"ids": list(ids)}, prepare=True)
    cursor.execute(_ERASE_COMMON, {"deliveries": list({delivery for (delivery,) in rows})}, prepare=True)
