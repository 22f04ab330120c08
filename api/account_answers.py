"""What is answered about accounts, over HTTP and on the command line."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

import msgspec
from pydantic import BaseModel, Field

from api.account_items import AccountItem, account_items
from api.profile_answers import source_names
from api.profile_models import JsonValue, SourceNamed
from cdp.platform import Platform
from cdp.policy.naming import IdentifierUnknown, Naming
from projections.accounts.account_id import account_id
from projections.accounts.queries import (
    NEWEST,
    AccountCursor,
    AccountField,
    ListedAccount,
    Member,
    list_accounts,
    read_account,
    read_fields,
    read_members,
)
from projections.contract import Connected

MEMBERS_SHOWN = 20

_decode = msgspec.json.Decoder(float_hook=Decimal).decode


class AccountUnknown(LookupError):
    """There is no such account."""

    def __init__(self, account: str) -> None:
        super().__init__(
            f"there is no account {account}; `cdp account list` or GET /api/accounts shows which there are"
        )


class InvalidAccountCursor(ValueError):
    """A cursor that no page gave out."""

    def __init__(self, text: str) -> None:
        super().__init__(f"{text!r} is not a cursor: expected the `next` of an earlier page; leave it out to begin")


class AccountFieldAnswer(BaseModel):
    """The value of an attribute that was claimed last, with its source."""

    attribute: str
    value: JsonValue
    source: SourceNamed
    event_id: str
    position: int
    occurred_at: datetime
    effective_at: datetime
    received_at: datetime
    rule: str = Field(default="last updated", description="how it was chosen")
    losing: int = Field(description="how many other claims there are")


class MemberAnswer(BaseModel):
    """A profile that was seen with the account."""

    profile: str
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


class AccountAnswer(AccountItem):
    """An account with what is known of it and the first of its members."""

    fields: list[AccountFieldAnswer]
    members: list[MemberAnswer]
    more_members: bool = Field(description="whether there are more: `GET /api/accounts/{id}/members`")


class AccountsAnswer(BaseModel):
    """A page of accounts, the one first seen last comes first."""

    accounts: list[AccountItem]
    next: str | None = Field(description="the cursor of the next page; null on the last one")


class MembersAnswer(BaseModel):
    """A page of an account's members, in the order of their ids."""

    account: str
    members: list[MemberAnswer]
    next: str | None = Field(description="the cursor of the next page; null on the last one")


def account_answer(platform: Platform, connection: Connected, number: int) -> AccountAnswer:
    """An account. Raises `AccountUnknown`."""
    found = read_account(connection, number)
    if found is None:
        raise AccountUnknown(account_id(number))
    members = read_members(connection, number, MEMBERS_SHOWN + 1)
    [item] = account_items(platform, [found])
    return AccountAnswer(
        **item.model_dump(),
        fields=[_field(platform, each) for each in read_fields(connection, number)],
        members=list(map(_member, members[:MEMBERS_SHOWN])),
        more_members=len(members) > MEMBERS_SHOWN,
    )


def members_answer(connection: Connected, number: int, limit: int, cursor: str | None) -> MembersAnswer:
    """A page of members. Raises `AccountUnknown`. A cursor is the profile that the page before ended with."""
    if read_account(connection, number) is None:
        raise AccountUnknown(account_id(number))
    members = read_members(connection, number, limit + 1, cursor or "")
    more = members[limit - 1].profile if len(members) > limit else None
    return MembersAnswer(account=account_id(number), members=list(map(_member, members[:limit])), next=more)


def accounts_answer(
    platform: Platform,
    connection: Connected,
    limit: int,
    cursor: str | None = None,
    name: str = "",
    type_: str | None = None,
    identifier: str | None = None,
) -> AccountsAnswer:
    """A page of accounts; `identifier` names one as `TYPE:VALUE`.

    Raises `InvalidAccountCursor`, and what `Naming.find` raises for a name that it cannot read.
    """
    before = _parse(cursor) if cursor else NEWEST
    numbers = _numbers(platform, identifier) if identifier else None
    found = list_accounts(connection, limit + 1, before, name, type_, numbers)
    last = found[limit - 1] if len(found) > limit else None
    return AccountsAnswer(accounts=account_items(platform, found[:limit]), next=_cursor(last) if last else None)


def _numbers(platform: Platform, identifier: str) -> Sequence[int]:
    naming = Naming(platform.vault, platform.registry, platform.settings.default_region)
    try:
        return [naming.find(identifier).number]
    except IdentifierUnknown:
        return []


def _field(platform: Platform, field: AccountField) -> AccountFieldAnswer:
    said = {**field._asdict(), "value": _decode(field.value), "source": source_names(platform)(field.source)}
    return AccountFieldAnswer(**said)


def _member(member: Member) -> MemberAnswer:
    return MemberAnswer(**member._asdict())


def _cursor(last: ListedAccount) -> str:
    return base64.urlsafe_b64encode(json.dumps([last.first_seen.isoformat(), last.number]).encode()).decode()


def _parse(text: str) -> AccountCursor:
    try:
        at, number = json.loads(base64.urlsafe_b64decode(text.encode()))
        if not isinstance(number, int) or not 0 <= number < 2**63:
            raise ValueError(number)
        return AccountCursor(datetime.fromisoformat(at).isoformat(), number)
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidAccountCursor(text) from error
