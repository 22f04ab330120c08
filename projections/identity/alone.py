"""New subjects that hold a single identifier: nearly half of what comes in, and nothing about them needs a graph.

Such a subject ties nothing together. If nobody ever saw its identifier, it is a profile of its own; if the identifier
is known and somebody's alone, the subject is theirs. Only what is shared, or seen by a server for the first time, or
also seen with others in the same batch, goes the long way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from cdp.identity.findings import Membership
from cdp.identity.profile_id import profile_id
from cdp.identity.rules import RuleSet
from projections.identity.known import KnownIdentifier, Sighted


@dataclass(frozen=True)
class Alone:
    """The subjects and their one identifier: never seen before, or known."""

    unseen: Mapping[int, KnownIdentifier]
    known: Mapping[int, KnownIdentifier]

    @property
    def subjects(self) -> set[int]:
        """All of them."""
        return self.unseen.keys() | self.known.keys()

    def identifiers(self) -> dict[int, KnownIdentifier]:
        """What is said of the identifiers never seen before, each of which is a profile of its own."""
        return {each.node.number: each for each in self.unseen.values()}

    def memberships(self, said: Mapping[int, KnownIdentifier]) -> dict[int, tuple[Membership, ...]]:
        """Whose the subjects are, by what is said now of their identifiers as far as that changed."""
        known = {subject: said.get(each.node.number, each).profile for subject, each in self.known.items()}
        unseen = {subject: each.profile for subject, each in self.unseen.items()}
        return {
            subject: (Membership(subject, None, None, profile),) if profile else ()
            for subject, profile in {**unseen, **known}.items()
        }


def alone(
    new: Mapping[int, Sighted],
    known: Mapping[int, KnownIdentifier],
    unseen: Mapping[int, KnownIdentifier],
    decided: Collection[int],
    rules: RuleSet,
    by_servers: Collection[int],
) -> Alone:
    """Finds them among the new subjects, of which servers showed those `by_servers`; not those with an identifier in
    `decided`, about which stewards decided something."""
    uses = Counter(number for each in new.values() for number in each.numbers)
    fresh: dict[int, KnownIdentifier] = {}
    old: dict[int, KnownIdentifier] = {}
    for subject, (numbers, _) in new.items():
        if len(numbers) > 1 or numbers[0] in decided:
            continue
        [number] = numbers
        if number in unseen:
            each = unseen[number]
            if uses[number] == 1 and not each.node.blocked:
                fresh[subject] = KnownIdentifier(each.node, None, subject in by_servers, False, profile_id(number))
        elif rules.exclusive((each := known[number]).node.type) and (each.server or subject not in by_servers):
            old[subject] = each
    return Alone(fresh, old)
