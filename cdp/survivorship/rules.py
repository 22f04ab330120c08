"""Survivorship rules: of all that was claimed of an attribute, what a profile shows.

The rules are a value and name sources, not positions or clocks, so they can be applied again to any past.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from re import Pattern
from uuid import UUID

from cdp.source_id import source_id

LAST_UPDATED = "last updated"
"""The claim with the latest effective time wins."""
FIRST = "first"
"""The claim with the earliest effective time wins."""
MOST_FREQUENT = "most frequent"
"""The value that was claimed most often wins, whoever claimed it; its latest claim stands for it."""
SOURCE_PRIORITY = "source priority"
"""The source named first wins, sources that are not named come last; among a source's claims the latest."""
VERIFIED = "verified"
"""Claims of the sources named, which verify what they say, win over all others; among them the latest."""

KINDS = (LAST_UPDATED, FIRST, MOST_FREQUENT, SOURCE_PRIORITY, VERIFIED)
NAMING_SOURCES = (SOURCE_PRIORITY, VERIFIED)
"""The kinds that need `sources`; for the others there is nothing to name."""

ANY = "*"
"""In the pattern of a rule: any characters, none too."""


@dataclass(frozen=True)
class Rule:
    """How one attribute's claims are weighed.

    `sources` are names: in the order of belief (source priority) or those that verify (verified). With `ignore_empty`
    the values `""`, `null`, `[]` and `{}` never win over something. Past `ttl` after its effective time a claim has
    expired. With `multi_valued` nothing wins: the profile shows the distinct values of all claims.
    """

    kind: str = LAST_UPDATED
    sources: tuple[str, ...] = ()
    ignore_empty: bool = True
    ttl: timedelta | None = None
    multi_valued: bool = False

    @cached_property
    def ranks(self) -> Mapping[UUID, int]:
        """The place of each source named, by its id; the one believed first is 0, and all that verify are."""
        return {source_id(name): 0 if self.kind == VERIFIED else place for place, name in enumerate(self.sources)}

    def rank(self, source: UUID) -> int:
        """How far behind the source believed first this one is."""
        return self.ranks.get(source, len(self.sources)) if self.sources else 0


@dataclass(frozen=True)
class Survivorship:
    """A company's rules: `default`, and rules for the attributes that match a pattern.

    An attribute's own name goes before any pattern; of several patterns the one with the most literal characters
    decides, then the one that is first in the alphabet.
    """

    default: Rule = Rule()
    attributes: Mapping[str, Rule] = field(default_factory=dict)

    def of(self, attribute: str) -> Rule:
        """The rule for an attribute."""
        own = self.attributes.get(attribute)
        if own is not None:
            return own
        return next((rule for pattern, rule in self._patterns if pattern.fullmatch(attribute)), self.default)

    @cached_property
    def _patterns(self) -> list[tuple[Pattern[str], Rule]]:
        wide = [pattern for pattern in self.attributes if ANY in pattern]
        wide.sort(key=lambda pattern: (-len(pattern.replace(ANY, "")), pattern))
        return [(_compiled(pattern), self.attributes[pattern]) for pattern in wide]


def _compiled(pattern: str) -> Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split(ANY))), re.DOTALL)


DEFAULT_SURVIVORSHIP = Survivorship()
"""The rules until a company declares its own: what was said last holds."""
