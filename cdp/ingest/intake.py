"""The way of a group of deliveries into the log: split, read, prepare, append, and book, in one transaction."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from cdp.faults import described
from cdp.ingest import quarantine
from cdp.ingest.delivery import Delivery, ItemResult, Receipt
from cdp.ingest.outcomes import Booked, book
from cdp.ingest.preparing import Origin, Preparer
from cdp.ingest.quarantine import Held
from cdp.ingest.reading import PlanOf, Reader, Reading
from cdp.ingest.split import Split
from cdp.log.events import CONFLICT, Outcome
from cdp.log.recorder import Recorder
from cdp.log.writer import StaleGeneration, Writer
from cdp.settings import Settings
from cdp.sources.rejection import Reason, Rejected, Stage
from cdp.vault.keyring import KeyRing
from cdp.vault.vault import Vault

_logger = logging.getLogger(__name__)

_ATTEMPTS = 5


class Judged(NamedTuple):
    """A delivery, and for each item a reading or why there is none."""

    delivery: Delivery
    items: list[Reading | Rejected]


Settle = Callable[[Writer, Sequence[Booked]], None]
"""Writes what became of the items, in the transaction that appended them."""


class Intake:
    """Takes deliveries in. One instance serves one thread at a time. `plan_of` is asked anew for every item.

    Instances of several threads share a `turn`: reading and sealing keep the interpreter busy, so only one does at a
    time, while others wait for their databases.
    """

    def __init__(
        self,
        settings: Settings,
        vault: Vault,
        keyring: KeyRing,
        recorder: Recorder,
        plan_of: PlanOf,
        turn: AbstractContextManager[object] | None = None,
    ) -> None:
        self._turn = turn or nullcontext()
        self._vault = vault
        self._recorder = recorder
        self._preparer = Preparer(vault, keyring)
        self._reader = Reader(settings.default_region, settings.max_item_bytes, plan_of)

    def take(self, deliveries: Sequence[Delivery]) -> list[Receipt]:
        """Commits all of them, or none: what it returns is stored. Raises the recorder's errors."""
        with self._turn:
            judged = [self.judge(delivery) for delivery in deliveries]
        return self.commit(judged, self._first_time)

    def refuse(self, delivery: Delivery, rejected: Rejected) -> Receipt:
        """Puts a whole delivery into quarantine, counted as what the splitter found in it."""
        return self.commit([Judged(delivery, [rejected] * delivery.received)], self._first_time)[0]

    def judge(self, delivery: Delivery) -> Judged:
        """Reads each item, on its own. Stores nothing."""
        split = delivery.split
        if isinstance(split, Rejected):
            return Judged(delivery, [split])
        return Judged(delivery, [self._read(delivery, split, raw) for raw in split.items])

    def commit(self, judged: Sequence[Judged], settle: Settle) -> list[Receipt]:
        """Appends what can be accepted and has `settle` write the outcomes, in one transaction."""
        for _ in range(_ATTEMPTS):
            try:
                return self._commit(judged, settle)
            except StaleGeneration as stale:
                self._vault.refresh(stale.found)
        return self._commit(judged, settle)

    def _read(self, delivery: Delivery, split: Split, raw: bytes) -> Reading | Rejected:
        source = delivery.credential.source
        try:
            reading = self._reader.read(raw, source, delivery.connector, delivery.received_at, delivery.call, split)
        except Rejected as rejected:
            return rejected
        except Exception as error:  # noqa: BLE001 - the outermost loop of an item: its neighbours must not pay for it
            _logger.error("an item goes to quarantine: %s", described(error))
            detail = "the platform failed on this item; it is kept, an engineer must look at it"
            return Rejected(Reason.INTERNAL_ERROR, detail)
        return reading._replace(flags=reading.flags + delivery.flags) if delivery.flags else reading

    def _commit(self, judged: Sequence[Judged], settle: Settle) -> list[Receipt]:
        generation = self._vault.generation
        quarantine.ready(self._vault, [each.delivery for each in judged])
        readings = [
            (Origin(each.delivery.delivery_id, each.delivery.first + at, each.delivery.credential.credential_id), item)
            for each in judged
            for at, item in enumerate(each.items)
            if isinstance(item, Reading)
        ]
        resolved = self._preparer.resolve([reading for _, reading in readings])
        with self._turn:
            events = self._preparer.seal(readings, resolved)
        with self._recorder.writing(generation) as writer:
            outcomes = iter(writer.append(events))
            booked = [Booked(each.delivery, _receipt(each, outcomes)) for each in judged]
            settle(writer, booked)
        return [each.receipt for each in booked]

    def _first_time(self, writer: Writer, booked: Sequence[Booked]) -> None:
        held = [Held(delivery, *rejection) for delivery, receipt in booked for rejection in receipt.rejections]
        quarantine.store(writer.cursor, self._vault, held)
        book(writer.cursor, booked)


def _receipt(judged: Judged, outcomes: Iterator[Outcome]) -> Receipt:
    return Receipt([_result(item, outcomes) for item in judged.items])


def _result(item: Reading | Rejected, outcomes: Iterator[Outcome]) -> ItemResult:
    if isinstance(item, Rejected):
        return ItemResult("quarantined", 0, item)
    outcome = next(outcomes)
    if outcome.kind == CONFLICT:
        detail = "messageId is known with other content; expected a new messageId for a new touchpoint"
        return ItemResult("quarantined", 0, Rejected(Reason.CONFLICT, detail, Stage.APPEND))
    return ItemResult(outcome.kind, outcome.position)
