"""A change of rules: which subjects it can concern, part by part, so that as little as possible is resolved again."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.rules import RuleSet, TypeRule
from projections.contract import Policy, Values
from projections.identity.known import FAN_OUT, Authenticated, KnownIdentifier, Shown
from projections.identity.neighbourhood import NOBODY, Neighbourhood, Ties
from projections.identity.settlement import Settlement, settle
from projections.identity.store import IdentityStore, StoredSightings
from projections.identity.survey import Survey

PART = 2_000
"""Subjects in a part; their whole components come on top."""

REJUDGED = 5_000
"""Identifiers whose values are looked up at once."""


def decided_anew(before: Policy, after: Policy) -> set[int]:
    """The identifiers about which stewards decided something else."""
    if before.decisions is after.decisions:
        return set()
    return {number for each in set(before.decisions) ^ set(after.decisions) for number in each.numbers}


class Standing(NamedTuple):
    """What other rules say of an identifier before anything behind it is looked at."""

    blocked: bool
    verdict: str | None
    server: bool


@dataclass
class RevisedSightings:
    """What is stored, as the new rules see it. `before` takes up what was said of the identifiers that they change."""

    stored: Shown
    standings: Mapping[int, Standing]
    before: dict[int, KnownIdentifier] = field(default_factory=dict)

    def holders(self, numbers: Collection[int]) -> list[SubjectSeen]:
        """The subjects that hold one of these identifiers."""
        return self.stored.holders(numbers)

    def identifiers(self, numbers: Collection[int]) -> Mapping[int, KnownIdentifier]:
        """These identifiers."""
        found = dict(self.stored.identifiers(numbers))
        for number in found.keys() & self.standings.keys():
            known, standing = found[number], self.standings[number]
            self.before[number] = known
            node = known.node._replace(blocked=standing.blocked)
            found[number] = known._replace(node=node, verdict=standing.verdict, server=standing.server)
        return found

    def aged(self, nodes: Mapping[int, Node]) -> Mapping[int, Node]:
        """The identifiers as they are."""
        return nodes

    def hand_overs(self, authenticated: Sequence[Authenticated], every: bool) -> Mapping[int, tuple[Moment, ...]]:
        """When these subjects authenticated."""
        return self.stored.hand_overs(authenticated, every)


class Revision:
    """What changes when `after` takes the place of `before`. Reads what is stored, and writes nothing itself.

    `decided` are identifiers to resolve again besides: those about which stewards decide something else.
    """

    def __init__(
        self, store: IdentityStore, before: Policy, after: Policy, values: Values, decided: Set[int] = NOBODY
    ) -> None:
        self._store = store
        self._before = before
        self._after = after
        self._values = values
        self._decided = decided
        self._survey = Survey(store.connection, store.schema)

    def parts(self) -> Iterator[tuple[Neighbourhood, Settlement]]:
        """What changes around some subjects at a time, in whole components, each subject once."""
        if self._same():
            return
        types = self._survey.types()
        standings = self._standings(types)
        ties = Ties(self._after.decisions)
        concerned = self._survey.concerned(
            everybody=self._everybody(),
            types=[kind for kind in types if self._rule_differs(kind)],
            numbers=[*standings, *self._decided],
            sources=list(self._before.public ^ self._after.public),
        )
        done: set[int] = set()
        for subjects in concerned.parts(PART):
            if missing := [subject for subject in subjects if subject not in done]:
                around = self._around(missing, standings, ties)
                settlement = settle(around, set(around.subjects))
                done = {each for each in done | settlement.memberships.keys() if each > subjects[-1]}
                yield around, settlement

    def _around(self, subjects: Collection[int], standings: Mapping[int, Standing], ties: Ties) -> Neighbourhood:
        """The whole components of these subjects."""
        shown = RevisedSightings(StoredSightings(self._store, self._after.public), standings)
        open_again = {number for number, each in standings.items() if not each.blocked and each.verdict is None}
        forced = open_again | self._decided
        around = Neighbourhood(shown, self._after.rules, ties, forced=forced, before=shown.before)
        sighted = self._store.sighted(subjects)
        around.add(each.seen(subject, self._after.public) for subject, each in sighted.items())
        around.connect({number for each in around.subjects.values() for number in each.identifiers})
        return around

    def _same(self) -> bool:
        same_rules = self._before.rules == self._after.rules
        return same_rules and self._before.public == self._after.public and not self._decided

    def _everybody(self) -> bool:
        before, after = self._before.rules, self._after.rules
        return (before.size_cap, before.anonymous) != (after.size_cap, after.anonymous)

    def _rule_differs(self, kind: str) -> bool:
        return _unblocking(self._before.rules, kind) != _unblocking(self._after.rules, kind)

    def _standings(self, types: Collection[str]) -> dict[int, Standing]:
        """The identifiers of which something else is to be said, before any component is looked at."""
        flipped = dict(self._flipped(types))
        opened = [number for number, blocked in flipped.items() if not blocked]
        past = self._survey.past_fan_out(self._after, flipped)
        closed = self._store.identifiers(self._survey.fan_outs())
        standings = {number: Standing(True, "value", False) for number, blocked in flipped.items() if blocked}
        for number in {*opened, *(number for number in closed if number not in standings)}:
            server, count_past = past.get(number, (False, False))
            standing = Standing(False, FAN_OUT if count_past else None, server)
            known = closed.get(number)
            if known is None or (known.verdict, known.server) != standing[1:]:
                standings[number] = standing
        return standings

    def _flipped(self, types: Collection[str]) -> Iterator[tuple[int, bool]]:
        """Whether identifiers are blocked, of those of which the rules say otherwise now."""
        before, after = self._before.rules, self._after.rules
        kinds = [k for k in types if before.blocked != after.blocked or before.of(k).blocked != after.of(k).blocked]
        last = -1
        while known := self._store.numbers(kinds, last, REJUDGED) if kinds else []:
            last = known[-1].node.number
            values = self._values(each.node.number for each in known)
            for each in known:
                value = values[each.node.number]
                if value is not None and after.blocks(value) != each.node.blocked:
                    yield each.node.number, not each.node.blocked


def _unblocking(rules: RuleSet, kind: str) -> TypeRule:
    """What the rules say of a type, but for the values that they block."""
    return dataclasses.replace(rules.of(kind), blocked=())
