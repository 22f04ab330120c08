"""Where the common specification keeps identifiers: in the same places of an item, whoever wrapped it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cdp.sources.connector import Tree
from cdp.sources.rejection import Reason, Rejected

CANONICAL = {
    "identify": "User Identified",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Account Joined",
    "alias": "Identity Aliased",
}
"""The canonical event names of the calls that carry none of their own."""

IDENTIFIERS = ("userId", "anonymousId", "previousId", "groupId")

Identified = list[tuple[str, str, Any]]


def identifiers(item: Tree, kind: str, traits_of_person: Iterable[Any]) -> Identified:
    """The identifiers of an item as (role, type, value as sent); `kind` is the call it is.

    `traits_of_person` are the places that may hold the person's e-mail address and phone number. Raises `Rejected`.
    """
    found: Identified = []
    _take(found, "self", "user_id", item, "userId")
    _take(found, "self", "anonymous_id", item, "anonymousId")
    if kind == "alias":
        # The specification does not say whether the former id was a user's or an anonymous one.
        _take(found, "self", "user_id", item, "previousId")
        _take(found, "self", "anonymous_id", item, "previousId")
    if kind == "group":
        _take(found, "account", "group_id", item, "groupId")
    for traits in traits_of_person:
        if isinstance(traits, dict):
            _take(found, "self", "email", traits, "email")
            _take(found, "self", "phone", traits, "phone")
    context = item.get("context") or {}
    external = context.get("externalIds")
    if isinstance(external, list):
        for each in external:
            _take_external(found, each)
    device = context.get("device")
    if isinstance(device, dict):
        _take(found, "self", "device_id", device, "id")
    return found


def _take(found: Identified, role: str, type_: str, tree: Tree, field: str) -> None:
    value = tree.get(field)
    if value is None or value == "":
        return
    if isinstance(value, bool) or not isinstance(value, str | int):
        if field in IDENTIFIERS:
            raise Rejected(Reason.WRONG_TYPE, f"{field} is not a text; expected a text or nothing")
        return
    found.append((role, type_, value))


def _take_external(found: Identified, each: Any) -> None:
    if not isinstance(each, dict) or not isinstance(each.get("type"), str):
        return
    role = "account" if each.get("collection") == "accounts" else "self"
    type_ = each["type"].strip().lower()
    if type_.replace("_", "").isalnum() and len(type_) <= 64:
        _take(found, role, type_, each, "id")
