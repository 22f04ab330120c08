"""Everything that was ever decided about identity: who decided what, when and why, the latest first."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from eventsourcing.persistence import Mapper

from cdp.log.events import PartedEvent, RecordedEvent
from cdp.log.reader import LogReader
from cdp.policy.decision import StewardDecision
from cdp.policy.policies import Policies
from cdp.policy.rule_book import RuleBook

DRAFT, ACTIVATE = "draft", "activate"
TOPICS = tuple(
    event.TOPIC for event in (StewardDecision.Created, StewardDecision.Changed, RuleBook.Drafted, RuleBook.Activated)
)


class Decided(NamedTuple):
    """One decision: `numbers` of identifiers, or a `version` of the `rules` of a kind.

    `kind` is link, unlink, block, release, draft or activate. `actor` and `reason` are None once they were erased.
    """

    position: int
    at: datetime
    kind: str
    numbers: tuple[int, ...]
    rules: str | None
    version: int | None
    actor: str | None
    reason: str | None


class Page(NamedTuple):
    """A part of the history. `next` is the position before which the next page begins; None on the last one."""

    decisions: list[Decided]
    next: int | None


class History:
    """Reads decisions from the log, with what is sealed of them."""

    def __init__(self, reader: LogReader, mapper: Mapper[UUID], policies: Policies) -> None:
        self._reader = reader
        self._mapper = mapper
        self._policies = policies

    def page(self, limit: int, before: int | None = None, number: int | None = None) -> Page:
        """At most `limit` decisions, of all or of those about one identifier."""
        if number is None:
            events = self._reader.read_latest(TOPICS, limit + 1, before)
        else:
            positions = [each for each in self._policies.decided(number) if before is None or each < before]
            events = [event for each in positions[: limit + 1] for event in self._reader.read(each - 1, 1)]
        shown = [self._decided(event) for event in events[:limit]]
        return Page(shown, shown[-1].position if len(events) > limit else None)

    def one(self, position: int) -> Decided:
        """The decision at this position, which must be one."""
        [event] = self._reader.read(position - 1, 1)
        return self._decided(event)

    def _decided(self, recorded: RecordedEvent) -> Decided:
        place = (recorded.originator_id, recorded.version, recorded.topic, recorded.header)
        event: Any = self._mapper.to_domain_event(PartedEvent(*place, None, recorded.personal, recorded.redacted))
        who = (event.actor, event.reason)
        if isinstance(event, StewardDecision.Created | StewardDecision.Changed):
            return Decided(recorded.position, recorded.recorded_at, event.kind, tuple(event.numbers), None, None, *who)
        kind = DRAFT if isinstance(event, RuleBook.Drafted) else ACTIVATE
        return Decided(recorded.position, recorded.recorded_at, kind, (), event.kind, event.number, *who)
