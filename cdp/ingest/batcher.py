"""Micro-batches: many requests, one transaction, answered after its commit and never before."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from threading import Condition, Thread

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

_AWAY = (OperationalError, psycopg.OperationalError, psycopg.InternalError)


class Unavailable(Exception):
    """Nothing was stored, because the queue is full or a database is away: send it again after `retry_after` s."""

    def __init__(self, why: str, retry_after: int) -> None:
        super().__init__(f"{why}; nothing was stored: send it again in {retry_after} s")
        self.retry_after = retry_after


class _Waiting:
    __slots__ = ("delivery", "done")

    def __init__(self, delivery: Delivery) -> None:
        self.delivery = delivery
        self.done: Future[Receipt] = Future()
        self.done.set_running_or_notify_cancel()  # a client that goes away cancels its own wait, not the commit


class Batcher:
    """A bounded queue of deliveries and the threads that commit them.

    `intake` is called once for each thread. `items` and `bytes` say how full the queue is.
    """

    def __init__(self, settings: Settings, intake: Callable[[], Intake]) -> None:
        self._max_items = settings.queue_items
        self._max_bytes = settings.queue_bytes
        self._batch_items = settings.batch_items
        self._queue: deque[_Waiting] = deque()
        self._changed = Condition()
        self._closed = False
        self.items = 0
        self.bytes = 0
        self._threads = [Thread(target=self._run, args=(intake(),), name=f"intake-{n}") for n in range(THREADS)]

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

    def submit(self, delivery: Delivery) -> Future[Receipt]:
        """Queues a delivery; its receipt comes after the commit. Raises `Unavailable` when the queue is full.

        The future ends with `Unavailable` when a database is away.
        """
        waiting = _Waiting(delivery)
        with self._changed:
            if self._closed:
                raise Unavailable("the server is stopping", 5)
            items, size = self.items + delivery.received, self.bytes + len(delivery.body)
            if self._queue and (items > self._max_items or size > self._max_bytes):
                raise Unavailable("too much is waiting to be stored", 1)
            self.items, self.bytes = items, size
            self._queue.append(waiting)
            self._changed.notify()
        return waiting.done

    def _run(self, intake: Intake) -> None:
        while batch := self._next():
            deliveries = [waiting.delivery for waiting in batch]
            try:
                receipts = intake.take(deliveries)
            except _AWAY as error:
                _logger.warning("a database is away: %s; %d deliveries refused", type(error).__name__, len(batch))
                self._fail(batch)
            except Exception as error:  # noqa: BLE001 - the outermost loop: one bad delivery must not stop it
                _logger.error("a batch of %d deliveries failed: %s", len(batch), described(error))
                self._one_by_one(intake, batch)
            else:
                self._answer(batch, receipts)

    def _next(self) -> list[_Waiting]:
        """The next deliveries for one transaction; none once closed and empty."""
        with self._changed:
            while not self._queue and not self._closed:
                self._changed.wait()
            batch: list[_Waiting] = []
            items = 0
            while self._queue and (not batch or items + self._queue[0].delivery.received <= self._batch_items):
                waiting = self._queue.popleft()
                items += waiting.delivery.received
                batch.append(waiting)
            self.items -= items
            self.bytes -= sum(len(waiting.delivery.body) for waiting in batch)
            return batch

    def _one_by_one(self, intake: Intake, batch: Sequence[_Waiting]) -> None:
        """Finds the delivery that no transaction can take, and lets the others through."""
        for waiting in batch:
            try:
                receipts = _take_or_refuse(intake, waiting.delivery)
            except Exception as error:  # noqa: BLE001 - the outermost loop, as above
                _logger.error("a delivery failed and could not be kept: %s", described(error))
                self._fail([waiting])
            else:
                self._answer([waiting], receipts)

    def _answer(self, batch: Sequence[_Waiting], receipts: Sequence[Receipt]) -> None:
        for waiting, receipt in zip(batch, receipts, strict=True):
            waiting.done.set_result(receipt)

    def _fail(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            waiting.done.set_exception(Unavailable("the database is away", 2))


def _take_or_refuse(intake: Intake, delivery: Delivery) -> list[Receipt]:
    """Takes one delivery; what the platform itself fails on goes to quarantine as a whole."""
    try:
        return intake.take([delivery])
    except _AWAY:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the bytes must be kept
        _logger.error("a delivery goes to quarantine: %s", described(error))
        detail = "the platform failed on this delivery; it is kept, an engineer must look at it"
        return [intake.refuse(delivery, Rejected(Reason.INTERNAL_ERROR, detail, Stage.APPEND))]
