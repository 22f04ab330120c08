"""What changed of a profile between two points in time: who it is, what is known of it, and what it did."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from api.profile_answers import profile_answer
from api.profile_groups import GroupAt, ProfileReader
from api.profile_models import (
    IdentifierNamed,
    JsonValue,
    ProfileAnswer,
    ProfileField,
    ProfileIdentifier,
    SelectionAnswer,
    SourceNamed,
)

MOST_FOLLOWED = 50
"""Identifiers that joined or left whose other profile is looked up."""


class DifferenceSide(BaseModel):
    """The profile at one of the two points; `id` is null where nobody knew it."""

    id: str | None
    selection: SelectionAnswer | None
    touchpoints: int


class VerdictChange(IdentifierNamed):
    """An identifier on which identity passed another verdict: why it links nobody, or null where it links."""

    before: str | None
    after: str | None


class FieldValue(BaseModel):
    """A value and where it came from."""

    value: JsonValue
    source: SourceNamed
    event_id: str
    position: int
    effective_at: datetime
    rule: str


class FieldChange(BaseModel):
    """A field with another value, source or rule; null where there was none."""

    attribute: str
    before: FieldValue | None
    after: FieldValue | None


class ChannelChange(BaseModel):
    """A channel with another number of touchpoints."""

    channel: str
    before: int
    after: int


class ProfileDifference(BaseModel):
    """What changed of a profile."""

    before: DifferenceSide
    after: DifferenceSide
    joined: list[IdentifierNamed] = Field(description="identifiers that belong to the profile only after")
    left: list[IdentifierNamed] = Field(description="identifiers that belonged to it only before")
    joined_from: list[str] = Field(description="the profiles that those which joined belonged to before")
    left_to: list[str] = Field(description="the profiles that those which left belong to after")
    verdicts: list[VerdictChange]
    fields: list[FieldChange]
    channels: list[ChannelChange]
    memberships_gained: int = Field(description="sets of identifiers, seen together, whose touchpoints came to it")
    memberships_lost: int = Field(description="sets of identifiers, seen together, whose touchpoints left it")


def profile_difference(before: ProfileReader, after: ProfileReader, profile_id: str) -> ProfileDifference | None:
    """What changed of the profile with this id; None where neither point knows it. Raises `InvalidProfileId`."""
    old, new = before.profile(profile_id), after.profile(profile_id)
    if old is None and new is None:
        return None
    was, now = _answer(before, old), _answer(after, new)
    members_before, members_after = _memberships(old), _memberships(new)
    return ProfileDifference(
        before=_side(was),
        after=_side(now),
        joined=_missing(now, was),
        left=_missing(was, now),
        joined_from=_profiles(before, _numbers(new) - _numbers(old), was),
        left_to=_profiles(after, _numbers(old) - _numbers(new), now),
        verdicts=_verdicts(was, now),
        fields=_fields(was, now),
        channels=_channels(was, now),
        memberships_gained=len(members_after - members_before),
        memberships_lost=len(members_before - members_after),
    )


def _answer(reader: ProfileReader, found: GroupAt | None) -> ProfileAnswer | None:
    return profile_answer(reader, found) if found else None


def _numbers(found: GroupAt | None) -> frozenset[int]:
    return frozenset(found.group.nodes if found else ())


def _memberships(found: GroupAt | None) -> frozenset[object]:
    """What belongs to the group from when to when, whatever the profile is called."""
    return frozenset((each.subject, each.start, each.end) for each in found.group.memberships) if found else frozenset()


def _side(profile: ProfileAnswer | None) -> DifferenceSide:
    if profile is None:
        return DifferenceSide(id=None, selection=None, touchpoints=0)
    return DifferenceSide(id=profile.id, selection=profile.selection, touchpoints=profile.touchpoints)


def _profiles(reader: ProfileReader, numbers: Collection[int], own: ProfileAnswer | None) -> list[str]:
    found = (reader.identifier(number) for number in sorted(numbers)[:MOST_FOLLOWED])
    return sorted({each.group.profile for each in found if each is not None} - ({own.id} if own else set()))


def _identifiers(profile: ProfileAnswer | None) -> dict[tuple[object, ...], ProfileIdentifier]:
    """By what they are and where the log first showed them: erased ones have no value to be told apart by."""
    given = profile.identifiers if profile else []
    return {(each.type, each.namespace, each.value, each.first_position): each for each in given}


def _missing(there: ProfileAnswer | None, here: ProfileAnswer | None) -> list[IdentifierNamed]:
    known = _identifiers(here)
    return [IdentifierNamed(**each.model_dump()) for key, each in _identifiers(there).items() if key not in known]


def _verdicts(before: ProfileAnswer | None, after: ProfileAnswer | None) -> list[VerdictChange]:
    was, now = _identifiers(before), _identifiers(after)
    return [
        VerdictChange(**now[key].model_dump(include={"type", "namespace", "value"}), before=old, after=new)
        for key in now.keys() & was.keys()
        if (old := _verdict(was[key])) != (new := _verdict(now[key]))
    ]


def _verdict(identifier: ProfileIdentifier) -> str | None:
    return identifier.verdict.message if identifier.verdict else None


def _fields(before: ProfileAnswer | None, after: ProfileAnswer | None) -> list[FieldChange]:
    was, now = _values(before), _values(after)
    return [
        FieldChange(attribute=attribute, before=was.get(attribute), after=now.get(attribute))
        for attribute in sorted(was.keys() | now.keys())
        if _differ(was.get(attribute), now.get(attribute))
    ]


def _values(profile: ProfileAnswer | None) -> dict[str, FieldValue]:
    fields: Iterable[ProfileField] = profile.fields if profile else ()
    return {each.attribute: FieldValue(**each.model_dump(include=set(FieldValue.model_fields))) for each in fields}


def _differ(before: FieldValue | None, after: FieldValue | None) -> bool:
    if before is None or after is None:
        return True
    return (before.value, before.source, before.rule) != (after.value, after.source, after.rule)


def _channels(before: ProfileAnswer | None, after: ProfileAnswer | None) -> list[ChannelChange]:
    was, now = _counts(before), _counts(after)
    return [
        ChannelChange(channel=channel, before=was.get(channel, 0), after=now.get(channel, 0))
        for channel in sorted(was.keys() | now.keys())
        if was.get(channel, 0) != now.get(channel, 0)
    ]


def _counts(profile: ProfileAnswer | None) -> dict[str, int]:
    return {each.channel: each.touchpoints for each in profile.channels} if profile else {}
