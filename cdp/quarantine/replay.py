"""Replay: held items are taken in again by the way that every item goes, in their first place and time."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple
from uuid import UUID

import psycopg
from eventsourcing.persistence import OperationalError

from cdp.faults import described
from cdp.ingest import quarantine
from cdp.ingest.delivery import Receipt, new_delivery_id
from cdp.ingest.intake import Intake, Judged
from cdp.ingest.kept import seal_detail
from cdp.ingest.outcomes import Booked, entry
from cdp.ingest.quarantine import Held
from cdp.log.application import Log
from cdp.log.writer import Writer
from cdp.quarantine import decisions
from cdp.quarantine.opening import Opened, Restorer, open_rows, read_rows
from cdp.quarantine.selection import HELD, Place, Pool, Selection, count, walk
from cdp.quarantine.settling import Entries, Moved, Settled, check_standing, shift_counts, write_states
from cdp.sources.rejection import Reason, Rejected, Stage
from cdp.vault.vault import Vault

_logger = logging.getLogger(__name__)

CHUNK_ITEMS = 2_000
CHUNK_BYTES = 4 * 1024 * 1024
_ATTEMPTS = 10
_AWAY = (OperationalError, psycopg.OperationalError, psycopg.InternalError)

SPLIT = "split"
UNREADABLE = "unreadable"
"""Counted for an item whose bytes or key are gone; it stays held until it expires."""

Progress = Callable[[int, int], None]
"""Is told how many were tried, of how many."""


class Interrupted(Exception):
    """A database went away in the midst of it. What was done is committed; the rest is as it was."""

    def __init__(self, what: str, done: int, matching: int) -> None:
        super().__init__(f"a database is away; {done} of {matching} items were {what}: run it again for the rest")


class Replayed(NamedTuple):
    """What became of the items. `after` is where to go on, when a limit ended the replay before all were tried."""

    decision: UUID | None
    matching: int
    outcomes: Counter[str]
    after: Place | None


class Replayer:
    """Takes held items in again, some at a time: each transaction appends, settles and books its items together."""

    def __init__(self, pool: Pool, vault: Vault, log: Log, intake: Intake, restorer: Restorer, unsized: int) -> None:
        self._pool = pool
        self._vault = vault
        self._log = log
        self._intake = intake
        self._restorer = restorer
        self._unsized = unsized

    def replay(
        self,
        selection: Selection,
        *,
        actor: str,
        limit: int | None = None,
        after: Place | None = None,
        progress: Progress = lambda done, of: None,
    ) -> Replayed:
        """Tries every held item that is meant once, in the order in which they were received.

        Can be killed at any moment and repeated: an item that was settled is no longer held.
        """
        meant = replace(selection.held(), stored_before=new_delivery_id())
        matching = count(self._pool, meant)
        outcomes: Counter[str] = Counter()
        if not matching:
            return Replayed(None, 0, outcomes, None)
        decision = decisions.Replay(selection=selection.described(limit), matching=matching, actor=actor)
        self._log.save(decision)
        chunks = walk(self._pool, meant, items=CHUNK_ITEMS, size=CHUNK_BYTES, unsized=self._unsized, after=after)
        done, stopped = 0, None
        for chunk in chunks:
            places = chunk.places if limit is None else chunk.places[: limit - done]
            try:
                outcomes += self._take([each.quarantine_id for each in places], decision.id)
            except _AWAY as error:
                raise Interrupted("replayed", done, matching) from error
            done += len(places)
            progress(done, matching)
            if done == limit:
                stopped = places[-1]
                break
        decision.finish(outcomes=dict(outcomes), actor=actor)
        self._log.save(decision)
        return Replayed(decision.id, matching, outcomes, stopped)

    def _take(self, ids: Sequence[UUID], decision: UUID) -> Counter[str]:
        """Settles these items in one transaction; one that the platform fails on is held again, with no other."""
        try:
            return self._settled(ids, decision, None)
        except _AWAY:
            raise
        except Exception as error:  # noqa: BLE001 - the outermost loop: one bad item must not stop the others
            _logger.error("a replay of %d items failed: %s", len(ids), described(error))
            if len(ids) > 1:
                return sum((self._take([each], decision) for each in ids), Counter())
            detail = "the platform failed on this item; it is kept, an engineer must look at it"
            return self._settled(ids, decision, Rejected(Reason.INTERNAL_ERROR, detail, Stage.APPEND))

    def _settled(self, ids: Sequence[UUID], decision: UUID, refused: Rejected | None) -> Counter[str]:
        for _ in range(_ATTEMPTS):
            try:
                return self._attempt(ids, decision, refused)
            except Moved:
                continue
        return self._attempt(ids, decision, refused)

    def _attempt(self, ids: Sequence[UUID], decision: UUID, refused: Rejected | None) -> Counter[str]:
        rows = [row for row in read_rows(self._pool, ids) if row.state == HELD]
        found = open_rows(self._pool, self._vault, rows)
        opened = [each for each in found if each is not None]
        outcomes = Counter({UNREADABLE: len(found) - len(opened)})
        if opened:
            judged = [self._judged(each, refused) for each in opened]
            settling = _Settling(opened, decision, self._vault)
            self._intake.commit(judged, settling)
            outcomes += settling.outcomes
        return +outcomes

    def _judged(self, opened: Opened, refused: Rejected | None) -> Judged:
        if refused is None:
            return self._intake.judge(self._restorer.delivery(opened))
        return Judged(self._restorer.refused(opened, refused), [refused])


class _Settling:
    """Settles one chunk. Called anew when the vault's keys changed and the chunk is prepared again."""

    def __init__(self, opened: Sequence[Opened], decision: UUID, vault: Vault) -> None:
        self._opened = opened
        self._decision = decision
        self._vault = vault
        self.outcomes: Counter[str] = Counter()

    def __call__(self, writer: Writer, booked: Sequence[Booked]) -> None:
        cursor = writer.cursor
        check_standing(cursor, [each.row for each in self._opened])
        self.outcomes = Counter()
        shifts: dict[UUID, Counter[str]] = {}
        settled: list[Settled] = []
        children: list[Held] = []
        entries = Entries(cursor, {delivery.delivery_id for delivery, receipt in booked if _has_entry(receipt)})
        for opened, (delivery, receipt) in zip(self._opened, booked, strict=True):
            row = opened.row
            shift = shifts.setdefault(row.source_id, Counter())
            if row.whole and not isinstance(delivery.split, Rejected):
                children += [Held(delivery, *rejection, row.quarantine_id) for rejection in receipt.rejections]
                entries.replace(row.delivery_id, [entry(item) for item in receipt.items])
                shift["received"] += delivery.received - 1
                settled.append(Settled(row, SPLIT))
                self.outcomes[SPLIT] += 1
            else:
                settled.append(self._one(opened, receipt, entries))
            shift["quarantined"] -= 1
            for item in receipt.items:
                shift[item.outcome] += 1
                self.outcomes["held" if item.rejected else item.outcome] += 1
        quarantine.store(cursor, self._vault, children)
        write_states(cursor, settled, self._decision, writer.recorded_at)
        entries.save()
        shift_counts(cursor, shifts)

    def _one(self, opened: Opened, receipt: Receipt, entries: Entries) -> Settled:
        """An item that stays one."""
        row, key, *_ = opened
        (item,) = receipt.items
        if item.rejected is None:
            entries.put(row.delivery_id, row.item, entry(item))
            return Settled(row, item.outcome, item.position)
        detail = seal_detail(key, row.quarantine_id, row.key_id, row.step + 1, item.rejected.detail)
        return Settled(row, HELD, None, item.rejected, detail)


def _has_entry(receipt: Receipt) -> bool:
    """Whether an item of it has another entry than that of one in quarantine."""
    return any(item.rejected is None for item in receipt.items)
