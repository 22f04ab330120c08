"""The shape of a touchpoint: which fields it has, never what is in them."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, NamedTuple

import msgspec

from cdp.identity.identifier import SELF
from cdp.log.touchpoint import CONTACT, CONTENT, Touchpoint

IDENTIFIER = "identifier"
TRAIT = "trait"
PROPERTY = "property"
FLAG = "flag"

OTHER = "(other)"
"""Stands for the names of traits that do not look like names of fields, because they may say who somebody is."""

UNREADABLE = "unreadable"
"""The flag of touchpoints whose traits cannot be read any more, because a key was destroyed."""

LATE = (
    ("late:1h", timedelta(hours=1)),
    ("late:1d", timedelta(days=1)),
    ("late:7d", timedelta(days=7)),
)
"""How long after it happened a touchpoint was received, so that it is late; the later flags imply the earlier."""

_FIELD_NAME = re.compile(r"[A-Za-z_$][\w$.-]{0,63}", re.ASCII)
_MOST_DIGITS = 4
_OF_TRAITS = frozenset({CONTACT, CONTENT})
_NOT_LATE = LATE[0][1]
_FLAGS = tuple(name for name, _ in LATE)


class Shape(NamedTuple):
    """What touchpoints may have in common. Names within a kind may repeat, and stand in any order."""

    identifiers: tuple[str, ...]
    traits: tuple[str, ...]
    properties: tuple[str, ...]
    flags: tuple[str, ...]

    def fields(self) -> list[str]:
        """Each field once, its kind in front, sorted."""
        named = ((IDENTIFIER, self.identifiers), (TRAIT, self.traits), (PROPERTY, self.properties), (FLAG, self.flags))
        return sorted({f"{kind}:{name}" for kind, names in named for name in names})


def shape_id(fields: list[str]) -> bytes:
    """Stands for these fields wherever they occur: 16 bytes of their SHA-256."""
    return sha256(msgspec.json.encode(fields)).digest()[:16]


def shape_of(touchpoint: Touchpoint) -> Shape:
    """The shape of a touchpoint. A field that is null or an empty text is absent."""
    header = touchpoint.header
    business = touchpoint.business
    return Shape(
        tuple([sighting.type for sighting in header.identifiers if sighting.role == SELF]),
        _traits(touchpoint),
        _present(business.get("properties")) + tuple(business.get("references", ())),
        header.flags + _lateness(header.received_at - header.occurred_at) + _unreadable(touchpoint),
    )


def _traits(touchpoint: Touchpoint) -> tuple[str, ...]:
    """The names in `traits`, unless they describe an account, and in `context.traits`."""
    names: list[str] = []
    own = touchpoint.header.type != "group"
    for part in touchpoint.personal.values():
        if own and "traits" in part:
            names += _present(part["traits"])
        context = part.get("context")
        if context and type(context) is dict and "traits" in context:
            names += _present(context["traits"])
    return tuple([field_name(name) for name in names]) if names else ()


def _present(tree: Any) -> tuple[str, ...]:
    if type(tree) is not dict:
        return ()
    return tuple([name for name, value in tree.items() if value is not None and value != ""])


@lru_cache(maxsize=16_384)
def field_name(name: str) -> str:
    """A trait's name as its sender chose it, unless a person might be told by it."""
    plain = _FIELD_NAME.fullmatch(name) and sum(character.isdigit() for character in name) <= _MOST_DIGITS
    return name if plain else OTHER


def _unreadable(touchpoint: Touchpoint) -> tuple[str, ...]:
    return (UNREADABLE,) if touchpoint.withheld and not touchpoint.withheld.isdisjoint(_OF_TRAITS) else ()


def _lateness(late: timedelta) -> tuple[str, ...]:
    if late <= _NOT_LATE:
        return ()
    return _FLAGS[: sum(late > threshold for _, threshold in LATE)]
