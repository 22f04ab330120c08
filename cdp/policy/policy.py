"""What people had decided about identity at a position of the log: a fold of the log's control events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

from cdp.identity.decision import Decision, Kind
from cdp.identity.document import stored_rules
from cdp.identity.rules import DEFAULT_RULES, RuleSet
from cdp.policy.decision import RELEASE, StewardDecision
from cdp.policy.rule_book import IDENTITY, SURVIVORSHIP, RuleBook
from cdp.sources.source import Source
from cdp.survivorship.document import stored_survivorship
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP, Survivorship

PUBLIC = "public"


@dataclass(frozen=True)
class Policy:
    """Everything that was decided about identity, by one position of the log.

    Versions are those of the rule books, 0 for the built-in rules. `decisions` has the one in force on each pair or
    identifier, in the order of positions; `public` the sources that anybody can write to, as the rules trust them.
    """

    rules: RuleSet = DEFAULT_RULES
    rules_version: int = 0
    decisions: tuple[Decision, ...] = ()
    public: frozenset[UUID] = frozenset()
    survivorship: Survivorship = DEFAULT_SURVIVORSHIP
    survivorship_version: int = 0


@dataclass
class Fold:
    """Takes events in the order of the log; `policy` is what they come to."""

    drafts: dict[tuple[str, int], str] = field(default_factory=dict)
    active: dict[str, int] = field(default_factory=dict)
    decisions: dict[UUID, Decision] = field(default_factory=dict)
    sources: dict[UUID, tuple[str, str]] = field(default_factory=dict)

    def take(self, event: Any, position: int) -> None:
        """Takes an event in."""
        TAKEN[type(event)](self, event, position)

    def policy(self) -> Policy:
        """What was decided so far."""
        rules, rules_version = self._in_force(IDENTITY, stored_rules, DEFAULT_RULES)
        survivorship, survivorship_version = self._in_force(SURVIVORSHIP, stored_survivorship, DEFAULT_SURVIVORSHIP)
        return Policy(
            rules,
            rules_version,
            tuple(self.decisions.values()),
            self.public(rules.trust),
            survivorship,
            survivorship_version,
        )

    def _in_force(self, kind: str, parse: Callable[[str], Any], default: Any) -> tuple[Any, int]:
        number = self.active.get(kind, 0)
        return (parse(self.drafts[kind, number]) if number else default), number

    def public(self, trust: Mapping[str, str]) -> frozenset[UUID]:
        """A company may trust a source in another way than it was set up."""
        return frozenset(
            source for source, (name, declared) in self.sources.items() if trust.get(name, declared) == PUBLIC
        )

    def _draft(self, event: RuleBook.Drafted, position: int) -> None:
        self.drafts[event.kind, event.number] = event.content

    def _activate(self, event: RuleBook.Activated, position: int) -> None:
        self.active[event.kind] = event.number

    def _decide(self, event: StewardDecision.Created | StewardDecision.Changed, position: int) -> None:
        self.decisions.pop(event.originator_id, None)
        if event.kind != RELEASE:
            self.decisions[event.originator_id] = Decision(cast(Kind, event.kind), tuple(event.numbers), position)

    def _add(self, event: Source.Created, position: int) -> None:
        self.sources[event.originator_id] = (event.name, event.trust)


TAKEN: Mapping[type[Any], Callable[[Fold, Any, int], None]] = {
    RuleBook.Drafted: Fold._draft,
    RuleBook.Activated: Fold._activate,
    StewardDecision.Created: Fold._decide,
    StewardDecision.Changed: Fold._decide,
    Source.Created: Fold._add,
}
"""The events that a policy follows from, and what each does to it."""

TOPICS = frozenset(event.TOPIC for event in TAKEN)


def concerned(event: Any) -> Sequence[int]:
    """The identifiers that an event decides about."""
    numbers: Sequence[int] = getattr(event, "numbers", ())
    return numbers
