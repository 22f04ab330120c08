"""Accounts over HTTP: households and companies, what is known of them, and the profiles that belong to them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

from fastapi import APIRouter, Depends, Query

from api.account_answers import (
    AccountAnswer,
    AccountsAnswer,
    AccountUnknown,
    InvalidAccountCursor,
    MembersAnswer,
    account_answer,
    accounts_answer,
    members_answer,
)
from api.security import Refused, platform_of, reading, refusals, require
from cdp.identity.normalise import InvalidIdentifier
from cdp.platform import Platform
from cdp.policy.naming import NotNamed, SeveralMeant
from projections.accounts.account_id import InvalidAccountId, account_number

router = APIRouter(
    tags=["accounts"],
    dependencies=[Depends(require("accounts:read"))],
    responses=refusals(400, 401, 403, 404, 422, 503),
)

Plat = Annotated[Platform, Depends(platform_of)]
Limit = Annotated[int, Query(ge=1, le=200)]
Next = Annotated[str | None, Query(description="`next` of the page before")]


@router.get("/accounts")
def list_accounts(
    platform: Plat,
    name: Annotated[str, Query(description="beginnings of words of any name that it ever had")] = "",
    type: Annotated[str | None, Query(description="the type of its identifier, such as group_id")] = None,
    identifier: Annotated[str | None, Query(description="exactly this one: TYPE:VALUE or TYPE@NAMESPACE:VALUE")] = None,
    limit: Limit = 50,
    cursor: Next = None,
) -> AccountsAnswer:
    """Accounts, the one first seen last comes first. What comes in between two pages neither repeats nor hides one."""
    with _refusing(), reading(platform) as connection:
        return accounts_answer(platform, connection, limit, cursor, name, type, identifier)


@router.get("/accounts/{account_id}")
def show_account(platform: Plat, account_id: str) -> AccountAnswer:
    """An account with the source of every field and the first of its members."""
    with _refusing(), reading(platform) as connection:
        return account_answer(platform, connection, account_number(account_id))


@router.get("/accounts/{account_id}/members")
def list_members(platform: Plat, account_id: str, limit: Limit = 50, cursor: Next = None) -> MembersAnswer:
    """The profiles that were seen with an account, merged and split as identity has them now."""
    with _refusing(), reading(platform) as connection:
        return members_answer(connection, account_number(account_id), limit, cursor)


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except InvalidAccountCursor as error:
        raise Refused(400, "invalid_cursor", str(error)) from error
    except (AccountUnknown, InvalidAccountId) as error:
        raise Refused(404, "account_not_found", str(error)) from error
    except (NotNamed, InvalidIdentifier) as error:
        raise Refused(422, "invalid_identifier", str(error)) from error
    except SeveralMeant as error:
        raise Refused(422, "several_namespaces", str(error)) from error
