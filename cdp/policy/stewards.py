"""What stewards do: link, unlink and block identifiers and take it back, recorded in the log with who and why."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from cdp.log.application import Log
from cdp.policy.decision import BLOCK, LINK, RELEASE, UNLINK, StewardDecision
from cdp.policy.reason import checked_reason


class SameIdentifier(ValueError):
    """A pair was expected."""

    def __init__(self) -> None:
        super().__init__("both name the same identifier; expected two different ones, or block the one")


class NothingDecided(LookupError):
    """There is no decision to take back."""

    def __init__(self) -> None:
        super().__init__(
            "nothing was decided about this, so there is nothing to take back; see: cdp identity decisions"
        )


class DecisionChanged(ValueError):
    """Somebody else decided about the same identifiers at the same moment."""

    def __init__(self) -> None:
        super().__init__(
            "somebody else just decided otherwise about this; look at it (cdp identity decisions), then decide again"
        )


class Taken(NamedTuple):
    """A decision that holds now. `new` says whether it was recorded just now or held already."""

    kind: str
    numbers: tuple[int, ...]
    new: bool


class Stewards:
    """Takes decisions about identifiers, by the vault's numbers. All are safe to repeat."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def link(self, a: int, b: int, *, actor: str, reason: str) -> Taken:
        """Both are one person's, whatever limits say."""
        return self._decide(LINK, _pair(a, b), actor, reason)

    def unlink(self, a: int, b: int, *, actor: str, reason: str) -> Taken:
        """They are never one person's; takes the place of a link between them."""
        return self._decide(UNLINK, _pair(a, b), actor, reason)

    def block(self, number: int, *, actor: str, reason: str) -> Taken:
        """The identifier says nothing about anybody."""
        return self._decide(BLOCK, (number,), actor, reason)

    def release(self, *numbers: int, actor: str, reason: str) -> Taken:
        """Takes back what was decided of a pair, or of one identifier. Raises `NothingDecided`."""
        return self._decide(RELEASE, _pair(*numbers) if len(numbers) > 1 else tuple(numbers), actor, reason)

    def get(self, numbers: Collection[int]) -> StewardDecision | None:
        """What was decided last about a pair or an identifier, fresh from the log."""
        try:
            decision: StewardDecision = self._log.repository.get(StewardDecision.create_id(numbers))
        except AggregateNotFoundError:
            return None
        return decision

    def _decide(self, kind: str, numbers: tuple[int, ...], actor: str, reason: str) -> Taken:
        why, decision = checked_reason(reason), self.get(numbers)
        if decision is None and kind == RELEASE:
            raise NothingDecided
        if decision is not None and decision.kind == kind:
            return Taken(kind, numbers, False)
        if decision is None:
            decision = StewardDecision(kind=kind, numbers=list(numbers), actor=actor, reason=why)
        else:
            decision.change(kind, list(numbers), actor, why)
        return Taken(kind, numbers, self._saved(decision))

    def _saved(self, decision: StewardDecision) -> bool:
        """Whether it was recorded; not where somebody else decided the same at the same moment."""
        try:
            self._log.save(decision)
        except IntegrityError:
            there = self.get(decision.numbers)
            if there is None or there.kind != decision.kind:
                raise DecisionChanged from None
            return False
        return True


def _pair(a: int, b: int) -> tuple[int, ...]:
    if a == b:
        raise SameIdentifier
    return (min(a, b), max(a, b))
