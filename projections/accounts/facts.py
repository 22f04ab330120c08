"""What a touchpoint says of accounts: who was seen with which, what a group call claims of it, and the words of its
name. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from psycopg.types.json import Jsonb

from cdp.identity.identifier import Sighting
from cdp.log.touchpoint import Touchpoint
from projections.attributes import attributes_of, stored
from projections.contract import Surroundings
from projections.words import words

ACCOUNT = "account"
"""The role of an identifier that names an account."""

NAME = "name"
"""The trait of an account under which it is listed."""


class Joining(NamedTuple):
    """A touchpoint that names an account."""

    position: int
    event_id: str
    account: int
    type: str
    namespace: str
    subject: int | None
    effective_at: datetime
    source: UUID
    channel: str


class AccountClaim(NamedTuple):
    """One value of one attribute, as one touchpoint states it of an account."""

    account: int
    attribute: str
    value: Jsonb
    source: UUID
    event_id: str
    position: int
    occurred_at: datetime
    effective_at: datetime
    received_at: datetime


class Naming(NamedTuple):
    """A word of a name that a touchpoint gives an account."""

    position: int
    account: int
    word: str


def joinings(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[Joining]:
    """One for each account that the touchpoint names."""
    header = touchpoint.header
    for _, type_, namespace, number in _accounts(touchpoint):
        yield Joining(
            touchpoint.position,
            header.id,
            number,
            type_,
            namespace,
            header.subject,
            header.effective_at,
            header.source,
            header.channel,
        )


def account_claims(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[AccountClaim]:
    """The leaves of a group call's traits under dotted names; null claims nothing, a list is one value."""
    header = touchpoint.header
    account = _described(touchpoint)
    if account is None:
        return
    for attribute, value in attributes_of(touchpoint.section("traits")):
        if value is not None and value != {}:
            yield AccountClaim(
                account.number,
                attribute,
                stored(value),
                header.source,
                header.id,
                touchpoint.position,
                header.occurred_at,
                header.effective_at,
                header.received_at,
            )


def namings(touchpoint: Touchpoint, surroundings: Surroundings) -> Iterator[Naming]:
    """The words of the name that a group call gives its account."""
    account = _described(touchpoint)
    name = touchpoint.section("traits").get(NAME) if account else None
    if account and isinstance(name, str):
        for word in sorted(set(words(name))):
            yield Naming(touchpoint.position, account.number, word)


def _accounts(touchpoint: Touchpoint) -> list[Sighting]:
    """The accounts that a touchpoint names, each once."""
    found = {each.number: each for each in reversed(touchpoint.header.identifiers) if each.role == ACCOUNT}
    return [found[number] for number in sorted(found)]


def _described(touchpoint: Touchpoint) -> Sighting | None:
    """The account that a group call is about: the first that it names."""
    if touchpoint.header.type != "group":
        return None
    return next((each for each in touchpoint.header.identifiers if each.role == ACCOUNT), None)
