"""What changes in identity's tables: resolution of a neighbourhood held against what is stored."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass

from cdp.identity.findings import Membership
from cdp.identity.graph import IdentityGraph
from cdp.identity.verdicts import blocked
from projections.identity.known import KnownIdentifier
from projections.identity.neighbourhood import NOBODY, Neighbourhood


@dataclass(frozen=True)
class Settlement:
    """What is said now of the identifiers that were gathered, and the memberships of the subjects concerned."""

    identifiers: Mapping[int, KnownIdentifier]
    memberships: Mapping[int, tuple[Membership, ...]]


def settle(around: Neighbourhood, affected: Set[int], shared: Set[int] = NOBODY) -> Settlement:
    """Gathers what surrounds these subjects, which the neighbourhood has already, and resolves it.

    Whoever moves is affected in turn, and so are strangers on what they share.
    """
    around.connect({number for subject in affected for number in around.subjects[subject].identifiers})
    concerned = around.surround(affected, shared)
    graph = around.graph()
    size = None
    while size != around.size:
        size = around.size
        moved = _moved(around, graph)
        holders = {each.number for each in graph.subjects if not moved.isdisjoint(each.identifiers)}
        concerned |= around.surround(holders, around.ties.to(moved))
        if size != around.size:
            graph = around.graph()
    graph = around.with_moments(graph)
    memberships = _memberships(around, graph, concerned)
    return Settlement(_identifiers(around, graph, memberships), memberships)


def _moved(around: Neighbourhood, graph: IdentityGraph) -> set[int]:
    """The identifiers of people that are in another group now, or that link now and did not before, or the reverse."""
    people = graph.persons
    return {
        number
        for number in around.complete
        if around.verdicts.get(number) != (known := around.known[number]).verdict
        or (number in people and people[number] != known.profile)
    }


def _memberships(around: Neighbourhood, graph: IdentityGraph, concerned: Set[int]) -> dict[int, tuple[Membership, ...]]:
    belongings = graph.belongings
    return {
        subject.number: tuple(belongings.memberships(subject.number, usable))
        for subject, usable in zip(graph.subjects, graph.usable, strict=True)
        if subject.number in concerned and around.settled(subject.number)
    }


def _identifiers(
    around: Neighbourhood, graph: IdentityGraph, memberships: Mapping[int, Iterable[Membership]]
) -> dict[int, KnownIdentifier]:
    """Of the identifiers that were gathered, those of people and those that were surrounded: nothing else changed, but
    for what the rules say otherwise now, whatever is behind it."""
    numbers = {n for n in around.complete if n in around.exclusive or n in graph.persons}
    numbers |= around.surrounded | around.unseen | around.before.keys()
    nodes = {number: around.known[number].node for number in numbers}
    verdicts = {**graph.ambiguous, **blocked(nodes.values(), graph.stewards)}
    profiles = graph.belongings.profiles()
    servers = {number for each in graph.subjects if each.server is not None for number in each.identifiers}
    taking_turns = {each for each in memberships if any(span.start is not None for span in memberships[each])}
    in_turns = {number for each in taking_turns for number in around.subjects[each].identifiers} & around.surrounded
    found = {}
    for number, node in nodes.items():
        verdict = verdicts.get(number)
        server = number in servers if number in around.complete else around.known[number].server
        server &= verdict is None or verdict.code != "blocked"
        detail, turns = (verdict.detail, False) if verdict else (None, number in in_turns)
        found[number] = KnownIdentifier(node, detail, server, turns, profiles.get(number))
    return found
