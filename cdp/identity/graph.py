"""The identity graph: what the rules make of some subjects, step by step, for whoever resolves or explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from itertools import chain

from cdp.identity.belief import Belief, Usable, believed, split
from cdp.identity.decision import Decision
from cdp.identity.evidence import Node, SubjectSeen
from cdp.identity.findings import Link, Resolution, Verdict, Withheld
from cdp.identity.groups import Bounds
from cdp.identity.linking import Candidates, Linking, candidates, linked
from cdp.identity.membership import Belongings
from cdp.identity.naming import named
from cdp.identity.rules import RuleSet
from cdp.identity.stewardship import StewardLink, Stewardship, stewardship
from cdp.identity.turns import Authentication, authentications
from cdp.identity.verdicts import Judge, blocked, judged


@dataclass(frozen=True)
class IdentityGraph:
    """Each step is worked out when it is first asked for, from the steps above it.

    `nodes` has every identifier that a subject holds. `known` are the verdicts (None is a good one) on identifiers of
    which not all sightings are given.
    """

    subjects: Sequence[SubjectSeen]
    nodes: Mapping[int, Node]
    rules: RuleSet
    decisions: Sequence[Decision] = ()
    known: Mapping[int, Verdict | None] = field(default_factory=dict)

    @cached_property
    def stewards(self) -> Stewardship:
        """What stewards decided of the identifiers at hand."""
        by_value = {number for number, node in self.nodes.items() if node.blocked} if self.decisions else ()
        return stewardship(self.decisions, by_value, self.nodes)

    @cached_property
    def belief(self) -> Belief:
        """The order in which identifiers are believed that are not blocked."""
        return believed(self.nodes.values(), self.rules, self.stewards.blocked)

    @cached_property
    def present(self) -> list[Usable]:
        """The identifiers of each subject that are not blocked."""
        return split(self.subjects, self.belief)

    @cached_property
    def ambiguous(self) -> dict[int, Verdict]:
        """The identifiers that link nobody although they are not blocked."""
        judge = Judge(self.rules, self.belief, self.stewards)
        return judged(self.subjects, self.present, judge, self.known)

    @cached_property
    def usable(self) -> list[Usable]:
        """The identifiers of each subject that say whose it is: not the ambiguous ones that no steward joined."""
        useless = self.ambiguous.keys() - self.stewards.groups.keys()
        if not useless:
            return self.present
        return [Usable(_without(useless, each.exclusive), _without(useless, each.shareable)) for each in self.present]

    @cached_property
    def bounds(self) -> Bounds:
        """What groups must not exceed or bring together."""
        by_servers = [subject.identifiers for subject in self.subjects if subject.server is not None]
        public = any(subject.public is not None for subject in self.subjects)
        return Bounds(self.rules, self.belief, self.stewards, set().union(*by_servers) if public else set())

    @cached_property
    def claimed(self) -> set[int]:
        """The groups of stewards' links that hold an exclusive identifier; all in them is one person's for ever."""
        return {group for number, group in self.stewards.groups.items() if number in self.belief.exclusive}

    @cached_property
    def of_people(self) -> Candidates:
        """The links among exclusive identifiers."""
        ambiguous = self.ambiguous.keys()
        linking = [_without(ambiguous, each.exclusive) for each in self.present]
        return candidates(self.subjects, linking, self._stewards_links(claimed=True))

    @cached_property
    def people(self) -> Linking:
        """The groups of exclusive identifiers."""
        return linked(self.of_people, self.bounds)

    @cached_property
    def persons(self) -> dict[int, str]:
        """The profiles of those groups."""
        return named(self.people.groups, self.nodes, self.belief.exclusive)

    @cached_property
    def authenticated(self) -> dict[int, list[Authentication]]:
        """Who authenticated on which shareable identifier, where the rules let it follow them."""
        if self.rules.anonymous == "stays anonymous":
            return {}
        return authentications(self.subjects, self.usable, self.persons, self.stewards)

    @cached_property
    def of_strangers(self) -> Candidates:
        """The links among shareable identifiers, which are those of subjects that hold no other ones."""
        ambiguous = self.ambiguous.keys()
        linking = [
            () if exclusive else _without(ambiguous, self._free(shareable)) for exclusive, shareable in self.usable
        ]
        joined = [n for n in ambiguous & self.stewards.groups.keys() if n in self.belief.shareable]
        return candidates(self.subjects, linking, self._stewards_links(claimed=False), self._free(joined))

    @cached_property
    def strangers(self) -> Linking:
        """The groups of shareable identifiers among themselves."""
        return linked(self.of_strangers, self.bounds)

    @cached_property
    def belongings(self) -> Belongings:
        """What says whose a touchpoint is."""
        anonymous = named(self.strangers.groups, self.nodes, self.belief.exclusive)
        return Belongings(self.persons, anonymous, self.authenticated, self._window)

    def resolution(self) -> Resolution:
        """All of it, in the form that is kept."""
        belongings = self.belongings
        memberships = [
            membership
            for subject, usable in zip(self.subjects, self.usable, strict=True)
            for membership in belongings.memberships(subject.number, usable)
        ]
        verdicts = {**blocked(self.nodes.values(), self.stewards), **self.ambiguous}
        return Resolution(belongings.profiles(), memberships, verdicts, self.withheld, self.links())

    @cached_property
    def withheld(self) -> list[Withheld]:
        """The links that do not hold, those that stewards wanted first."""
        return [*self.stewards.withheld, *self.people.withheld, *self.strangers.withheld]

    def links(self) -> list[Link]:
        """Every pair that was seen together or that a steward joined, and that is not withheld."""
        withheld = {(each.a, each.b) for each in chain(self.people.withheld, self.strangers.withheld)}
        return [
            *(Link(a, b, "steward", position=position) for a, b, position in self.stewards.links),
            *(
                Link(*pair, "same touchpoint", moment, public)
                for given in (self.of_people, self.of_strangers)
                for pairs, public in ((given.server, False), (given.public, True))
                for pair, moment in pairs.items()
                if pair not in withheld
            ),
        ]

    def _window(self, number: int) -> timedelta | None:
        return self.rules.of(self.nodes[number].type).window

    def _stewards_links(self, *, claimed: bool) -> list[StewardLink]:
        """The links of stewards' groups that hold an exclusive identifier, or of those that hold none."""
        groups = self.stewards.groups
        links = [link for link in self.stewards.links if (groups[link.a] in self.claimed) is claimed]
        return links if claimed else [link for link in links if len(self._free(link[:2])) == 2]

    def _free(self, shareable: Sequence[int]) -> tuple[int, ...]:
        """Those that nobody claims, and that at least at some time follow nobody."""
        if self.claimed:
            shareable = [number for number in shareable if self.stewards.groups.get(number) not in self.claimed]
        return tuple([n for n in shareable if n not in self.authenticated or self._window(n) is not None])


def _without(left_out: Set[int], numbers: tuple[int, ...]) -> tuple[int, ...]:
    if not left_out or left_out.isdisjoint(numbers):
        return numbers
    return tuple([number for number in numbers if number not in left_out])
