"""Sources, service tokens and tracking plans as the log's own events say, folded in memory and kept fresh."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple, cast
from uuid import UUID

from eventsourcing.domain import Aggregate
from eventsourcing.persistence import Mapper

from cdp.access import ServiceToken
from cdp.credentials import digest
from cdp.log.events import PartedEvent, RecordedEvent
from cdp.log.reader import LogReader
from cdp.plans.judging import Plan, in_force
from cdp.plans.plan import TrackingPlan
from cdp.sources.source import Source

_TAKEN = tuple(f"{kind.TOPIC.partition('.')[0]}." for kind in (Source, ServiceToken, TrackingPlan))
"""What the names of these aggregates' events begin with; what others recorded is passed over."""


class Credential(NamedTuple):
    """A valid write key: whose it is, and by which id events name it."""

    source: Source
    credential_id: str


class Registry:
    """What is set up, by the log's control events. `refresh` reads on from where it stopped; the rest is memory."""

    def __init__(
        self,
        reader: LogReader,
        mapper: Mapper[UUID],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._reader = reader
        self._mapper = mapper
        self._clock = clock
        self._lock = Lock()
        self._position = 0
        self._began = -math.inf
        self._aggregates: dict[UUID, Aggregate] = {}
        self._keys: dict[str, tuple[Source, int]] = {}
        self._tokens: dict[str, ServiceToken] = {}
        self._plans: dict[UUID, Plan] = {}

    def refresh(self, since: float = math.inf) -> None:
        """Takes in what was recorded since the last time.

        With `since`, a reading of `time.monotonic`, a refresh that began after it is enough: many who meet an unknown
        key at once wait for one.
        """
        with self._lock:
            if self._began > since:
                return
            began = monotonic()
            events = self._reader.read_control(self._position)
            for event in events:
                if event.topic.startswith(_TAKEN):
                    self._take(event)
                self._position = event.position
            if any(event.topic.startswith(_TAKEN) for event in events):
                self._index()
            self._began = began

    def sources(self) -> list[Source]:
        """All sources, by name."""
        return sorted(
            (each for each in list(self._aggregates.values()) if isinstance(each, Source)), key=lambda s: s.name
        )

    def source(self, source_id: UUID) -> Source | None:
        """The source with this id."""
        found = self._aggregates.get(source_id)
        return found if isinstance(found, Source) else None

    def credential(self, write_key: str) -> Credential | None:
        """The source that this write key admits now; None when it is unknown, ended, or its source disabled."""
        found = self._keys.get(digest(write_key))
        if found is None:
            return None
        source, index = found
        key = source.keys[index]
        if source.disabled or not key.valid_at(self._clock()):
            return None
        return Credential(source, key.credential_id)

    def plan(self, source_id: UUID) -> Plan | None:
        """The tracking plan in force for a source, ready to judge; None where none was activated."""
        return self._plans.get(source_id)

    def tracking_plans(self) -> list[TrackingPlan]:
        """All tracking plans with all their versions, by the names of their sources."""
        found = (each for each in list(self._aggregates.values()) if isinstance(each, TrackingPlan))
        return sorted(found, key=lambda plan: plan.name)

    def tokens(self) -> list[ServiceToken]:
        """All service tokens, by name."""
        found = (each for each in list(self._aggregates.values()) if isinstance(each, ServiceToken))
        return sorted(found, key=lambda token: token.name)

    def token(self, secret: str) -> ServiceToken | None:
        """The service token with this secret, unless revoked. One that is not known yet makes it read on."""
        hashed, now = digest(secret), monotonic()
        if hashed not in self._tokens:
            self.refresh(since=now)
        return self._tokens.get(hashed)

    def _take(self, event: RecordedEvent) -> None:
        place = (event.originator_id, event.version, event.topic, event.header)
        stored = PartedEvent(*place, event.business, event.personal, event.redacted)
        domain_event: Any = self._mapper.to_domain_event(stored)
        aggregate = domain_event.mutate(self._aggregates.get(event.originator_id))
        self._aggregates[event.originator_id] = cast(Aggregate, aggregate)

    def _index(self) -> None:
        self._keys = {key.digest: (source, index) for source in self.sources() for index, key in enumerate(source.keys)}
        self._tokens = {token.digest: token for token in self.tokens() if not token.revoked}
        self._plans = {
            plan.source: self._in_force(plan, plan.active) for plan in self.tracking_plans() if plan.active is not None
        }

    def _in_force(self, plan: TrackingPlan, active: int) -> Plan:
        """The plan as it was made ready before, unless it has changed."""
        known = self._plans.get(plan.source)
        if known is not None and (known.number, known.mode) == (active, plan.mode):
            return known
        return in_force(active, plan.mode, plan.drafts[active][1])
