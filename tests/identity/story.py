"""A story: touchpoints as they come in, told in words, and what the product makes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from cdp.identity.identifier import GLOBAL, Identifier
from cdp.identity.profile_id import identifier_number
from cdp.identity.resolution import Decision, Membership, Moment, Node, Resolution, SubjectSeen, Verdict, resolve
from cdp.identity.rules import DEFAULT_RULES, RuleSet
from tests.projections.world import number_of, subject_of

START = datetime(2024, 3, 1, tzinfo=UTC)


@dataclass
class Story:
    """Touchpoints as they come in. Identifiers are told as `type:value` or, of one source only, `type@source:value`."""

    rules: RuleSet = DEFAULT_RULES
    nodes: dict[int, Node] = field(default_factory=dict)
    subjects: dict[int, SubjectSeen] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)
    events: list[tuple[int, Moment]] = field(default_factory=list)
    names: dict[int, str] = field(default_factory=dict)

    def see(self, day: float, *who: str, public: bool = False) -> int:
        """A touchpoint of that day; returns its place in the order of delivery."""
        moment = Moment(START + timedelta(days=day), f"event-{len(self.events):06}")
        numbers = tuple(sorted(self.number(each) for each in who))
        number = subject_of(numbers) or 0
        known = self.subjects.get(number, SubjectSeen(number, numbers))
        if public:
            known = replace(known, public=min(known.public or moment, moment))
        else:
            known = replace(known, server=min(known.server or moment, moment))
        self.subjects[number] = replace(known, moments=(*known.moments, moment))
        self.events.append((number, moment))
        return len(self.events) - 1

    def number(self, who: str) -> int:
        """The number of an identifier."""
        typed, _, value = who.partition(":")
        kind, _, source = typed.partition("@")
        namespace = GLOBAL if kind in ("email", "phone") else source or "shop"
        identifier = Identifier(kind, namespace, value)
        number = number_of(identifier)
        blocked = self.rules.blocks(identifier)
        self.names[number] = who
        self.nodes.setdefault(number, Node(number, kind, namespace, blocked, len(self.events) + 1))
        return number

    def decide(self, kind: str, *who: str) -> None:
        """What a steward decides takes the place of what was decided before; `release` only takes it back."""
        numbers = tuple(sorted(self.number(each) for each in who))
        self.decisions = [each for each in self.decisions if each.numbers != numbers]
        if kind != "release":
            self.decisions.append(Decision(kind, numbers, len(self.decisions) + 100))  # type: ignore[arg-type]

    def resolved(self) -> Resolution:
        """What the product makes of it."""
        return resolve(list(self.subjects.values()), self.nodes, self.rules, self.decisions)

    def profile(self, who: str) -> str | None:
        """Whose this identifier is, if it is exactly one's."""
        profiles = self.resolved().profiles
        number = self.number(who)
        return self._people(profiles)[profiles[number]] if number in profiles else None

    def whose(self) -> list[str | None]:
        """Whose each touchpoint is, in the order of delivery: the identifier of the profile that is believed first."""
        resolution = self.resolved()
        people = self._people(resolution.profiles)
        memberships: defaultdict[int, list[Membership]] = defaultdict(list)
        for membership in resolution.memberships:
            memberships[membership.subject].append(membership)
        holding = ([each for each in memberships[subject] if _holds(each, at)] for subject, at in self.events)
        return [self._called(each[0].profile, people) if each else None for each in holding]

    def withheld(self) -> set[tuple[str, str, str]]:
        """The links that do not hold, and why."""
        return {(self.names[each.a], self.names[each.b], each.reason) for each in self.resolved().withheld}

    def verdict(self, who: str) -> Verdict | None:
        """Why an identifier links nobody."""
        return self.resolved().verdicts.get(self.number(who))

    def _people(self, profiles: Mapping[int, str]) -> dict[str, str]:
        """What stands for each profile in stories: the identifier that is believed first, of several the oldest."""
        nodes = sorted(self.nodes.values(), key=lambda node: (-self.rules.priority(node.type), -node.first_position))
        return {profiles[node.number]: self.names[node.number] for node in nodes if node.number in profiles}

    def _called(self, profile: str, people: Mapping[str, str]) -> str:
        return people.get(profile) or self.names[identifier_number(profile)]


def _holds(membership: Membership, at: Moment) -> bool:
    begun = membership.start is None or membership.start <= at
    return begun and (membership.end is None or at < membership.end)
