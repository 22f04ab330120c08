"""Profiles as the API answers them and the command line shows them: names for sources, values for identifiers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

from cdp.identity import normalise
from cdp.identity.identifier import GLOBAL
from cdp.platform import Platform
from projections.contract import Connected
from projections.profiles.queries import holders, read_profile
from projections.timeline.queries import Page


def plain(value: Any) -> Any:
    """A JSON value whose decimals are numbers where that is exact, else their text."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value


class SourceNamed(BaseModel):
    """The source that supplied something."""

    id: UUID
    name: str


class ProfileIdentifier(BaseModel):
    """An identifier by which the profile is known."""

    type: str
    namespace: str = Field(description="where the value means the same person; `global` for e-mail and phone")
    value: str | None = Field(description="in the form in which it is compared; null once it was erased")
    blocked: bool = Field(description="whether the rules say that this value links nobody")
    first_position: int = Field(description="where the log first showed it")


class ProfileField(BaseModel):
    """The value that survives for one attribute, with everything that says why."""

    attribute: str = Field(description="dotted name of the trait")
    value: Annotated[Any, PlainSerializer(plain)]
    source: SourceNamed
    event_id: str = Field(description="the touchpoint that claimed it")
    position: int = Field(description="that touchpoint's position in the log")
    occurred_at: datetime
    effective_at: datetime = Field(description="the earlier of occurred and received: the time that counts")
    received_at: datetime
    rule: str = Field(description="the survivorship rule that chose it")
    losing: int = Field(description="how many other claims there are for this attribute")


class ProfileChannel(BaseModel):
    """What the profile did in one channel."""

    channel: str
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


class ProfileAnswer(BaseModel):
    """A unified profile: who it is, what is known, and where each datum came from."""

    id: str
    touchpoints: int
    first_seen: datetime | None
    last_seen: datetime | None
    identifiers: list[ProfileIdentifier]
    fields: list[ProfileField]
    channels: list[ProfileChannel]


class TimelineEntry(BaseModel):
    """One touchpoint."""

    event_id: str
    position: int
    name: str
    channel: str
    source: SourceNamed
    effective_at: datetime
    occurred_at: datetime
    received_at: datetime
    summary: str = Field(description="amount, lines, campaign: a few words from its clear facts")


class TimelineAnswer(BaseModel):
    """A page of a profile's timeline, the latest touchpoint first."""

    profile: str
    entries: list[TimelineEntry]
    next: str | None = Field(description="the cursor of the next page; null on the last one")


def source_names(platform: Platform) -> Callable[[UUID], SourceNamed]:
    """Names sources; one that was set up a moment ago is looked up in the log."""

    def named(source_id: UUID) -> SourceNamed:
        source = platform.registry.source(source_id)
        if source is None:
            platform.registry.refresh()
            source = platform.registry.source(source_id)
        return SourceNamed(id=source_id, name=source.name if source else str(source_id))

    return named


def profile_answer(platform: Platform, connection: Connected, profile_id: str) -> ProfileAnswer:
    """The profile with this present id."""
    profile = read_profile(connection, profile_id)
    values = platform.vault.values(identifier.number for identifier in profile.identifiers)
    named = source_names(platform)
    return ProfileAnswer(
        id=profile.id,
        touchpoints=profile.touchpoints,
        first_seen=profile.first_seen,
        last_seen=profile.last_seen,
        identifiers=[
            ProfileIdentifier(
                type=each.type,
                namespace=each.namespace,
                value=value.value if (value := values[each.number]) else None,
                blocked=each.blocked,
                first_position=each.first_position,
            )
            for each in profile.identifiers
        ],
        fields=[
            ProfileField(**{**each._asdict(), "source": named(each.source)}, rule=each.rule) for each in profile.fields
        ],
        channels=[ProfileChannel(**each._asdict()) for each in profile.channels],
    )


def timeline_answer(platform: Platform, profile_id: str, page: Page) -> TimelineAnswer:
    """A page of the timeline of the profile with this present id."""
    named = source_names(platform)
    return TimelineAnswer(
        profile=profile_id,
        entries=[TimelineEntry(**{**each._asdict(), "source": named(each.source)}) for each in page.entries],
        next=str(page.next) if page.next else None,
    )


def found_profiles(
    platform: Platform, connection: Connected, type_: str, value: str, namespace: str | None = None
) -> list[str]:
    """The present ids of the profiles that an identifier leads to, in every namespace unless one is named.

    Raises `InvalidIdentifier` for a value that cannot be of this type.
    """
    region = platform.settings.default_region
    kept = {
        (named, each.namespace(named[0]))
        for each in platform.registry.sources()
        for named in [normalise.named(type_, value, each.namespaces)]
    } or {(normalise.named(type_, value, ()), GLOBAL)}
    wanted = {normalise.identifier(*named, namespace or space, region): None for named, space in sorted(kept, key=str)}
    numbers = [number for each in wanted if (number := platform.vault.find(each)) is not None]
    return list(dict.fromkeys(profile for number in numbers for profile in holders(connection, number)))
