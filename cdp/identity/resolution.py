"""Identity resolution: which touchpoints belong to one profile. A pure function, so it can be run again for any past.

What it is given are *subjects*: sets of identifiers that were seen together, with the moments at which that happened.
What it gives back are memberships: from when to when a subject's touchpoints belong to which profile.

1. Blocked identifiers link nobody.
2. Exclusive identifiers seen together are one group.
3. A subject that holds an exclusive identifier belongs to its group, always.
4. A subject that holds shareable identifiers only belongs to the group last authenticated on the one with the highest
   priority, that is, last seen in one touchpoint with it; before the first authentication, to the first group.
5. Shareable identifiers on which nobody ever authenticated are grouped among themselves.

The result does not depend on the order of delivery. Only the profile's id does: it is named after the group's oldest
exclusive identifier by position in the log, else after its oldest identifier.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

from cdp.identity.decision import Decision
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.findings import Link, Membership, Reason, Resolution, Verdict, Withheld
from cdp.identity.profile_id import identifier_number, profile_id
from cdp.identity.rules import RuleSet

__all__ = [
    "Decision",
    "Link",
    "Membership",
    "Moment",
    "Node",
    "Reason",
    "Resolution",
    "SubjectSeen",
    "Verdict",
    "Withheld",
    "group_exclusives",
    "resolve",
    "usable_identifiers",
]


def resolve(
    subjects: Sequence[SubjectSeen],
    nodes: Mapping[int, Node],
    rules: RuleSet,
    decisions: Sequence[Decision] = (),
    *,
    settled: Mapping[int, str] | None = None,
) -> Resolution:
    """The memberships of all subjects given.

    `nodes` has every identifier that a subject holds. `settled` says of exclusive identifiers in which profile an
    earlier resolution put them, so that a caller can leave out the subjects that did; `nodes` must then have the
    identifiers after which those profiles are named. What is given here can still merge such groups.
    """
    usable = {subject.number: usable_identifiers(subject.identifiers, nodes, rules) for subject in subjects}
    groups = group_exclusives((usable[subject.number].exclusive for subject in subjects), nodes, settled or {})
    hand_overs = _hand_overs(subjects, usable, groups)
    anonymous = _group_anonymous(usable.values(), hand_overs, nodes)
    memberships = [
        membership
        for subject in subjects
        for membership in _memberships(subject.number, usable[subject.number], groups, hand_overs, anonymous, nodes)
    ]
    reasons = [Reason(node.number, "blocked") for node in nodes.values() if node.blocked]
    return Resolution({**groups, **anonymous}, memberships, reasons)


class Usable(NamedTuple):
    """A subject's identifiers that are not blocked, each kind in the order of belief."""

    exclusive: tuple[int, ...]
    shareable: tuple[int, ...]


Place = tuple[int, str, str, int]
"""An identifier's place in the order of belief: priority, type, namespace, number."""


def usable_identifiers(identifiers: Iterable[int], nodes: Mapping[int, Node], rules: RuleSet) -> Usable:
    """The identifiers that may say whose a touchpoint is."""
    exclusive: list[Place] = []
    shareable: list[Place] = []
    for number in identifiers:
        node = nodes[number]
        if not node.blocked:
            rule = rules.of(node.type)
            place = (rule.priority, node.type, node.namespace, number)
            (exclusive if rule.exclusive else shareable).append(place)
    return Usable(_ordered(exclusive), _ordered(shareable))


def _ordered(places: list[Place]) -> tuple[int, ...]:
    if len(places) > 1:
        places.sort()
    return tuple([place[3] for place in places])


def group_exclusives(
    links: Iterable[tuple[int, ...]], nodes: Mapping[int, Node], settled: Mapping[int, str]
) -> dict[int, str]:
    """The profile of each exclusive identifier: those seen together are one group, and so are those settled as one."""
    known = ((number, identifier_number(profile)) for number, profile in settled.items())
    return _named(_union(chain(known, filter(None, links))), nodes)


def _hand_overs(
    subjects: Iterable[SubjectSeen], usable: Mapping[int, Usable], groups: Mapping[int, str]
) -> dict[int, list[tuple[Moment, str]]]:
    """For each shareable identifier, who authenticated on it and when, in order; only the changes of hand are kept."""
    authentications: defaultdict[int, list[tuple[Moment, str]]] = defaultdict(list)
    for subject in subjects:
        exclusive, shareable = usable[subject.number]
        if exclusive and shareable:
            seen = [(moment, groups[exclusive[0]]) for moment in subject.moments]
            for number in shareable:
                authentications[number] += seen
    return {number: list(_changes(sorted(seen))) for number, seen in authentications.items() if seen}


def _changes(authentications: Iterable[tuple[Moment, str]]) -> Iterator[tuple[Moment, str]]:
    holder = None
    for moment, profile in authentications:
        if profile != holder:
            yield moment, profile
            holder = profile


def _group_anonymous(
    usable: Iterable[Usable], authenticated: Mapping[int, object], nodes: Mapping[int, Node]
) -> dict[int, str]:
    """The group of each shareable identifier on which nobody authenticated."""
    links = (
        tuple(number for number in shareable if number not in authenticated)
        for exclusive, shareable in usable
        if not exclusive
    )
    return _named(_union(link for link in links if link), nodes)


def _memberships(
    subject: int,
    usable: Usable,
    groups: Mapping[int, str],
    hand_overs: Mapping[int, Sequence[tuple[Moment, str]]],
    anonymous: Mapping[int, str],
    nodes: Mapping[int, Node],
) -> Iterator[Membership]:
    if usable.exclusive:
        yield Membership(subject, None, None, groups[usable.exclusive[0]])
        return
    deciding = next((number for number in usable.shareable if number in hand_overs), None)
    if deciding is not None:
        yield from _in_turns(subject, hand_overs[deciding])
    elif usable.shareable:
        yield Membership(subject, None, None, anonymous[usable.shareable[0]])


def _in_turns(subject: int, hand_overs: Sequence[tuple[Moment, str]]) -> Iterator[Membership]:
    """The first holder's time reaches back to the beginning, the last one's is open."""
    starts = [None, *(moment for moment, _ in hand_overs[1:])]
    ends = [*starts[1:], None]
    for start, end, (_, profile) in zip(starts, ends, hand_overs, strict=True):
        yield Membership(subject, start, end, profile)


def _union(links: Iterable[tuple[int, ...]]) -> dict[int, int]:
    """Each member's root, by union-find with path halving."""
    parent: dict[int, int] = {}

    def root(member: int) -> int:
        while parent[member] != member:
            parent[member] = member = parent[parent[member]]
        return member

    for link in links:
        for member in link:
            parent.setdefault(member, member)
        first = root(link[0])
        for member in link[1:]:
            parent[root(member)] = first
    return {member: root(member) for member in parent}


def _named(roots: Mapping[int, int], nodes: Mapping[int, Node]) -> dict[int, str]:
    """Each member's profile id: the group is named after its oldest member."""
    oldest: dict[int, tuple[int, int]] = {}
    for member, root in roots.items():
        age = (nodes[member].first_position, member)
        if root not in oldest or age < oldest[root]:
            oldest[root] = age
    names = {root: profile_id(number) for root, (_, number) in oldest.items()}
    return {member: names[root] for member, root in roots.items()}
