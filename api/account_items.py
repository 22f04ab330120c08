"""Accounts at a glance: as lists of accounts show them, and profiles."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from pydantic import BaseModel, Field

from cdp.platform import Platform
from projections.accounts.account_id import account_id
from projections.accounts.queries import ListedAccount


class AccountItem(BaseModel):
    """An account at a glance."""

    id: str
    type: str = Field(description="of the identifier: `group_id` for group calls")
    namespace: str
    value: str | None = Field(description="the identifier; null once it was erased")
    name: str | None = Field(description="the trait `name` that was claimed last")
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


def account_items(platform: Platform, accounts: Iterable[ListedAccount]) -> list[AccountItem]:
    """Accounts at a glance, with the values of their identifiers."""
    listed = list(accounts)
    values = platform.vault.values(each.number for each in listed) if listed else {}
    return [
        AccountItem(
            id=account_id(each.number),
            value=value.value if (value := values[each.number]) else None,
            **{field: getattr(each, field) for field in each._fields if field != "number"},
        )
        for each in listed
    ]
