"""Identity rules: which identifiers may join touchpoints into a profile, and which of them is believed first.

An *exclusive* identifier belongs to one person (a user id, an e-mail address). A *shareable* one may be used by several
(a browser, a phone, a household's card), so it joins nobody: it follows whoever authenticated on it last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from re import Pattern
from typing import Literal

from cdp.identity.identifier import Identifier

_WORDS = (
    "-1",
    "null",
    "none",
    "nil",
    "nan",
    "undefined",
    "unknown",
    "anonymous",
    "guest",
    "distinct_id",
    "distinctid",
    "id",
    "email",
    "true",
    "false",
    "not_authenticated",
    r"\[object object\]",
)
_PLACEHOLDERS = "test|tests|testing|deneme|asd|asdf|qwe|qwerty|abc|aaa?|xxx?|none|null|no|yok|mail|email|example|sample"

BLOCKED_ANYWHERE = re.compile(rf"""(?i)["']?(?:[0-]*|{"|".join(_WORDS)})["']?""")
"""Values that programs write where they know nobody; facts of the trade, measured on real streams."""

BLOCKED_EMAILS = re.compile(
    rf"(?i)({_PLACEHOLDERS})@\1\.[a-z.]+|(?:test|example|email|none)@example\.(?:com|net|org)"
    r"|(?:no-?reply|do-?not-?reply)@.+"
)
"""Addresses that many people type to get past a form, and mailboxes that nobody reads."""

BLOCKED_PHONES = re.compile(r"\+?\d{1,3}?(\d)\1{7,}")
"""One digit repeated: what is typed into a form that insists on a number."""


Anonymous = Literal["last authenticated", "stays anonymous"]
Trust = Literal["server", "public"]

FAN_OUT_OF_EXCLUSIVE = 100
FAN_OUT_OF_SHAREABLE = 200
SIZE_CAP = 500
"""Far more than any person has, and little enough that a group is resolved again in a moment."""


@dataclass(frozen=True)
class TypeRule:
    """What the rules say about one identifier type.

    A lower `priority` is believed before a higher one. A profile holds at most `limit` values of an exclusive type in
    one namespace. An identifier seen with more than `fan_out` others says nothing about a person: an exclusive one
    with others of exclusive types, a shareable one with others of any type. `window` is how long after somebody
    authenticated on a shareable identifier, and before the first did, what is anonymous on it is theirs. None is
    without bound. `blocked` are patterns of whole normalised values that say nothing.
    """

    exclusive: bool
    priority: int
    limit: int | None = None
    fan_out: int | None = None
    window: timedelta | None = None
    blocked: tuple[Pattern[str], ...] = ()


@dataclass(frozen=True)
class RuleSet:
    """The identity rules. `other` is for the types that `types` does not name, `blocked` for values of any type.

    A group of more than `size_cap` identifiers is never formed. `anonymous` says whether touchpoints without an
    exclusive identifier follow whoever authenticated last. `trust` overrides, by a source's name, whether it is a
    server's or public.
    """

    types: Mapping[str, TypeRule]
    other: TypeRule
    blocked: tuple[Pattern[str], ...] = ()
    size_cap: int = SIZE_CAP
    anonymous: Anonymous = "last authenticated"
    trust: Mapping[str, Trust] = field(default_factory=dict)

    def of(self, identifier_type: str) -> TypeRule:
        """The rule for a type."""
        return self.types.get(identifier_type, self.other)

    def exclusive(self, identifier_type: str) -> bool:
        """Whether identifiers of this type belong to one person only."""
        return self.of(identifier_type).exclusive

    def priority(self, identifier_type: str) -> int:
        """The place of the type in the order of belief; the first is 0."""
        return self.of(identifier_type).priority

    def blocks(self, identifier: Identifier) -> bool:
        """Whether this value is one that says nothing about a person. Decided on the normalised value."""
        value = identifier.value
        for patterns in (self.blocked, self.of(identifier.type).blocked):
            for pattern in patterns:
                if pattern.fullmatch(value):
                    return True
        return False


def _exclusive(priority: int, limit: int, *blocked: Pattern[str]) -> TypeRule:
    return TypeRule(True, priority, limit, FAN_OUT_OF_EXCLUSIVE, None, blocked)


def _shareable(priority: int, *blocked: Pattern[str]) -> TypeRule:
    return TypeRule(False, priority, None, FAN_OUT_OF_SHAREABLE, None, blocked)


DEFAULT_RULES = RuleSet(
    types={
        "user_id": _exclusive(0, 1),
        "email": _exclusive(1, 5, BLOCKED_EMAILS),
        "loyalty_card": _exclusive(2, 5),
        "phone": _shareable(4, BLOCKED_PHONES),
        "device_id": _shareable(5),
        "anonymous_id": _shareable(6),
        "household_card": _shareable(7),
    },
    other=_exclusive(3, 5),
    blocked=(BLOCKED_ANYWHERE,),
)
"""The rules until a company declares its own. The order begins as Segment's does: user id, e-mail, then the rest; among
shareable types the one closest to a single person comes first. The limits are Segment's too: one user id, five of
every other type."""
