"""What must hold of identity whatever is delivered, each as a check of one case."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from random import Random
from typing import NamedTuple

import networkx

from cdp.identity.decision import Decision
from cdp.identity.evidence import SubjectSeen
from cdp.identity.explanation import explained
from cdp.identity.resolution import Link, Node, Resolution, resolve
from tests.identity.cases import DAY_ONE, IDENTIFIERS, Case, groups, in_force, nodes_of, rule_set, subjects_of
from tests.identity.oracle import Decided, Seen


def agrees_with_the_oracle(case: Case) -> None:
    """Groups and their names, verdicts and withheld links are those of an oracle that shares no code."""
    oracle, resolution = case.oracle(), case.resolved()
    assert case.profiles() == oracle.profiles()
    assert {number: verdict[:2] for number, verdict in resolution.verdicts.items()} == oracle.verdicts
    assert {frozenset((each.a, each.b)): each.reason for each in resolution.withheld} == oracle.withheld()


def does_not_depend_on_delivery(case: Case, random: Random) -> None:
    """Any order and repetition of delivery gives the same groups, verdicts and withheld links."""
    again = [*case.delivered, *random.choices(case.delivered, k=3)]
    random.shuffle(again)
    other = case._replace(delivered=tuple(again))
    assert groups(other.profiles()) == groups(case.profiles())
    assert other.resolved().verdicts == case.resolved().verdicts
    assert set(other.resolved().withheld) == set(case.resolved().withheld)


def a_merge_undone_leaves_no_trace(case: Case) -> None:
    """Two profiles joined by one wrong touchpoint are the former two, ids included, once a steward unlinks the pair."""
    for merge in merges(case):
        undone = merge.case._replace(decided=(*case.decided, Decided("unlink", merge.pair)))
        former, found = case.profiles(), undone.profiles()
        assert {event: found[event] for event in former} == former
        profiles = case.resolved().profiles
        assert [undone.resolved().profiles[n] for n in merge.pair] == [profiles[n] for n in merge.pair]


def a_link_undone_leaves_no_trace(case: Case) -> None:
    """Two profiles that a steward joined are the former two, ids included, once a steward unlinks them."""
    for pair in pairs_of_two(case):
        linked = (*case.decided, Decided("link", pair))
        undone = case._replace(decided=(*linked, Decided("unlink", pair)))
        assert undone.profiles() == case.profiles()


class Merge(NamedTuple):
    """A case with one touchpoint more, which shows a pair of two profiles."""

    case: Case
    pair: tuple[int, int]

    def joins(self) -> bool:
        """Whether the two are one now."""
        profiles = self.case.resolved().profiles
        return profiles[self.pair[0]] == profiles[self.pair[1]]


def merges(case: Case) -> Iterator[Merge]:
    """The case with one wrong touchpoint, from a source that is not better than those which knew both before."""
    servers = {n for seen in case.delivered if not seen.public for n in seen.numbers}
    for pair in pairs_of_two(case):
        wrong = Seen("wrong", 4, frozenset(pair), not {*pair} <= servers)
        yield Merge(case._replace(delivered=(*case.delivered, wrong)), pair)


def pairs_of_two(case: Case, most: int = 4) -> list[tuple[int, int]]:
    """Pairs of exclusive identifiers that may link, of two profiles, about which no steward decided."""
    profiles, verdicts = case.resolved().profiles, case.resolved().verdicts
    people = sorted(n for n in profiles if case.rules.kinds[IDENTIFIERS[n].type].exclusive and n not in verdicts)
    decided = {each.numbers for each in case.decided}
    pairs = [pair for pair in combinations(people, 2) if profiles[pair[0]] != profiles[pair[1]]]
    return [pair for pair in pairs if pair not in decided][:most]


def a_decision_taken_back_leaves_no_trace(case: Case, decision: Decided) -> None:
    """Whatever a steward decides of a pair or an identifier: released, everything is as if it had never been."""
    undecided = case._replace(decided=tuple(each for each in case.decided if each.numbers != decision.numbers))
    before = undecided.profiles()
    decided = undecided._replace(decided=(*undecided.decided, decision))
    decided.profiles()
    released = decided._replace(decided=(*decided.decided, Decided("release", decision.numbers)))
    assert released.profiles() == before


def every_pair_is_explained(case: Case) -> None:
    """Two identifiers are explained by a chain of what was really seen and decided, or by reasons why not."""
    oracle, graph = case.oracle(), case.graph()
    together = networkx.Graph(pair for seen in case.delivered for pair in combinations(seen.numbers, 2))
    shown = {(seen.day, seen.event): seen.numbers for seen in case.delivered}
    for a, b in combinations(sorted(oracle.numbers), 2):
        found = explained(a, b, graph)
        assert str(found)
        if {a, b} <= graph.belief.exclusive.keys():
            assert found.joined is any({a, b} <= group for group in oracle.people)
        if found.joined:
            assert leads(found.chain, a, b)
            for link in found.chain:
                pair = (min(link.a, link.b), max(link.a, link.b))
                seen = shown[(link.moment.at - DAY_ONE).days, link.moment.event] if link.moment else frozenset()
                assert {*pair} <= seen or (link.kind == "steward" and pair in oracle.stewards_links)
        else:
            unconnected = not ({a, b} <= set(together) and networkx.has_path(together, a, b))
            codes = {obstacle.code for obstacle in found.obstacles}
            assert codes
            assert ("not_connected" not in codes) or unconnected


def leads(chain: Sequence[Link], a: int, b: int) -> bool:
    """Whether each link starts where the one before it ended."""
    at = a
    for link in chain:
        if at not in (link.a, link.b):
            return False
        at = link.a if at == link.b else link.b
    return at == b


def holds_for_each_component_alone(case: Case) -> None:
    """Given one whole component at a time, and the verdicts on what is not whole, people are who they are in all."""
    complete = case.resolved()
    nodes, decided = nodes_of(case.delivered), in_force(case.decided)
    subjects = subjects_of(case.delivered)
    for component in components(subjects, nodes, case, complete):
        given = [subject for subject in subjects if component & {*subject.identifiers}]
        part = {n: nodes[n] for n in {*component, *(n for subject in given for n in subject.identifiers)}}
        known = {n: complete.verdicts.get(n) for n in part.keys() - component if not part[n].blocked}
        found = resolve(given, part, rule_set(case.rules), concerning(decided, part), known)
        assert {n: found.profiles.get(n) for n in component} == {n: complete.profiles.get(n) for n in component}


def components(subjects: list[SubjectSeen], nodes: dict[int, Node], case: Case, complete: Resolution) -> list[set[int]]:
    """What is connected over exclusive identifiers that are neither blocked nor past the fan-out, and by stewards."""
    rules = rule_set(case.rules)
    cut = {n for n, verdict in complete.verdicts.items() if verdict.code == "blocked" or verdict.detail == "fan_out"}
    whole = {n for n in nodes if rules.exclusive(nodes[n].type)} - cut
    graph = networkx.Graph()
    graph.add_nodes_from(whole)
    for subject in subjects:
        networkx.add_path(graph, [n for n in subject.identifiers if n in whole])
    links = [each.numbers for each in in_force(case.decided) if each.kind == "link"]
    graph.add_edges_from(pair for pair in links if {*pair} <= nodes.keys())
    return [set(component) for component in networkx.connected_components(graph) if component & whole]


def concerning(decided: list[Decision], nodes: dict[int, Node]) -> list[Decision]:
    """The decisions about these identifiers."""
    return [each for each in decided if {*each.numbers} <= nodes.keys()]
