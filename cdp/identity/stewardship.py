"""Stewards' decisions in the form in which resolution applies them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from cdp.identity.decision import Decision
from cdp.identity.findings import Withheld

NOBODY: frozenset[int] = frozenset()


class StewardLink(NamedTuple):
    """Two identifiers that a steward joined, by the event at `position`."""

    a: int
    b: int
    position: int


@dataclass(frozen=True, slots=True)
class Stewardship:
    """What stewards decided of the identifiers at hand.

    `blocked` are those that they block; `apart` says of an identifier with which others it is never one person;
    `links` are the decisions that join, in order, `withheld` those that a cannot-link outweighs. `groups` has the
    identifiers that `links` join, each with one member that stands for its group.
    """

    blocked: frozenset[int] = NOBODY
    apart: Mapping[int, frozenset[int]] = field(default_factory=dict)
    links: tuple[StewardLink, ...] = ()
    withheld: tuple[Withheld, ...] = ()
    groups: Mapping[int, int] = field(default_factory=dict)

    def kept_apart(self, ours: Set[int], theirs: Set[int]) -> tuple[int, int] | None:
        """The first pair, one from each side, that is never one person."""
        if not self.apart:
            return None
        few, many = sorted((ours, theirs), key=len)
        pairs = ((min(a, b), max(a, b)) for a in few for b in self.apart.get(a, NOBODY) & many)
        return min(pairs, default=None)


def stewardship(decisions: Iterable[Decision], blocked: Collection[int], known: Collection[int]) -> Stewardship:
    """Applies the latest decision about each pair and identifier, in the order of positions.

    `blocked` are identifiers that the rules block: no decision joins them. `known` are those at hand; decisions about
    others are left out.
    """
    latest = {each.numbers: each for each in sorted(decisions, key=lambda each: each.position)}
    if not latest:
        return Stewardship()
    in_force = sorted(latest.values(), key=lambda each: each.position)
    nobody = frozenset(each.numbers[0] for each in in_force if each.kind == "block")
    apart = _apart(each.numbers for each in in_force if each.kind == "unlink")
    links = [
        StewardLink(each.numbers[0], each.numbers[1], each.position)
        for each in in_force
        if each.kind == "link" and all(n in known and n not in blocked and n not in nobody for n in each.numbers)
    ]
    return _joined(Stewardship(nobody, apart), links)


def _apart(pairs: Iterable[tuple[int, ...]]) -> dict[int, frozenset[int]]:
    apart: defaultdict[int, set[int]] = defaultdict(set)
    for a, b in pairs:
        apart[a].add(b)
        apart[b].add(a)
    return {number: frozenset(others) for number, others in apart.items()}


def _joined(decided: Stewardship, links: Iterable[StewardLink]) -> Stewardship:
    """Joins in order, unless the two groups that a link would join hold a pair that is kept apart."""
    members: dict[int, set[int]] = {}
    accepted, withheld = [], []
    for link in links:
        ours, theirs = members.get(link.a, {link.a}), members.get(link.b, {link.b})
        if ours is not theirs and (pair := decided.kept_apart(ours, theirs)):
            withheld.append(Withheld(link.a, link.b, None, "cannot_link", pair))
            continue
        accepted.append(link)
        joined = ours | theirs
        members.update(dict.fromkeys(joined, joined))
    groups = {number: min(group) for number, group in members.items()}
    return Stewardship(decided.blocked, decided.apart, tuple(accepted), tuple(withheld), groups)
