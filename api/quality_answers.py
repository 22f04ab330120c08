"""The quality of what sources send, as the API answers it and the command prints it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, Field

from api.profile_answers import SourceNamed
from cdp.ingest.outcomes import OUTCOMES, read_counts
from cdp.log.touchpoint import UNKNOWN_NAME
from cdp.platform import Platform
from cdp.quarantine.listing import counts
from cdp.quarantine.selection import HELD, Selection
from cdp.sources.rejection import Reason
from cdp.sources.source import Source
from projections.contract import Connected
from projections.quality.queries import (
    EventQuality,
    Flagged,
    Heard,
    read_days,
    read_events,
    read_flags,
    read_sources,
    read_verdicts,
)
from projections.quality.rhythm import Verdict

DISABLED = "disabled"
NOTHING_YET = "nothing accepted yet"

_UNHEARD = Flagged(0, {})


class RhythmAnswer(BaseModel):
    """Whether a source's silence is in its own rhythm."""

    state: str = Field(description="in rhythm, silent, too little history, nothing accepted yet, or disabled")
    why: str | None = Field(default=None, description="what is missing where there is too little history")
    silence_seconds: float | None = None
    deliveries: int = Field(default=0, description="in the history from which the rhythm is read")
    since: datetime | None = Field(default=None, description="where that history begins")
    expected: float | None = Field(default=None, description="deliveries that were to be expected during the silence")
    regularity: float | None = Field(default=None, description="1 for deliveries at random, more for regular ones")
    probability: float | None = Field(default=None, description="of a gap at least as long as the silence")
    per_week: float | None = Field(default=None, description="how many such silences a week chance brings")


class SourceSummary(BaseModel):
    """A source at a glance. `items` are its books: received and what became of it."""

    source: SourceNamed
    touchpoints: int
    unknown: int = Field(description="touchpoints whose event name neither the catalogue nor a plan declares")
    flags: dict[str, int] = Field(description="touchpoints that carry each flag")
    first_received: datetime | None
    last_received: datetime | None
    last_occurred: datetime | None
    items: dict[str, int]
    held: dict[str, int] = Field(description="items in quarantine now, by reason")
    conflicts: int = Field(description="of these: a message id that is known with other content")
    rhythm: RhythmAnswer


class QualityAnswer(BaseModel):
    """All sources at a glance, judged at `now`."""

    now: datetime
    timezone: str
    sources: list[SourceSummary]


class FieldAnswer(BaseModel):
    """How many touchpoints of an event name have a field: an identifier's type, a trait, or a business property."""

    kind: str
    field: str
    touchpoints: int
    completeness: float


class EventAnswer(BaseModel):
    """The touchpoints of one event name."""

    name: str
    known: bool
    touchpoints: int
    fields: list[FieldAnswer]
    flags: dict[str, int]


class DayAnswer(BaseModel):
    """The touchpoints of one day, by their effective time."""

    day: date
    touchpoints: int
    unknown: int


class SourceQualityAnswer(SourceSummary):
    """A source in full. `events` and `days` are of the days asked for; the rest is of all time."""

    now: datetime
    timezone: str
    events: list[EventAnswer]
    days: list[DayAnswer]


class _Books:
    """What the log database says of all sources."""

    def __init__(self, platform: Platform) -> None:
        pool = platform.databases.log
        self.items: Mapping[UUID, dict[str, int]] = {
            each.source_id: {name: getattr(each, name) for name in ("received", *OUTCOMES)}
            for each in read_counts(pool)
        }
        self.held: defaultdict[UUID, Counter[str]] = defaultdict(Counter)
        for each in counts(pool, Selection(state=HELD)):
            self.held[each.source_id][each.reason] += each.items


def quality_of(platform: Platform, connection: Connected, now: datetime) -> QualityAnswer:
    """All sources, by name. Raises `NotBuilt`."""
    timezone = ZoneInfo(platform.settings.timezone)
    platform.registry.refresh()
    books, heard = _Books(platform), {each.source: each for each in read_sources(connection)}
    flagged, verdicts = read_flags(connection), read_verdicts(connection, list(heard.values()), now, timezone)
    summaries = [
        _summary(source, heard.get(source.id), flagged.get(source.id, _UNHEARD), verdicts.get(source.id), books)
        for source in platform.registry.sources()
    ]
    return QualityAnswer(now=now, timezone=timezone.key, sources=summaries)


def source_quality_of(
    platform: Platform,
    connection: Connected,
    name: str,
    now: datetime,
    first: date | None = None,
    last: date | None = None,
) -> SourceQualityAnswer:
    """One source in full. Raises `NotBuilt`, and `NotSetUp` for an unknown name."""
    source = platform.sources.get(name)
    everything = quality_of(platform, connection, now)
    [summary] = [each for each in everything.sources if each.source.id == source.id]
    return SourceQualityAnswer(
        **summary.model_dump(),
        now=now,
        timezone=everything.timezone,
        events=[_event(each) for each in read_events(connection, source.id, first, last)],
        days=[DayAnswer(**each._asdict()) for each in read_days(connection, source.id, first, last)],
    )


def _summary(
    source: Source, heard: Heard | None, flagged: Flagged, verdict: Verdict | None, books: _Books
) -> SourceSummary:
    held = books.held[source.id]
    return SourceSummary(
        source=SourceNamed(id=source.id, name=source.name),
        touchpoints=heard.touchpoints if heard else 0,
        unknown=flagged.unknown,
        flags=dict(sorted(flagged.flags.items())),
        first_received=heard.first_received if heard else None,
        last_received=heard.last_received if heard else None,
        last_occurred=heard.last_occurred if heard else None,
        items=books.items.get(source.id, dict.fromkeys(("received", *OUTCOMES), 0)),
        held=dict(held.most_common()),
        conflicts=held[Reason.CONFLICT.value],
        rhythm=_rhythm(source, verdict),
    )


def _rhythm(source: Source, verdict: Verdict | None) -> RhythmAnswer:
    if verdict is None:
        return RhythmAnswer(state=DISABLED if source.disabled else NOTHING_YET)
    return RhythmAnswer(
        state=DISABLED if source.disabled else verdict.state.value,
        why=verdict.why,
        silence_seconds=verdict.silence.total_seconds(),
        deliveries=verdict.deliveries,
        since=verdict.since,
        expected=verdict.expected,
        regularity=verdict.regularity,
        probability=verdict.probability,
        per_week=verdict.per_week,
    )


def _event(event: EventQuality) -> EventAnswer:
    return EventAnswer(
        name=event.name,
        known=event.name != UNKNOWN_NAME,
        touchpoints=event.touchpoints,
        fields=[
            FieldAnswer(
                kind=each.kind, field=each.field, touchpoints=each.touchpoints, completeness=round(each.completeness, 4)
            )
            for each in event.fields
        ],
        flags=dict(event.flags),
    )
