"""The common specification of Segment, which RudderStack's SDKs speak too: one call → one touchpoint."""

from __future__ import annotations

from cdp.sources.connector import Call, Tree
from cdp.sources.rejection import Reason, Rejected
from cdp.sources.specification import CANONICAL, identifiers

TYPES = ("identify", "track", "page", "screen", "group", "alias")
LONGEST_MESSAGE_ID = 255

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
