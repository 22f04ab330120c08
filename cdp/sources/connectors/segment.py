"""The common specification of Segment, which RudderStack's SDKs speak too: one call → one touchpoint."""

from __future__ import annotations

from typing import Any

from cdp.sources.connector import Call, Tree
from cdp.sources.rejection import Reason, Rejected

TYPES = ("identify", "track", "page", "screen", "group", "alias")
LONGEST_MESSAGE_ID = 255

_NAMES = {
    "identify": "User Identified",
    "page": "Page Viewed",
    "screen": "Screen Viewed",
    "group": "Account Joined",
    "alias": "Identity Aliased",
}
_OBJECTS = ("properties", "traits", "context", "integrations")


class Segment:
    """Every leaf of the item keeps its place, so nothing is lost."""

    name = "segment"
    version = 1

    def read(self, item: Tree, call: str | None = None) -> Call:
        """Reads a call. Raises `Rejected`."""
        kind = call or item.get("type")
        if kind not in TYPES:
            raise Rejected(Reason.UNKNOWN_TYPE, f"type is missing or unknown; expected one of {', '.join(TYPES)}")
        for field in _OBJECTS:
            if not isinstance(item.get(field), dict | None):
                raise Rejected(Reason.WRONG_TYPE, f"{field} is not an object; expected an object or nothing")
        original = item.get("originalTimestamp")
        return Call(
            kind,
            _event_name(item) if kind == "track" else _NAMES[kind],
            _message_id(item),
            item.get("timestamp") if original is None else original,
            item.get("sentAt"),
            _identifiers(item, kind),
            item,
        )


CONNECTOR = Segment()


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


def _identifiers(item: Tree, kind: str) -> list[tuple[str, str, Any]]:
    found: list[tuple[str, str, Any]] = []
    _take(found, "self", "user_id", item, "userId")
    _take(found, "self", "anonymous_id", item, "anonymousId")
    if kind == "alias":
        # The specification does not say whether the former id was a user's or an anonymous one.
        _take(found, "self", "user_id", item, "previousId")
        _take(found, "self", "anonymous_id", item, "previousId")
    if kind == "group":
        _take(found, "account", "group_id", item, "groupId")
    context = item.get("context") or {}
    traits_of_person = (context.get("traits"), item.get("traits") if kind == "identify" else None)
    for traits in traits_of_person:
        if isinstance(traits, dict):
            _take(found, "self", "email", traits, "email")
            _take(found, "self", "phone", traits, "phone")
    external = context.get("externalIds")
    if isinstance(external, list):
        for each in external:
            _take_external(found, each)
    device = context.get("device")
    if isinstance(device, dict):
        _take(found, "self", "device_id", device, "id")
    return found


def _take(found: list[tuple[str, str, Any]], role: str, type_: str, tree: Tree, field: str) -> None:
    value = tree.get(field)
    if value is None or value == "":
        return
    if isinstance(value, bool) or not isinstance(value, str | int):
        if field in ("userId", "anonymousId", "previousId", "groupId"):
            raise Rejected(Reason.WRONG_TYPE, f"{field} is not a text; expected a text or nothing")
        return
    found.append((role, type_, value))


def _take_external(found: list[tuple[str, str, Any]], each: Any) -> None:
    if not isinstance(each, dict) or not isinstance(each.get("type"), str):
        return
    role = "account" if each.get("collection") == "accounts" else "self"
    type_ = each["type"].strip().lower()
    if type_.replace("_", "").isalnum() and len(type_) <= 64:
        _take(found, role, type_, each, "id")
