"""The names and cities under which people are searched for, made of what their profiles say. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from projections.words import LONGEST, folded, words

WHOLE = ("name", "fullName", "full_name")
FIRST = ("firstName", "first_name", "givenName", "given_name")
LAST = ("lastName", "last_name", "surname", "familyName", "family_name")
CITY = ("address.city", "city")
ATTRIBUTES = (*WHOLE, *FIRST, *LAST, *CITY)
"""The traits looked at; of several that mean the same the first one that says anything counts."""

NAMELESS = "\U0010ffff"
"""The key of a profile without a name: in the order of names it comes last."""


class Called(NamedTuple):
    """How a profile is searched for.

    `name` is as it is shown, `key` folded, for the order. `words` are all by which it is found, sorted, each with a
    space in front. `city` is folded, "" if there is none.
    """

    name: str | None
    key: str
    words: str
    city: str


def called(fields: Mapping[str, Any]) -> Called:
    """What a profile with these fields is called; the fields are values by attribute."""
    whole, first, last = (_first(fields, attributes) for attributes in (WHOLE, FIRST, LAST))
    name = whole or f"{first} {last}".strip()
    found = sorted({word for part in (whole, first, last) for word in words(part)})
    return Called(
        name or None, folded(name) or NAMELESS, "".join(f" {word}" for word in found), folded(_first(fields, CITY))
    )


def _first(fields: Mapping[str, Any], attributes: tuple[str, ...]) -> str:
    """The first text that says anything, "" if there is none."""
    for attribute in attributes:
        value = fields.get(attribute)
        if isinstance(value, str) and (text := " ".join(value.split())[:LONGEST]):
            return text.replace("\0", "")
    return ""
