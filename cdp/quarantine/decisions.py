"""What an operator decided about held items, as events of the log: each decision is a stream of its own."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from eventsourcing.domain import event

from cdp.log.accountable import Accountable, Personal


class Replay(Accountable):
    """Held items are taken in again. What became of each is in its own row, which names this decision."""

    TOPIC: ClassVar[str] = "quarantine_replay.v1"

    class Created(Accountable.Created):
        """A replay of all items that the selection means was decided; `matching` is how many there were."""

        TOPIC: ClassVar[str] = "quarantine.replayed.v1"
        selection: dict[str, Any]
        matching: int

    class Finished(Accountable.Event):
        """All of them were tried; a replay without this event was interrupted, and another took up the rest."""

        TOPIC: ClassVar[str] = "quarantine.replay_finished.v1"
        outcomes: dict[str, int]

    @event(Created)
    def __init__(self, selection: dict[str, Any], matching: int, actor: str) -> None:
        self.actor = actor
        self.outcomes: dict[str, int] | None = None

    @event(Finished)
    def finish(self, outcomes: dict[str, int], actor: str) -> None:
        """Says how many were accepted, known already, held again, or split."""
        self.outcomes = outcomes


class Fix(Accountable):
    """Held items got other bytes; the first ones stay beside them."""

    TOPIC: ClassVar[str] = "quarantine_fix.v1"

    class Created(Accountable.Created):
        """Items were mended. `change` says how, with values that may be anybody's data."""

        TOPIC: ClassVar[str] = "quarantine.fixed.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "change")
        selection: dict[str, Any]
        matching: int
        change: dict[str, Any]

    @event(Created)
    def __init__(self, selection: dict[str, Any], matching: int, change: dict[str, Any], actor: str) -> None:
        self.actor = actor


class Discard(Accountable):
    """Held items will never be taken in."""

    TOPIC: ClassVar[str] = "quarantine_discard.v1"

    class Created(Accountable.Created):
        """Items were discarded, with the reason in somebody's words; `erased` with their bytes."""

        TOPIC: ClassVar[str] = "quarantine.discarded.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "why")
        selection: dict[str, Any]
        matching: int
        erased: bool
        why: str

    @event(Created)
    def __init__(self, selection: dict[str, Any], matching: int, erased: bool, why: str, actor: str) -> None:
        self.actor = actor


class Expiry(Accountable):
    """What was received too long ago is no longer kept."""

    TOPIC: ClassVar[str] = "quarantine_expiry.v1"

    class Created(Accountable.Created):
        """The bytes received before `until` are destroyed: of `held` items, which are discarded with that, and of
        `settled` ones, whose outcome stays."""

        TOPIC: ClassVar[str] = "quarantine.expired.v1"
        until: datetime
        held: int
        settled: int

    @event(Created)
    def __init__(self, until: datetime, held: int, settled: int, actor: str) -> None:
        self.actor = actor


Decision = Replay | Fix | Discard | Expiry


def actor_of(decision: Any) -> str | None:
    """Who decided; None once that was erased."""
    actor: str | None = decision.actor
    return actor


def decision_id(decision: Decision) -> UUID:
    """The id by which the rows of items name the decision."""
    found: UUID = decision.id
    return found
