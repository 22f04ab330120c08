"""Profiles as the API answers them and `--json` prints them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, Field, PlainSerializer

from api.account_items import AccountItem


def plain(value: Any) -> Any:
    """A JSON value whose decimals are numbers where that is exact, else their text."""
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, Decimal):
        return float(value) if Decimal(repr(float(value))) == value else str(value)
    return value


JsonValue = Annotated[Any, PlainSerializer(plain)]


class SelectionAnswer(BaseModel):
    """What an answer is about: touchpoints up to a moment and a position, under the rules in force there.

    Values with a time to live have expired by `as_of`, or by now.
    """

    as_of: datetime | None = Field(description="touchpoints that happened up to this moment; null for all")
    known_at: int | None = Field(description="as known at this position of the log; null for now")
    known_when: datetime | None = Field(description="the time that was asked for, if `known_at` was found by one")
    position: int = Field(description="the last position that the profiles take into account")
    identity_rules: int = Field(description="the version of the identity rules, 0 for the built-in ones")
    survivorship_rules: int = Field(description="the version of the survivorship rules, 0 for the built-in ones")
    erased: bool = Field(description="whether an identifier of the profile was erased since; erasure has no past")


class SourceNamed(BaseModel):
    """The source that supplied something."""

    id: UUID
    name: str


class IdentifierNamed(BaseModel):
    """An identifier."""

    type: str
    namespace: str = Field(description="where the value means the same person; `global` for e-mail and phone")
    value: str | None = Field(description="in the form in which it is compared; null once it was erased")


class VerdictAnswer(BaseModel):
    """Why an identifier links nobody."""

    code: str = Field(description="`blocked` or `ambiguous`")
    detail: str = Field(description="`value` or `steward`; `limit` or `fan_out`")
    message: str


class ProfileIdentifier(IdentifierNamed):
    """An identifier by which the profile is known."""

    blocked: bool = Field(description="whether the rules or a steward say that it links nobody")
    verdict: VerdictAnswer | None = Field(description="why it links nobody; null where it does link")
    first_position: int = Field(description="where the log first showed it")


class WithheldAnswer(BaseModel):
    """Two identifiers that were seen together and still are not one profile."""

    a: IdentifierNamed
    b: IdentifierNamed
    reason: str = Field(description="`cannot_link`, `limit`, `size_cap` or `public_source`")
    message: str
    effective_at: datetime | None = Field(description="when they were seen together; null for a steward's link")
    event_id: str | None
    collision: list[IdentifierNamed] = Field(description="the identifiers on which the link failed")


class LosingCandidate(BaseModel):
    """A value that was claimed and did not win, with why."""

    value: JsonValue
    source: SourceNamed
    claims: int = Field(description="how often this source claimed it")
    first_at: datetime
    last_at: datetime
    event_id: str = Field(description="the touchpoint of the last claim")
    position: int
    reason: str = Field(description="`older`, `newer`, `empty`, `expired`, `lower-priority source` …")


class FieldOrigin(BaseModel):
    """The claim behind a value."""

    source: SourceNamed
    event_id: str = Field(description="the touchpoint that claimed it")
    position: int = Field(description="that touchpoint's position in the log")
    occurred_at: datetime
    effective_at: datetime = Field(description="the earlier of occurred and received: the time that counts")
    received_at: datetime
    expires_at: datetime | None = Field(description="when it is no longer shown, where the rule has a time to live")


class FieldItem(FieldOrigin):
    """One value of a multi-valued field."""

    value: JsonValue


class ProfileField(FieldOrigin):
    """The value that survives for one attribute, with everything that says why."""

    attribute: str = Field(description="dotted name of the trait")
    value: JsonValue = Field(description="of a multi-valued field the list of its items' values")
    rule: str = Field(description="the survivorship rule that chose it")
    items: list[FieldItem] | None = Field(description="each value with its origin; null unless multi-valued")
    losing: int = Field(description="how many claims lost")
    candidates: list[LosingCandidate] = Field(description="what lost, the strongest first; at most 20")


class ExpiredField(BaseModel):
    """An attribute of which every claim has expired."""

    attribute: str
    rule: str
    losing: int
    candidates: list[LosingCandidate]


class ProfileChannel(BaseModel):
    """What the profile did in one channel."""

    channel: str
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


class ProfileAnswer(BaseModel):
    """A unified profile: who it is, what is known, and where each datum came from."""

    id: str
    selection: SelectionAnswer
    touchpoints: int
    first_seen: datetime | None
    last_seen: datetime | None
    identifiers: list[ProfileIdentifier]
    withheld: list[WithheldAnswer] = Field(description="links that the rules or stewards withhold")
    fields: list[ProfileField]
    expired: list[ExpiredField] = Field(description="attributes that were claimed once and have expired")
    channels: list[ProfileChannel]
    accounts: list[AccountItem] = Field(description="households and companies that it was seen with, and its own times")


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
    selection: SelectionAnswer
    entries: list[TimelineEntry]
    next: str | None = Field(description="the cursor of the next page; null on the last one")
