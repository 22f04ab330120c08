"""Identifiers of people as sources send them, and the form in which they are compared."""

from __future__ import annotations

from typing import NamedTuple

GLOBAL = "global"
"""The namespace shared by every source: an e-mail address or a phone number means the same everywhere."""


class Identifier(NamedTuple):
    """A normalised identifier: what two touchpoints must share to be about one person.

    `namespace` is `GLOBAL` for e-mail and phone; for every other type it is the namespace that the source declares
    for that type (by default the source's own name), so that customer 42 of the shop is not customer 42 of the till.
    """

    type: str
    namespace: str
    value: str


class Sighting(NamedTuple):
    """An identifier as an event's header names it: never the value, only the vault's number.

    `role` is `self` for the person whom the touchpoint is about; only these link. Other roles are `account`, `agent`
    and `friend`.
    """

    role: str
    type: str
    namespace: str
    number: int


SELF = "self"

SHAREABLE = frozenset({"anonymous_id", "device_id", "phone", "household_card"})
"""Types that several persons may share, so that alone they say little about who it was."""

KNOWN = frozenset(
    {
        *(
            "user_id",
            "anonymous_id",
            "device_id",
            "email",
            "phone",
            "loyalty_card",
            "household_card",
            "group_id",
            "crm_id",
        ),
        *(
            "instagram_id",
            "facebook_id",
            "whatsapp_id",
            "telegram_id",
            "x_id",
            "tiktok_id",
            "youtube_id",
            "linkedin_id",
        ),
        *("idfa", "idfv", "gaid", "push_token", "customer_id", "tax_id", "marketplace_id"),
    }
)
"""Types that may be named in the clear without more ado; a source names others by declaring a namespace for them."""

UNKNOWN = "(unknown)"
"""The type under which identifiers of any other type are kept; theirs goes into the value, as `type:value`."""
