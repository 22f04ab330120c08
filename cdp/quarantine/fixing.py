"""Mending held items: what the reader would say of other bytes, and storing them beside the first ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import OperationalError
from psycopg import Cursor

from cdp.ingest.delivery import new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.kept import seal_mended
from cdp.ingest.reading import Reading
from cdp.log.application import Log
from cdp.quarantine import decisions
from cdp.quarantine.change import Change, Unfit
from cdp.quarantine.opening import Opened, Restorer, Unopened, open_rows, read_rows
from cdp.quarantine.recording import Decided
from cdp.quarantine.replay import CHUNK_BYTES, CHUNK_ITEMS, Interrupted, Progress
from cdp.quarantine.selection import HELD, Pool, Selection, count, walk
from cdp.quarantine.settling import Moved, Step, check_standing, write_steps
from cdp.sources.rejection import Rejected
from cdp.vault.vault import Vault

_AWAY = (OperationalError, psycopg.OperationalError, psycopg.InternalError)
_ATTEMPTS = 10

FIXED, UNFIT, UNREADABLE = "fixed", "unfit", "unreadable"

_MEND = """
update quarantine as q
set mended = n.mended,
    step = q.step + 1
from unnest(%s::uuid[], %s::bytea[]) as n (quarantine_id, mended)
where q.quarantine_id = n.quarantine_id
"""


class Verdict(NamedTuple):
    """What the reader says of one item's new bytes: for each item in them (one, but for a mended whole) a reading or
    why there is none. Whether a message id is known already only the log says, at the replay."""

    quarantine_id: UUID
    raw: bytes
    items: list[Reading | Rejected]

    @property
    def rejections(self) -> list[Rejected]:
        """Why items of it would go to quarantine again."""
        return [each for each in self.items if isinstance(each, Rejected)]


class NotHeld(Exception):
    """The item has an outcome already, or its bytes are gone."""

    def __init__(self, quarantine_id: UUID, state: str) -> None:
        super().__init__(f"item {quarantine_id} cannot be mended: it is {state}; expected one that is held")


class Fixed(NamedTuple):
    """How many got other bytes, how many the change does not fit, and how many cannot be read any more."""

    decision: UUID | None
    matching: int
    outcomes: Counter[str]


class Fixer:
    """Judges and stores changes."""

    def __init__(self, pool: Pool, vault: Vault, log: Log, intake: Intake, restorer: Restorer, unsized: int) -> None:
        self._pool = pool
        self._vault = vault
        self._log = log
        self._intake = intake
        self._restorer = restorer
        self._unsized = unsized

    def opened(self, quarantine_id: UUID) -> Opened:
        """A held item with its bytes. Raises `Unopened` and `NotHeld`."""
        rows = read_rows(self._pool, [quarantine_id])
        if not rows:
            raise Unopened(quarantine_id)
        if rows[0].state != HELD:
            raise NotHeld(quarantine_id, rows[0].state)
        (found,) = open_rows(self._pool, self._vault, rows)
        if found is None:
            raise NotHeld(quarantine_id, "no longer readable")
        return found

    def verdict(self, quarantine_id: UUID, change: Change) -> Verdict:
        """What the reader says of the item once changed. Stores nothing. Raises `Unfit` too."""
        opened = self.opened(quarantine_id)
        return self._verdict(opened, change.apply(opened.raw))

    def verdicts(self, selection: Selection, change: Change, limit: int) -> list[Verdict | Unfit]:
        """The same of the first items that are meant."""
        found: list[Verdict | Unfit] = []
        for chunk in walk(self._pool, selection.held(), items=limit, size=CHUNK_BYTES, unsized=self._unsized):
            for opened in self._readable(chunk.ids)[0]:
                try:
                    found.append(self._verdict(opened, change.apply(opened.raw)))
                except Unfit as unfit:
                    found.append(unfit)
            break
        return found

    def fix(
        self,
        selection: Selection,
        change: Change,
        *,
        actor: str,
        progress: Progress = lambda done, of: None,
    ) -> Fixed:
        """Gives the held items that are meant other bytes; the first ones stay. What it does not fit stays as it is."""
        meant = replace(selection.held(), stored_before=new_delivery_id())
        matching = count(self._pool, meant)
        outcomes: Counter[str] = Counter()
        fix = decisions.Fix(selection=selection.described(), matching=matching, change=change.described(), actor=actor)
        decided = Decided(self._log, fix)
        done = 0
        for chunk in walk(self._pool, meant, items=CHUNK_ITEMS, size=CHUNK_BYTES, unsized=self._unsized):
            try:
                outcomes += self._chunk(chunk.ids, change, decided)
            except _AWAY as error:
                raise Interrupted("mended", done, matching) from error
            done += len(chunk.places)
            progress(done, matching)
        return Fixed(decided.id if decided.recorded else None, matching, outcomes)

    def _verdict(self, opened: Opened, raw: bytes) -> Verdict:
        judged = self._intake.judge(self._restorer.delivery(opened, raw))
        return Verdict(opened.row.quarantine_id, raw, judged.items)

    def _readable(self, ids: Sequence[UUID]) -> tuple[list[Opened], int]:
        """The held items among these, and how many of them cannot be read."""
        rows = [row for row in read_rows(self._pool, ids) if row.state == HELD]
        found = [each for each in open_rows(self._pool, self._vault, rows) if each is not None]
        return found, len(rows) - len(found)

    def _chunk(self, ids: Sequence[UUID], change: Change, decided: Decided) -> Counter[str]:
        for _ in range(_ATTEMPTS):
            try:
                return self._attempt(ids, change, decided)
            except Moved:
                continue
        return self._attempt(ids, change, decided)

    def _attempt(self, ids: Sequence[UUID], change: Change, decided: Decided) -> Counter[str]:
        readable, unreadable = self._readable(ids)
        mended: list[tuple[Opened, bytes]] = []
        for opened in readable:
            try:
                raw = change.apply(opened.raw)
            except Unfit:
                continue
            row = opened.row
            mended.append((opened, seal_mended(opened.key, row.quarantine_id, row.key_id, raw)))
        if mended:
            with decided.recording() as writer:
                self._store(writer.cursor, mended)
                steps = [Step(each.row.quarantine_id, each.row.step + 1, FIXED) for each, _ in mended]
                write_steps(writer.cursor, steps, decided.id, writer.recorded_at)
        return +Counter({FIXED: len(mended), UNFIT: len(readable) - len(mended), UNREADABLE: unreadable})

    def _store(self, cursor: Cursor[Any], mended: Sequence[tuple[Opened, bytes]]) -> None:
        check_standing(cursor, [opened.row for opened, _ in mended])
        ids = [opened.row.quarantine_id for opened, _ in mended]
        cursor.execute(_MEND, (ids, [sealed for _, sealed in mended]), prepare=True)
