"""The choice among claims: what of all that was claimed of an attribute survives, and why the rest lost.

A pure function of the claims, the attribute's rule and the moment at which it is asked. Neither the order in which
claims came nor repeating them changes anything: a tie in time goes by event id, then by value.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import msgspec

from cdp.survivorship.rules import FIRST, MOST_FREQUENT, VERIFIED, Rule

EMPTY_VALUES = frozenset({"null", '""', "[]", "{}"})
"""What says nothing, as JSON."""

EMPTY = "empty"
EXPIRED = "expired"
NOT_VERIFIED = "not verified"
LOWER_PRIORITY = "lower-priority source"
LESS_FREQUENT = "less frequent"
OLDER = "older"
NEWER = "newer"
TIED = "tied"
"""Claimed at the very same moment: the greater event id, then the greater value, was taken (the lesser for `first`)."""

REASONS = (EMPTY, EXPIRED, NOT_VERIFIED, LOWER_PRIORITY, LESS_FREQUENT, OLDER, NEWER, TIED)
"""Why a candidate lost; the first one that applies is given."""

_elements = msgspec.json.Decoder(list[msgspec.Raw])


class Said(NamedTuple):
    """A touchpoint that claimed something: when it counts, its id, and its place in the log."""

    effective_at: datetime
    event_id: str
    position: int


class Candidate(NamedTuple):
    """A value that a source claimed, `claims` times from `first` to `last`.

    `value` is JSON, and two values are the same where their JSON is. A claim by itself is a candidate with 1 of them.
    Where the rule has a time to live, claims that expired and others must be candidates of their own.
    """

    value: str
    source: UUID
    first: Said
    last: Said
    claims: int

    @classmethod
    def single(cls, value: str, source: UUID, said: Said) -> Candidate:
        """One claim."""
        return cls(value, source, said, said, 1)


class Chosen(NamedTuple):
    """A value that survived, and the claim that stands for it: of this source, by this touchpoint."""

    value: str
    source: UUID
    said: Said
    expires_at: datetime | None


class Lost(NamedTuple):
    """A candidate that did not survive, and the first reason that applies."""

    candidate: Candidate
    reason: str


@dataclass(frozen=True)
class Choice:
    """What survives of an attribute: nothing where all has expired.

    `items` has each value of a multi-valued attribute; the winner is then the list of them and stands where the first
    of them does. `lost` has the strongest first.
    """

    winner: Chosen | None
    items: Sequence[Chosen]
    lost: Sequence[Lost]


def choose(candidates: Iterable[Candidate], rule: Rule, now: datetime) -> Choice:
    """What survives of one attribute's claims under its rule at a moment, by which claims expire."""
    alive: list[Candidate] = []
    expired: list[Candidate] = []
    for each in dict.fromkeys(candidates):
        (expired if rule.ttl is not None and each.last.effective_at + rule.ttl <= now else alive).append(each)
    choice = _union(alive, rule) if rule.multi_valued else _single(_ranked(alive, rule), rule)
    gone = [Lost(each.candidate, EXPIRED) for each in _ranked(expired, rule)]
    return Choice(choice.winner, choice.items, [*choice.lost, *gone])


class _Ranked(NamedTuple):
    """A candidate with what it is weighed by: the greater `strength` wins, then the time of its claim that counts."""

    strength: tuple[bool, int, int]
    said: Said
    candidate: Candidate


def _ranked(candidates: Iterable[Candidate], rule: Rule) -> list[_Ranked]:
    """The candidates, equal ones as one, the strongest first."""
    merged = _merged(candidates)
    counts = Counter[str]()
    for each in merged if rule.kind == MOST_FREQUENT else ():
        counts[each.value] += each.claims
    ranked = [_Ranked(_strength(each, rule, counts), _standing(each, rule), each) for each in merged]
    ranked.sort(key=lambda each: (each.said, each.candidate.value), reverse=rule.kind != FIRST)
    ranked.sort(key=lambda each: each.strength, reverse=True)
    return ranked


def _strength(candidate: Candidate, rule: Rule, counts: Counter[str]) -> tuple[bool, int, int]:
    """Whether it says something, how far its source is believed, and how often it was claimed."""
    says = not rule.ignore_empty or candidate.value not in EMPTY_VALUES
    return says, -rule.rank(candidate.source), counts[candidate.value]


def _standing(candidate: Candidate, rule: Rule) -> Said:
    """The claim that stands for the candidate."""
    return candidate.first if rule.kind == FIRST else candidate.last


def _merged(candidates: Iterable[Candidate]) -> list[Candidate]:
    merged: dict[tuple[str, UUID], Candidate] = {}
    for each in candidates:
        known = merged.get((each.value, each.source))
        if known is not None:
            first, last = min(known.first, each.first), max(known.last, each.last)
            each = known._replace(first=first, last=last, claims=known.claims + each.claims)
        merged[each.value, each.source] = each
    return list(merged.values())


def _single(ranked: Sequence[_Ranked], rule: Rule) -> Choice:
    if not ranked:
        return Choice(None, (), ())
    winner, *others = ranked
    return Choice(_chosen(winner, rule), (), [Lost(each.candidate, _reason(winner, each, rule)) for each in others])


def _union(candidates: Sequence[Candidate], rule: Rule) -> Choice:
    """The strongest candidate of each distinct element, strongest first; where none says anything, the empty ones."""
    elements = [element for candidate in candidates for element in _elements_of(candidate)]
    said = [each for each in elements if not rule.ignore_empty or each.value not in EMPTY_VALUES]
    if not said:
        return _single(_ranked(candidates, rule), rule)
    winners: dict[str, _Ranked] = {}
    lost: list[Lost] = []
    for each in _ranked(said, rule):
        winner = winners.setdefault(each.candidate.value, each)
        if winner is not each:
            lost.append(Lost(each.candidate, _reason(winner, each, rule)))
    items = [_chosen(each, rule) for each in winners.values()]
    empty = [each for each in candidates if rule.ignore_empty and each.value in EMPTY_VALUES]
    return Choice(_listed(items), items, [*lost, *(Lost(each.candidate, EMPTY) for each in _ranked(empty, rule))])


def _elements_of(candidate: Candidate) -> list[Candidate]:
    """The distinct elements of a list, each as if claimed by itself; anything else is one."""
    if not candidate.value.startswith("["):
        return [candidate]
    values = dict.fromkeys(bytes(each).decode() for each in _elements.decode(candidate.value))
    return [candidate._replace(value=value) for value in values]


def _listed(items: Sequence[Chosen]) -> Chosen:
    """The list of all values, by the claim of the first; it has expired when all have."""
    expiries = [each.expires_at for each in items if each.expires_at is not None]
    value = f"[{', '.join(each.value for each in items)}]"
    return items[0]._replace(value=value, expires_at=max(expiries, default=None))


def _chosen(winner: _Ranked, rule: Rule) -> Chosen:
    expires_at = None if rule.ttl is None else winner.said.effective_at + rule.ttl
    return Chosen(winner.candidate.value, winner.candidate.source, winner.said, expires_at)


def _reason(winner: _Ranked, loser: _Ranked, rule: Rule) -> str:
    """The first thing in which the loser is behind."""
    believed = NOT_VERIFIED if rule.kind == VERIFIED else LOWER_PRIORITY
    for better, worse, reason in zip(winner.strength, loser.strength, (EMPTY, believed, LESS_FREQUENT), strict=True):
        if better > worse:
            return reason
    if winner.said.effective_at == loser.said.effective_at:
        return TIED
    return NEWER if rule.kind == FIRST else OLDER
