"""The part of the identity graph that a batch touches: what must be resolved again, and what that depends on.

What is left out keeps its memberships: resolution, given the neighbourhood and the groups settled before, gives for its
subjects what it would give for the whole graph.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from cdp.identity.profile_id import identifier_number
from cdp.identity.resolution import Moment, Node, SubjectSeen, group_exclusives, usable_identifiers
from cdp.identity.rules import RuleSet
from projections.identity.store import IdentityStore, KnownIdentifier, Subject


@dataclass
class Neighbourhood:
    """Gathers subjects and identifiers around those of a batch.

    `touched` are the subjects whose memberships may change, `around` those that only say who authenticated. `merged`
    maps the profiles that lost their name in a merge to the ones they are part of now. `nodes` are all identifiers
    gathered, `settled` the profiles that the exclusive ones had before.
    """

    store: IdentityStore
    rules: RuleSet
    known: dict[int, KnownIdentifier]
    touched: dict[int, Subject] = field(default_factory=dict)
    around: dict[int, Subject] = field(default_factory=dict)
    merged: dict[str, str] = field(default_factory=dict)

    nodes: dict[int, Node] = field(default_factory=dict)
    settled: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Takes in the identifiers that the batch knows already."""
        given, self.known = self.known, {}
        self._learn(given)

    def gather(self, new: Collection[Subject], seen_again: Collection[Subject]) -> None:
        """Starts from the new subjects, and from known ones that authenticated again. Both are stored already."""
        self.touched.update({subject.number: subject for subject in new})
        self._merge(new)
        self.touched.update(self.store.members(self.merged))
        self.touched.update(self.store.strangers(self._shareable(each for each in new if each.exclusive)))
        self.touched.update(self.store.in_turns({number for each in seen_again for number in each.identifiers}))
        self._fetch_identifiers(self.touched.values())
        self._complete_anonymous_groups()
        self._fetch_authenticating()

    def subjects(self) -> list[SubjectSeen]:
        """What was gathered, in the form that resolution takes, in a fixed order."""
        every = {**self.around, **self.touched}
        moments = self.store.moments([number for number in self.around if self.around[number].authenticates])
        return [_seen(every[number], moments) for number in sorted(every)]

    def _merge(self, new: Iterable[Subject]) -> None:
        links = [usable_identifiers(subject.identifiers, self.nodes, self.rules).exclusive for subject in new]
        profiles = group_exclusives(links, self.nodes, self.settled)
        self.merged = {old: profiles[number] for number, old in self.settled.items() if profiles[number] != old}

    def _complete_anonymous_groups(self) -> None:
        """A group of identifiers on which nobody authenticated may grow or fall apart, so it is taken whole."""
        groups = {profile for number in self.strangers_identifiers() if (profile := self.known[number].profile)}
        members = self.store.anonymous_members(groups)
        self._learn(members)
        self.touched.update(self.store.strangers(members))
        self._fetch_identifiers(self.touched.values())

    def _fetch_authenticating(self) -> None:
        """Who is behind a shareable identifier is said by all the subjects that hold it with an exclusive one."""
        self.around.update(self.store.authenticating(self.strangers_identifiers()))
        self._fetch_identifiers(self.around.values())

    def strangers_identifiers(self) -> set[int]:
        """The usable identifiers of the touched subjects that hold no exclusive one."""
        return self._shareable(subject for subject in self.touched.values() if not subject.exclusive)

    def _shareable(self, subjects: Iterable[Subject]) -> set[int]:
        numbers = {number for subject in subjects for number in subject.identifiers}
        self._fetch(numbers)
        return {number for number in numbers if self._joins_nobody(self.known[number].node)}

    def _joins_nobody(self, node: Node) -> bool:
        return not node.blocked and not self.rules.exclusive(node.type)

    def _fetch_identifiers(self, subjects: Iterable[Subject]) -> None:
        self._fetch({number for subject in subjects for number in subject.identifiers})

    def _fetch(self, numbers: Collection[int]) -> None:
        if missing := [number for number in numbers if number not in self.known]:
            self._learn(self.store.identifiers(missing))

    def _learn(self, found: Mapping[int, KnownIdentifier]) -> None:
        """Of an identifier whose profile is settled the one that names it is needed too: its age decides in a merge."""
        self.known.update(found)
        self.nodes.update({number: each.node for number, each in found.items()})
        settled = {
            number: each.profile
            for number, each in found.items()
            if each.profile is not None and self.rules.exclusive(each.node.type)
        }
        self.settled.update(settled)
        self._fetch({identifier_number(profile) for profile in set(settled.values())})


def _seen(subject: Subject, moments: dict[int, tuple[Moment, ...]]) -> SubjectSeen:
    return SubjectSeen(subject.number, subject.identifiers, moments=moments.get(subject.number, ()))
