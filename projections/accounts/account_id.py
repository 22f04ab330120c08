"""Account ids: like those of profiles, a reversible writing of an identifier's number, with a letter of their own."""

from __future__ import annotations

from cdp.identity.profile_id import PREFIX as PROFILE
from cdp.identity.profile_id import InvalidProfileId, identifier_number, profile_id

PREFIX = "a"


class InvalidAccountId(ValueError):
    """A text that cannot be the id of an account."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not an account id: expected {PREFIX!r} and 13 digits. "
            "Find an account by its identifier instead, such as group_id:acme, or by its name."
        )


def account_id(number: int) -> str:
    """The id of the account with this identifier number."""
    return PREFIX + profile_id(number).removeprefix(PROFILE)


def account_number(text: str) -> int:
    """The identifier number that an account id carries. Raises `InvalidAccountId`."""
    folded = text.strip().lower()
    try:
        return identifier_number(PROFILE + folded.removeprefix(PREFIX)) if folded.startswith(PREFIX) else _refuse(text)
    except InvalidProfileId as error:
        raise InvalidAccountId(text) from error


def _refuse(text: str) -> int:
    raise InvalidAccountId(text)
