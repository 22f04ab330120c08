"""Verdicts: which identifiers link nobody, judged by what each was seen together with and by nothing else.

An identifier is judged by the subjects that servers showed if there are any, otherwise by all. A verdict never depends
on another one, except that blocked identifiers count nowhere; so it does not matter in which order they are reached.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cdp.identity.belief import Belief, Usable
from cdp.identity.evidence import Node, SubjectSeen
from cdp.identity.findings import Verdict
from cdp.identity.rules import RuleSet
from cdp.identity.stewardship import NOBODY, Stewardship

Kind = tuple[int, str, str]
"""Priority, type and namespace: what a limit counts, in the order of belief."""


@dataclass(frozen=True, slots=True)
class Judge:
    """What verdicts depend on beside the sightings."""

    rules: RuleSet
    belief: Belief
    stewards: Stewardship

    def suspects(self, subjects: Sequence[SubjectSeen], usable: Sequence[Usable]) -> set[int]:
        """The few identifiers that may be ambiguous: a cheap first look that misses none."""
        others: defaultdict[int, set[int]] = defaultdict(set)
        degree: defaultdict[int, int] = defaultdict(int)
        for exclusive, shareable in usable:
            if len(exclusive) > 1:
                for number in exclusive:
                    others[number].update(exclusive)
            others_too = len(exclusive) + len(shareable) - 1
            for number in shareable if others_too else ():
                degree[number] += others_too
        found = {
            number for number, seen in others.items() if len(seen) > 2 and self._exclusive(number, seen - {number})
        }
        return found | {number for number, count in degree.items() if self._past_fan_out(number, count)}

    def judge(self, number: int, seen: Collection[int]) -> Verdict | None:
        """The verdict on an identifier that was seen directly with these others, none of them blocked."""
        if number in self.belief.exclusive:
            return self._exclusive(number, seen)
        return self._past_fan_out(number, len(seen))

    def _exclusive(self, number: int, seen: Collection[int]) -> Verdict | None:
        """The fan-out goes first: whoever keeps verdicts need not look again at what is behind such an identifier."""
        others = sum(other in self.belief.exclusive for other in seen)
        return self._past_fan_out(number, others) or self._past_limit(number, seen)

    def _past_limit(self, number: int, seen: Iterable[int]) -> Verdict | None:
        """Whether it was seen with too many values of a type that is believed before its own."""
        values: defaultdict[Kind, set[int]] = defaultdict(set)
        own, places, groups = self.belief.exclusive[number][0], self.belief.exclusive, self.stewards.groups
        for other in seen:
            place = places.get(other)
            if place is not None and place[0] < own:
                values[place[:3]].add(groups.get(other, other))
        for kind in sorted(values):
            limit = self.rules.of(kind[1]).limit
            if limit is not None and len(values[kind]) > limit:
                return Verdict("ambiguous", "limit", len(values[kind]), limit, kind[1], kind[2])
        return None

    def _past_fan_out(self, number: int, count: int) -> Verdict | None:
        fan_out = self.rules.of(self.belief.place(number)[1]).fan_out
        return None if fan_out is None or count <= fan_out else Verdict("ambiguous", "fan_out", count, fan_out)


def judged(
    subjects: Sequence[SubjectSeen], usable: Sequence[Usable], judge: Judge, known: Mapping[int, Verdict | None]
) -> dict[int, Verdict]:
    """The verdicts on ambiguous identifiers. `known` are those on identifiers of which not all sightings are given."""
    suspects = judge.suspects(subjects, usable) - known.keys()
    verdicts = {number: verdict for number, verdict in known.items() if verdict}
    for number, seen in seen_with(subjects, usable, suspects).items():
        if verdict := judge.judge(number, seen - judge.stewards.apart.get(number, NOBODY)):
            verdicts[number] = verdict
    return verdicts


def seen_with(
    subjects: Iterable[SubjectSeen], usable: Iterable[Usable], wanted: Collection[int]
) -> dict[int, set[int]]:
    """The others with which these identifiers were seen directly, by servers if any of those saw them at all."""
    everywhere: dict[int, set[int]] = {number: set() for number in wanted}
    by_servers: dict[int, set[int]] = {}
    for subject, (exclusive, shareable) in zip(subjects, usable, strict=True) if wanted else ():
        for number in everywhere.keys() & {*exclusive, *shareable}:
            everywhere[number].update(exclusive, shareable)
            if subject.server is not None:
                by_servers.setdefault(number, set()).update(exclusive, shareable)
    return {number: by_servers.get(number, seen) - {number} for number, seen in everywhere.items()}


def blocked(nodes: Iterable[Node], stewards: Stewardship) -> dict[int, Verdict]:
    """The verdicts on blocked identifiers."""
    verdicts = {node.number: Verdict("blocked", "value") for node in nodes if node.blocked}
    if stewards.blocked:
        by_stewards = {node.number for node in nodes} & stewards.blocked - verdicts.keys()
        verdicts.update(dict.fromkeys(sorted(by_stewards), Verdict("blocked", "steward")))
    return verdicts
