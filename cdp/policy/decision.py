"""What stewards decide of two identifiers, or of one, as events: who, when, why, and how it was taken back."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Accountable, Personal

LINK, UNLINK, BLOCK, RELEASE = "link", "unlink", "block", "release"
_NUMBERS = UUID("b5d3c7de-3b2e-5f1f-8a0d-5b2a2f5c7a10")


class StewardDecision(Accountable):
    """The decision on a pair of identifiers, or on one. Its id follows from their numbers; the last word holds."""

    TOPIC: ClassVar[str] = "steward_decision.v1"

    class Created(Accountable.Created):
        """A pair was linked or unlinked, or an identifier blocked, for the first time. `numbers` are the vault's."""

        TOPIC: ClassVar[str] = "steward_decision.made.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        kind: str
        numbers: list[int]
        reason: str

    class Changed(Accountable.Event):
        """Another decision took the place of the last one; the kind `release` takes it back and puts none in place."""

        TOPIC: ClassVar[str] = "steward_decision.changed.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        kind: str
        numbers: list[int]
        reason: str

    @staticmethod
    def create_id(numbers: Iterable[int]) -> UUID:
        """The id of the decision on these identifiers, in whichever order."""
        return uuid5(_NUMBERS, " ".join(map(str, sorted(numbers))))

    @event(Created)
    def __init__(self, kind: str, numbers: list[int], actor: str, reason: str) -> None:
        self.kind = kind
        self.numbers = tuple(numbers)

    @event(Changed)
    def change(self, kind: str, numbers: list[int], actor: str, reason: str) -> None:
        """Decides anew."""
        self.kind = kind
