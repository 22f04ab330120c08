"""Reading accounts: one with its fields, the profiles that belong to it, lists, and the accounts of a profile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from projections.accounts.facts import NAME
from projections.contract import Connected
from projections.members import HELD, MEMBERS, Members
from projections.words import after, words

_SHOWN_NAME = f"""
cross join lateral (
    select (
        select value #>> '{{{{}}}}'
        from accounts.claims
        where claims.account = {{account}}
            and attribute = '{NAME}'
            and value not in ('""', 'null')
            {{known}}
        order by effective_at desc, event_id desc
        limit 1
    ) as name
) as shown
"""
_NAME_NOW = _SHOWN_NAME.format(account="accounts.account", known="")
_NAME_THEN = _SHOWN_NAME.format(
    account="seen.account",
    known="""and (%(at)s::timestamptz is null or effective_at <= %(at)s)
            and (%(known)s::bigint is null or position <= %(known)s)""",
)
_LISTED = "accounts.account, type, namespace, shown.name, touchpoints, first_seen, last_seen"

_ACCOUNT = f"""
select {_LISTED}
from accounts.accounts
{_NAME_NOW}
where accounts.account = %(account)s
order by touchpoints desc, type, namespace
limit 1
"""
_FIELDS = """
select attribute, value::text, source, event_id, position, occurred_at, effective_at, received_at, claims - 1
from (
    select
        *,
        row_number() over (partition by attribute order by effective_at desc, event_id desc) as place,
        count(*) over (partition by attribute) as claims
    from accounts.claims
    where account = %(account)s
) as candidates
where place = 1
order by attribute
"""
_MEMBERS = """
select profile, count(*), min(effective_at), max(effective_at)
from accounts.joinings
join identity.memberships
    on memberships.subject = joinings.subject
    and (effective_at, event_id) >= (from_at, from_event)
    and (effective_at, event_id) < (to_at, to_event)
where account = %(account)s
group by profile
having profile > %(after)s
order by profile
limit %(limit)s
"""
_LIST = f"""
select {_LISTED}
from accounts.accounts
{_NAME_NOW}
where (first_seen, accounts.account) < (%(before_at)s::timestamptz, %(before)s)
    and (%(type)s::text is null or type = %(type)s)
    and (%(numbers)s::bigint[] is null or accounts.account = any(%(numbers)s))
order by first_seen desc, accounts.account desc
limit %(limit)s
"""
_NAMED = """
select account
from accounts.words
where word >= %s
    and word < %s
group by account
limit %s
"""
_OF_MEMBERS = f"""
with {MEMBERS}
select seen.account, type, namespace, shown.name, touchpoints, first_seen, last_seen
from (
    select
        account,
        type,
        namespace,
        count(*) as touchpoints,
        min(effective_at) as first_seen,
        max(effective_at) as last_seen
    from members
    cross join lateral (
        select account, type, namespace, effective_at
        from accounts.joinings
        where joinings.subject = members.subject
            and {HELD}
        offset 0
    ) as joining
    group by account, type, namespace
) as seen
{_NAME_THEN}
order by last_seen desc, account
"""

MOST_NAMED = 50_000
"""Accounts that one beginning of a word may lead to."""


class ListedAccount(NamedTuple):
    """An account at a glance. Its times and number of touchpoints are those of everybody seen with it."""

    number: int
    type: str
    namespace: str
    name: str | None
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


class AccountField(NamedTuple):
    """The value of an attribute that was said last, and where it came from. `losing` counts the other claims."""

    attribute: str
    value: str
    source: UUID
    event_id: str
    position: int
    occurred_at: datetime
    effective_at: datetime
    received_at: datetime
    losing: int


class Member(NamedTuple):
    """A profile that was seen with an account."""

    profile: str
    touchpoints: int
    first_seen: datetime
    last_seen: datetime


class AccountCursor(NamedTuple):
    """Where a page of accounts ended: at the one first seen then, with this number."""

    at: str
    number: int


NEWEST = AccountCursor("infinity", 2**63 - 1)


def read_account(connection: Connected, number: int) -> ListedAccount | None:
    """The account of this identifier; None if nobody was ever seen with it."""
    row = connection.execute(_ACCOUNT, {"account": number}).fetchone()
    return None if row is None else ListedAccount(*row)


def read_fields(connection: Connected, number: int) -> list[AccountField]:
    """What is known of an account: of each attribute what was said last. Values are JSON texts."""
    return [AccountField(*row) for row in connection.execute(_FIELDS, {"account": number})]


def read_members(connection: Connected, number: int, limit: int, after_profile: str = "") -> list[Member]:
    """Profiles that were seen with an account, as identity has them now, in the order of their ids."""
    rows = connection.execute(_MEMBERS, {"account": number, "after": after_profile, "limit": limit})
    return [Member(*row) for row in rows]


def list_accounts(
    connection: Connected,
    limit: int,
    before: AccountCursor = NEWEST,
    name: str = "",
    type_: str | None = None,
    numbers: Sequence[int] | None = None,
) -> list[ListedAccount]:
    """Accounts, the one first seen last comes first.

    `name` are beginnings of words of any name that the account ever had; `numbers` are the only ones wanted.
    """
    chosen: dict[str, Any] = {"type": type_, "before_at": before.at, "before": before.number, "limit": limit}
    wanted = None if numbers is None else set(numbers)
    for word in words(name):
        found = {account for (account,) in connection.execute(_NAMED, [word, after(word), MOST_NAMED])}
        wanted = found if wanted is None else wanted & found
    rows = connection.execute(_LIST, {**chosen, "numbers": None if wanted is None else sorted(wanted)})
    return [ListedAccount(*row) for row in rows]


def accounts_of(connection: Connected, members: Members) -> list[ListedAccount]:
    """The accounts that a group of identifiers was seen with, the one seen last first.

    Times and numbers are of this group's touchpoints only, so they hold for any past moment as well.
    """
    return [ListedAccount(*row) for row in connection.execute(_OF_MEMBERS, members.parameters())]
