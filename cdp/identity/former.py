"""Resolution of a neighbourhood around groups that were settled before; goes when nobody asks for it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain

from cdp.identity.belief import Usable, usable_identifiers
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.findings import Membership, Reason, Resolution
from cdp.identity.profile_id import identifier_number, profile_id
from cdp.identity.rules import RuleSet


def resolve_settled(
    subjects: Sequence[SubjectSeen],
    nodes: Mapping[int, Node],
    rules: RuleSet,
    settled: Mapping[int, str],
) -> Resolution:
    """The memberships of all subjects given.

    `nodes` has every identifier that a subject holds. `settled` says of exclusive identifiers in which profile an
    earlier resolution put them, so that a caller can leave out the subjects that did; `nodes` must then have the
    identifiers after which those profiles are named. What is given here can still merge such groups.
    """
    usable = {subject.number: usable_identifiers(subject.identifiers, nodes, rules) for subject in subjects}
    groups = group_exclusives((usable[subject.number].exclusive for subject in subjects), nodes, settled)
    hand_overs = _hand_overs(subjects, usable, groups)
    anonymous = _group_anonymous(usable.values(), hand_overs, nodes)
    memberships = [
        membership
        for subject in subjects
        for membership in _memberships(subject.number, usable[subject.number], groups, hand_overs, anonymous, nodes)
    ]
    reasons = [Reason(node.number, "blocked") for node in nodes.values() if node.blocked]
    return Resolution({**groups, **anonymous}, memberships, reasons)


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
