"""Micro-batches: answered after the commit, bounded, and one bad delivery harms no other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from typing import Any, cast

import pytest
from eventsourcing.persistence import OperationalError

from cdp.ingest.batcher import Answers, Batcher, Unavailable
from cdp.ingest.delivery import Delivery, ItemResult, Receipt, new_delivery_id
from cdp.ingest.intake import Intake
from cdp.ingest.split import Split
from cdp.registry import Credential
from cdp.settings import Settings
from cdp.sources.rejection import Reason, Rejected
from tests.ingest.test_reading import RECEIVED, SHOP

STORED = Receipt([ItemResult("accepted", 1)])


def delivery(size: int = 1, body: bytes = b"{}") -> Delivery:
    split = Split([b"{}"] * size, {}, None)
    return Delivery(new_delivery_id(), Credential(SHOP, "wk_1"), RECEIVED, body, None, split)


class FakeIntake:
    """Takes what it is given, in the way the test says."""

    def __init__(self, take: Callable[[Sequence[Delivery]], None]) -> None:
        self._take = take
        self.batches: list[int] = []
        self.refused: list[Rejected] = []

    def take(self, deliveries: Sequence[Delivery]) -> list[Receipt]:
        self._take(deliveries)
        self.batches.append(len(deliveries))
        return [STORED for _ in deliveries]

    def refuse(self, delivery: Delivery, rejected: Rejected) -> Receipt:
        self.refused.append(rejected)
        return Receipt([ItemResult("quarantined", 0, rejected)])


Ticket = Future[Receipt]


class Waiting:
    """A batcher whose tickets are futures."""

    def __init__(self, intake: FakeIntake, **limits: Any) -> None:
        self.batcher: Batcher[Ticket] = Batcher(
            replace(Settings(), **limits), lambda turn: cast(Intake, intake), self._answer
        )

    def submit(self, delivery: Delivery) -> Ticket:
        ticket: Ticket = Future()
        self.batcher.submit(delivery, ticket)
        return ticket

    def _answer(self, answered: Answers[Ticket]) -> None:
        for ticket, result in answered:
            if isinstance(result, Unavailable):
                ticket.set_exception(result)
            else:
                ticket.set_result(result)


@contextmanager
def running(intake: FakeIntake, **limits: Any) -> Iterator[Waiting]:
    waiting = Waiting(intake, **limits)
    waiting.batcher.start()
    try:
        yield waiting
    finally:
        waiting.batcher.close()


def outcome(future: Future[Receipt]) -> str:
    return future.result(5).items[0].outcome


def test_many_requests_share_a_transaction_while_one_is_under_way() -> None:
    gate = Event()
    intake = FakeIntake(lambda _: cast(None, gate.wait(5)))
    with running(intake) as batcher:
        futures = [batcher.submit(delivery()) for _ in range(50)]
        assert not any(future.done() for future in futures)
        gate.set()
        assert {outcome(future) for future in futures} == {"accepted"}
    assert sum(intake.batches) == 50
    assert max(intake.batches) > 10


def test_a_transaction_takes_no_more_than_its_share_but_always_one() -> None:
    gate = Event()
    intake = FakeIntake(lambda _: cast(None, gate.wait(5)))
    with running(intake, batch_items=10) as batcher:
        futures = [batcher.submit(delivery(size)) for size in (25, 25, 4, 4, 4, 4)]
        gate.set()
        assert {outcome(future) for future in futures} == {"accepted"}
    assert max(intake.batches) == 2


@pytest.mark.parametrize("limits", [{"queue_items": 3}, {"queue_bytes": 1024}])
def test_a_full_queue_says_so_at_once(limits: dict[str, int]) -> None:
    gate = Event()
    intake = FakeIntake(lambda _: cast(None, gate.wait(5)))
    with running(intake, batch_items=1, **limits) as batcher:
        accepted = []
        with pytest.raises(Unavailable) as full:
            for _ in range(10):
                accepted.append(batcher.submit(delivery(body=b"x" * 400)))
        assert full.value.retry_after >= 1
        gate.set()
        assert {outcome(future) for future in accepted} == {"accepted"}
        assert batcher.batcher.items == batcher.batcher.bytes == 0
        assert outcome(batcher.submit(delivery())) == "accepted"


def test_while_a_database_is_away_everybody_is_told_and_then_it_goes_on() -> None:
    away = [True]

    def take(deliveries: Sequence[Delivery]) -> None:
        if away[0]:
            raise OperationalError

    with running(FakeIntake(take)) as batcher:
        for future in [batcher.submit(delivery()) for _ in range(5)]:
            with pytest.raises(Unavailable, match="database is away"):
                future.result(5)
        away[0] = False
        assert outcome(batcher.submit(delivery())) == "accepted"


def test_a_delivery_that_the_platform_fails_on_goes_to_quarantine_alone() -> None:
    def take(deliveries: Sequence[Delivery]) -> None:
        if any(each.body == b"poison" for each in deliveries):
            raise ZeroDivisionError

    intake = FakeIntake(take)
    with running(intake) as batcher:
        good = [batcher.submit(delivery()) for _ in range(20)]
        bad = batcher.submit(delivery(body=b"poison"))
        good += [batcher.submit(delivery()) for _ in range(20)]
        assert {outcome(future) for future in good} == {"accepted"}
        assert outcome(bad) == "quarantined"
    assert [rejected.reason for rejected in intake.refused] == [Reason.INTERNAL_ERROR]


def test_what_waits_when_the_server_stops_is_still_stored() -> None:
    intake = FakeIntake(lambda _: None)
    waiting = Waiting(intake)
    futures = [waiting.submit(delivery()) for _ in range(5)]
    waiting.batcher.start()
    waiting.batcher.close()
    assert [outcome(future) for future in futures] == ["accepted"] * 5
    with pytest.raises(Unavailable, match="stopping"):
        waiting.submit(delivery())
