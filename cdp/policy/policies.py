"""The policy at any position of the log, folded in memory and kept up with the log."""

from __future__ import annotations

from bisect import bisect_right
from collections import OrderedDict
from dataclasses import replace
from threading import Lock
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from eventsourcing.persistence import Mapper, StoredEvent

from cdp.identity.rules import RuleSet
from cdp.log.events import Head, RecordedEvent
from cdp.policy.policy import TOPICS, Fold, Policy, concerned

REMEMBERED = 64


class ControlReader(Protocol):
    """What of the log's reader is needed."""

    def read_control(self, after: int) -> list[RecordedEvent]: ...

    def head(self) -> Head: ...


class Change(NamedTuple):
    """An event that a policy follows from, and its place in the log."""

    position: int
    event: Any


class Policies:
    """Safe to share between threads. Reads the log on when it is asked for a position past what it has read."""

    def __init__(self, reader: ControlReader, mapper: Mapper[UUID]) -> None:
        self._reader = reader
        self._mapper = mapper
        self._lock = Lock()
        self._forget(None)

    def at(self, position: int) -> Policy:
        """What had been decided by this position, inclusive. For the same decisions it is the same object."""
        with self._lock:
            if position > self._read_to:
                self._read_on()
            return self._after(bisect_right(self._positions, position))

    def latest(self) -> Policy:
        """What is decided now."""
        with self._lock:
            self._read_on()
            return self._after(len(self._changes))

    def under(self, rules: RuleSet, position: int) -> Policy:
        """What would hold at this position if these identity rules had been in force."""
        now = self.at(position)
        fold = Fold()
        with self._lock:
            for change in self._changes[: bisect_right(self._positions, position)]:
                fold.take(change.event, change.position)
        return replace(now, rules=rules, public=fold.public(rules.trust))

    def decided(self, number: int) -> list[int]:
        """The positions of everything that was ever decided about an identifier, the latest first."""
        with self._lock:
            self._read_on()
            return [change.position for change in reversed(self._changes) if number in concerned(change.event)]

    def _forget(self, incarnation: UUID | None) -> None:
        self._incarnation = incarnation
        self._read_to = 0
        self._changes: list[Change] = []
        self._positions: list[int] = []
        self._fold, self._folded = Fold(), 0
        self._policies: OrderedDict[int, Policy] = OrderedDict()

    def _read_on(self) -> None:
        """A log that was restored to an earlier state gives positions out again: what was read of it is forgotten."""
        head = self._reader.head()
        if head.incarnation != self._incarnation:
            self._forget(head.incarnation)
        for event in self._reader.read_control(self._read_to):
            if event.topic in TOPICS:
                self._changes.append(Change(event.position, self._opened(event)))
                self._positions.append(event.position)
            self._read_to = event.position
        self._read_to = max(self._read_to, head.position)

    def _opened(self, event: RecordedEvent) -> Any:
        """Without its personal part: who decided and why changes nothing, and is not to be remembered here."""
        return self._mapper.to_domain_event(StoredEvent(event.originator_id, event.version, event.topic, event.header))

    def _after(self, count: int) -> Policy:
        """The policy after the first `count` changes; the last ones asked for are remembered."""
        if count not in self._policies:
            self._policies[count] = self._folded_to(count)
            if len(self._policies) > REMEMBERED:
                self._policies.popitem(last=False)
        self._policies.move_to_end(count)
        return self._policies[count]

    def _folded_to(self, count: int) -> Policy:
        """Whoever follows the log asks for ever more changes: those are folded once."""
        if count < self._folded:
            self._fold, self._folded = Fold(), 0
        for change in self._changes[self._folded : count]:
            self._fold.take(change.event, change.position)
        self._folded = count
        return self._fold.policy()
