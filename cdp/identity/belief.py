"""The order in which identifiers are believed, and what of a subject's identifiers may say whose a touchpoint is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from cdp.identity.evidence import Node, SubjectSeen
from cdp.identity.rules import RuleSet

Place = tuple[int, str, str, int]
"""An identifier's place in the order of belief: priority, type, namespace, number."""


@dataclass(frozen=True, slots=True)
class Belief:
    """The places of identifiers that are not blocked, the two kinds apart."""

    exclusive: Mapping[int, Place]
    shareable: Mapping[int, Place]

    def place(self, number: int) -> Place:
        """The place of an identifier that is not blocked."""
        return self.exclusive.get(number) or self.shareable[number]


class Usable(NamedTuple):
    """The identifiers of a subject that count, each kind in the order of belief."""

    exclusive: tuple[int, ...]
    shareable: tuple[int, ...]


def believed(nodes: Iterable[Node], rules: RuleSet, blocked: Collection[int] = ()) -> Belief:
    """The order of belief under the rules; `blocked` are identifiers that a steward blocks."""
    exclusive: dict[int, Place] = {}
    shareable: dict[int, Place] = {}
    kinds: dict[str, tuple[dict[int, Place], int]] = {}
    for number, kind, namespace, is_blocked, _ in nodes:
        if not is_blocked and number not in blocked:
            if kind not in kinds:
                rule = rules.of(kind)
                kinds[kind] = (exclusive if rule.exclusive else shareable, rule.priority)
            places, priority = kinds[kind]
            places[number] = (priority, kind, namespace, number)
    return Belief(exclusive, shareable)


def split(subjects: Iterable[SubjectSeen], belief: Belief) -> list[Usable]:
    """The identifiers of each subject that are not blocked."""
    return [
        _split(subject.identifiers, belief) if len(subject.identifiers) > 1 else _alone(subject.identifiers, belief)
        for subject in subjects
    ]


def _split(numbers: tuple[int, ...], belief: Belief) -> Usable:
    exclusive, shareable = belief.exclusive, belief.shareable
    return Usable(
        ordered([number for number in numbers if number in exclusive], exclusive),
        ordered([number for number in numbers if number in shareable], shareable),
    )


def _alone(numbers: tuple[int, ...], belief: Belief) -> Usable:
    """Most subjects have one identifier; nothing has to be ordered there."""
    if belief.exclusive.keys().isdisjoint(numbers):
        return Usable((), () if belief.shareable.keys().isdisjoint(numbers) else numbers)
    return Usable(numbers, ())


def ordered(numbers: list[int], places: Mapping[int, Place]) -> tuple[int, ...]:
    """The identifiers in the order of belief, each once."""
    if len(numbers) > 1:
        by_place: Callable[[int], Place] = places.__getitem__
        numbers = sorted(dict.fromkeys(numbers), key=by_place)
    return tuple(numbers)
