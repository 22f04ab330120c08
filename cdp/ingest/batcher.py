"""Micro-batches: many requests, one transaction, answered after its commit and never before."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Lock, Thread
from typing import Generic, NamedTuple, TypeVar

import psycopg
from eventsourcing.persistence import OperationalError

from cdp.faults import described
from cdp.ingest.delivery import Delivery, Receipt
from cdp.ingest.intake import Intake
from cdp.settings import Settings
from cdp.sources.rejection import Reason, Rejected, Stage

_logger = logging.getLogger(__name__)

THREADS = 2
"""While one waits for its commit, the other reads and seals."""

WORTH_A_THREAD = 200
"""Items that must wait before a second thread takes them while the first is at work; fewer come cheaper together."""

AWAY = (OperationalError, psycopg.OperationalError, psycopg.InternalError)
"""What is raised while a database is away, or cuts off what takes too long."""


class Unavailable(Exception):
    """The queue is full, a database is away, or it took too long: send it again after `retry_after` s. What was stored
    all the same is known by its message id."""

    def __init__(self, why: str, retry_after: int) -> None:
        super().__init__(f"{why}: send it again in {retry_after} s, with the same message ids")
        self.retry_after = retry_after


T = TypeVar("T")

Answers = Sequence[tuple[T, Receipt | Unavailable]]
"""What became of the deliveries of one transaction, each with the ticket under which it was submitted."""


class _Waiting(NamedTuple, Generic[T]):
    delivery: Delivery
    ticket: T


class Batcher(Generic[T]):
    """A bounded queue of deliveries and the threads that commit them.

    `intake` is called once for each thread, with the lock that is theirs in common. `answer` is called from these
    threads, once for each transaction, after its commit. `items` and `bytes` say how full the queue is.
    """

    def __init__(
        self, settings: Settings, intake: Callable[[Lock], Intake], answer: Callable[[Answers[T]], None]
    ) -> None:
        self._answer = answer
        self._max_items = settings.queue_items
        self._max_bytes = settings.queue_bytes
        self._batch_items = settings.batch_items
        self._queue: deque[_Waiting[T]] = deque()
        self._changed = Condition()
        self._closed = False
        self._busy = 0
        self.items = 0
        self.bytes = 0
        turn = Lock()
        self._threads = [Thread(target=self._run, args=(intake(turn),), name=f"intake-{n}") for n in range(THREADS)]

    def start(self) -> None:
        """Begins to commit."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Commits what is waiting and ends."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def submit(self, delivery: Delivery, ticket: T) -> None:
        """Queues a delivery; `answer` gets its ticket back. Raises `Unavailable` when the queue is full."""
        with self._changed:
            if self._closed:
                raise Unavailable("the server is stopping", 5)
            items, size = self.items + delivery.received, self.bytes + len(delivery.body)
            if self._queue and (items > self._max_items or size > self._max_bytes):
                raise Unavailable("too much is waiting to be stored, this was not", 1)
            self.items, self.bytes = items, size
            self._queue.append(_Waiting(delivery, ticket))
            self._changed.notify()

    def _run(self, intake: Intake) -> None:
        while batch := self._next():
            self._store(intake, batch)
            with self._changed:
                self._busy -= 1
                self._changed.notify_all()

    def _store(self, intake: Intake, batch: Sequence[_Waiting[T]]) -> None:
        try:
            receipts = intake.take([waiting.delivery for waiting in batch])
        except AWAY as error:
            _logger.warning("a database is away: %s; %d deliveries refused", type(error).__name__, len(batch))
            self._fail(batch)
        except Exception as error:  # noqa: BLE001 - the outermost loop: one bad delivery must not stop it
            _logger.error("a batch of %d deliveries failed: %s", len(batch), described(error))
            self._one_by_one(intake, batch)
        else:
            self._succeed(batch, receipts)

    def _next(self) -> list[_Waiting[T]]:
        """The next deliveries for one transaction; none once closed and empty."""
        with self._changed:
            while not self._closed and not self._worth_taking():
                self._changed.wait()
            batch: list[_Waiting[T]] = []
            items = 0
            while self._queue and (not batch or items + self._queue[0].delivery.received <= self._batch_items):
                waiting = self._queue.popleft()
                items += waiting.delivery.received
                batch.append(waiting)
            self._busy += 1
            self.items -= items
            self.bytes -= sum(len(waiting.delivery.body) for waiting in batch)
            return batch

    def _worth_taking(self) -> bool:
        return bool(self._queue) and (self._busy == 0 or self.items >= WORTH_A_THREAD)

    def _one_by_one(self, intake: Intake, batch: Sequence[_Waiting[T]]) -> None:
        """Finds the delivery that no transaction can take, and lets the others through."""
        for waiting in batch:
            try:
                receipts = _take_or_refuse(intake, waiting.delivery)
            except Exception as error:  # noqa: BLE001 - the outermost loop, as above
                _logger.error("a delivery failed and could not be kept: %s", described(error))
                self._fail([waiting])
            else:
                self._succeed([waiting], receipts)

    def _succeed(self, batch: Sequence[_Waiting[T]], receipts: Sequence[Receipt]) -> None:
        self._answer([(waiting.ticket, receipt) for waiting, receipt in zip(batch, receipts, strict=True)])

    def _fail(self, batch: Sequence[_Waiting[T]]) -> None:
        away = Unavailable("the database is away, nothing was acknowledged", 2)
        self._answer([(waiting.ticket, away) for waiting in batch])


def _take_or_refuse(intake: Intake, delivery: Delivery) -> list[Receipt]:
    """Takes one delivery; what the platform itself fails on goes to quarantine as a whole."""
    try:
        return intake.take([delivery])
    except AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the bytes must be kept
        _logger.error("a delivery goes to quarantine: %s", described(error))
        detail = "the platform failed on this delivery; it is kept, an engineer must look at it"
        return [intake.refuse(delivery, Rejected(Reason.INTERNAL_ERROR, detail, Stage.APPEND))]
