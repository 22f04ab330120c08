"""Identity rules: which identifiers may join touchpoints into a profile, and which of them is believed first.

An *exclusive* identifier belongs to one person (a user id, an e-mail address). A *shareable* one may be used by several
(a browser, a phone, a household's card), so it joins nobody: it follows whoever authenticated on it last.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from re import Pattern

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


@dataclass(frozen=True)
class TypeRule:
    """What the rules say about one identifier type. A lower `priority` is believed before a higher one."""

    exclusive: bool
    priority: int
    blocked: Pattern[str] | None = None


@dataclass(frozen=True)
class RuleSet:
    """A version of the identity rules. `other` is for the types that `types` does not name."""

    version: int
    types: Mapping[str, TypeRule]
    other: TypeRule
    blocked: Pattern[str]

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
        own = self.of(identifier.type).blocked
        return any(pattern.fullmatch(identifier.value) for pattern in (self.blocked, own) if pattern)


DEFAULT_RULES = RuleSet(
    version=1,
    types={
        "user_id": TypeRule(exclusive=True, priority=0),
        "email": TypeRule(exclusive=True, priority=1, blocked=BLOCKED_EMAILS),
        "loyalty_card": TypeRule(exclusive=True, priority=2),
        "phone": TypeRule(exclusive=False, priority=4, blocked=BLOCKED_PHONES),
        "device_id": TypeRule(exclusive=False, priority=5),
        "anonymous_id": TypeRule(exclusive=False, priority=6),
        "household_card": TypeRule(exclusive=False, priority=7),
    },
    other=TypeRule(exclusive=True, priority=3),
    blocked=BLOCKED_ANYWHERE,
)
"""The rules until a company declares its own. The order begins as Segment's does: user id, e-mail, then the rest; among
shareable types the one closest to a single person comes first."""
