"""The common specification: what its calls mean and where they keep identifiers, whoever wrapped or wrote them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cdp.sources.connector import Call, Tree
from cdp.sources.rejection import Reason, Rejected

TYPES = ("identify", "track", "page", "screen", "group", "alias")
LONGEST_MESSAGE_ID = 255

CANONICAL = {
    "identify": "User Identified",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Account Joined",
    "alias": "Identity Aliased",
}
"""The canonical event names of the calls that carry none of their own."""

IDENTIFIERS = ("userId", "anonymousId", "previousId", "groupId")

ROLES = {"accounts": "account", "agents": "agent", "friends": "friend"}
"""Whose an external id is, by its collection; any other collection is the person's own."""

_OBJECTS = ("properties", "traits", "context", "integrations")

Identified = list[tuple[str, str, Any]]


def read_call(item: Tree, call: str | None) -> Call:
    """A call as it stands: every leaf keeps its place, so nothing is lost. Raises `Rejected`."""
    kind = call or item.get("type")
    if kind not in TYPES:
        raise Rejected(Reason.UNKNOWN_TYPE, f"type is missing or unknown; expected one of {', '.join(TYPES)}")
    for field in _OBJECTS:
        if not isinstance(item.get(field), dict | None):
            raise Rejected(Reason.WRONG_TYPE, f"{field} is not an object; expected an object or nothing")
    original = item.get("originalTimestamp")
    traits_of_person = (
        (item.get("context") or {}).get("traits"),
        item.get("traits") if kind == "identify" else None,
    )
    return Call(
        kind,
        _event_name(item) if kind == "track" else CANONICAL[kind],
        _message_id(item),
        item.get("timestamp") if original is None else original,
        item.get("sentAt"),
        identifiers(item, kind, traits_of_person),
        item,
    )


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


def _event_name(item: Tree) -> str:
    name = item.get("event")
    if not isinstance(name, str) or not name.strip():
        raise Rejected(Reason.MISSING_EVENT, "event is missing; expected the name of what happened, a text")
    return name


def _message_id(item: Tree) -> str | None:
    message_id = item.get("messageId")
    if message_id is None or message_id == "":
        return None
    if not isinstance(message_id, str) or len(message_id) > LONGEST_MESSAGE_ID:
        detail = f"messageId is not usable; expected a text of at most {LONGEST_MESSAGE_ID} characters"
        raise Rejected(Reason.INVALID_MESSAGE_ID, detail)
    return message_id


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
    role = ROLES.get(str(each.get("collection")), "self")
    type_ = each["type"].strip().lower()
    if type_.replace("_", "").isalnum() and len(type_) <= 64:
        _take(found, role, type_, each, "id")
