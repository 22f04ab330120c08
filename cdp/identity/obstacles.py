"""Why two identifiers are not one profile: everything between them that does not join."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple

from cdp.identity.findings import Verdict, Withheld
from cdp.identity.graph import IdentityGraph
from cdp.identity.verdicts import blocked, seen_with

MOST_VALUES = 100
"""Of thousands that an identifier was seen with, nobody looks at more."""

Code = Literal[
    "never_seen",
    "blocked",
    "ambiguous",
    "withheld",
    "kept_apart",
    "shareable",
    "follows_others",
    "stays_anonymous",
    "not_connected",
]


class Obstacle(NamedTuple):
    """One reason why two identifiers are not one profile.

    `numbers` are the identifiers that it is about. `values` are those that were counted for a `verdict` (at most
    `MOST_VALUES`), or the people whom a shareable identifier follows instead.
    """

    code: Code
    numbers: tuple[int, ...]
    verdict: Verdict | None = None
    values: tuple[int, ...] = ()
    withheld: Withheld | None = None

    def __str__(self) -> str:
        """The reason in plain English, with the identifiers' numbers."""
        return _WORDS[self.code](self)


Home = tuple[bool, str | int]
"""Where an identifier stands: the profile that it is a member of, or, without one, itself."""


@dataclass(frozen=True)
class Obstacles:
    """Looks for what lies between identifiers of one graph."""

    graph: IdentityGraph

    def between(self, a: int, b: int) -> list[Obstacle]:
        """Every reason why these two are not one profile; they must not be one."""
        unseen = [Obstacle("never_seen", (number,)) for number in (a, b) if number not in self._seen]
        if unseen:
            return unseen
        found = [*self._of(a), *self._of(b)]
        ends = self.home(a), self.home(b)
        steps = [*self._crossing(*ends), *self._bridges(*ends)]
        if not steps and (path := self._path(*ends)):
            steps = [step for pair in pairwise(path) for step in self._crossing(*pair)]
            steps += [obstacle for home in path[1:-1] for obstacle in self._at(home)]
        found += [step for step in steps if step not in found]
        return found or [Obstacle("not_connected", (a, b))]

    def home(self, number: int) -> Home:
        """The profile of which an identifier is a member for ever, or the identifier alone."""
        profile = self._profiles.get(number)
        return (False, number) if profile is None else (True, profile)

    def verdict(self, number: int) -> Obstacle | None:
        """Why an identifier links nobody, if it does not."""
        useless = number in self._verdicts and number not in self.graph.stewards.groups
        return self._obstacle(number) if useless else None

    def _obstacle(self, number: int) -> Obstacle:
        verdict = self._verdicts.get(number)
        if verdict is None:
            return Obstacle("shareable", (number,))
        return Obstacle(verdict.code, (number,), verdict, self._counted(number, verdict))

    def _of(self, number: int) -> Iterator[Obstacle]:
        """What is to be said of one of the two by itself."""
        if obstacle := self.verdict(number):
            yield obstacle
        elif number in self.graph.belief.shareable and number not in self.graph.persons:
            if self.graph.rules.anonymous == "stays anonymous":
                yield Obstacle("stays_anonymous", (number,))
            elif seen := self.graph.authenticated.get(number):
                profiles = {authentication.profile for authentication in seen}
                people = sorted(n for n, profile in self.graph.persons.items() if profile in profiles)
                yield Obstacle("follows_others", (number,), values=tuple(people[:MOST_VALUES]))

    def _at(self, home: Home) -> Iterator[Obstacle]:
        """What is to be said of what lies in between, if it is nobody's."""
        for number in sorted(self._members[home] - self.graph.persons.keys()):
            yield self.verdict(number) or Obstacle("shareable", (number,))

    def _crossing(self, ours: Home, theirs: Home) -> Iterator[Obstacle]:
        """The links between two that are withheld, and the pairs that a steward keeps apart without any."""
        ends, reported = {ours, theirs}, set()
        for withheld in self.graph.withheld:
            if {self.home(withheld.a), self.home(withheld.b)} == ends:
                reported.update({(withheld.a, withheld.b), (withheld.b, withheld.a), withheld.collision})
                yield Obstacle("withheld", (withheld.a, withheld.b), withheld=withheld)
        for a, others in self.graph.stewards.apart.items():
            for b in sorted(others):
                if a < b and (a, b) not in reported and {self.home(a), self.home(b)} == ends:
                    yield Obstacle("kept_apart", (a, b))
        for number in self._joined_by_stewards_alone:
            if self.home(number) in ends and self._beside[ours] & {theirs}:
                yield self._obstacle(number)

    def _bridges(self, ours: Home, theirs: Home) -> Iterator[Obstacle]:
        """The identifiers that were seen with both and join nobody."""
        for home in sorted(self._beside[ours] & self._beside[theirs], key=str):
            yield from self._at(home)

    def _path(self, start: Home, end: Home) -> list[Home]:
        """The shortest way from one to the other over what was seen together; empty if there is none."""
        came_from: dict[Home, Home | None] = {start: None}
        waiting = deque([start])
        while waiting and end not in came_from:
            home = waiting.popleft()
            for beside in sorted(self._beside[home] - came_from.keys(), key=str):
                came_from[beside] = home
                waiting.append(beside)
        path: list[Home] = []
        at: Home | None = end if end in came_from else None
        while at is not None:
            path.append(at)
            at = came_from[at]
        return path[::-1]

    def _counted(self, number: int, verdict: Verdict) -> tuple[int, ...]:
        """The identifiers that were counted for a verdict, as far as their sightings are given."""
        seen = seen_with(self.graph.subjects, self.graph.present, {number}).get(number, set())
        seen -= self.graph.stewards.apart.get(number, frozenset())
        places = self.graph.belief.exclusive
        if verdict.detail == "limit":
            seen = {n for n in seen if n in places and places[n][1:3] == (verdict.type, verdict.namespace)}
        elif number in places:
            seen &= places.keys()
        return tuple(sorted(seen)[:MOST_VALUES]) if verdict.code == "ambiguous" else ()

    @cached_property
    def _seen(self) -> set[int]:
        return {number for subject in self.graph.subjects for number in subject.identifiers}

    @cached_property
    def _verdicts(self) -> Mapping[int, Verdict]:
        return {**blocked(self.graph.nodes.values(), self.graph.stewards), **self.graph.ambiguous}

    @cached_property
    def _profiles(self) -> Mapping[int, str]:
        return self.graph.belongings.profiles()

    @cached_property
    def _joined_by_stewards_alone(self) -> list[int]:
        """The identifiers whose sightings link nobody, though they are members of a group."""
        weak = self.graph.ambiguous.keys() | self.graph.belief.shareable.keys()
        return sorted(self.graph.stewards.groups.keys() & weak)

    @cached_property
    def _members(self) -> Mapping[Home, set[int]]:
        members: defaultdict[Home, set[int]] = defaultdict(set)
        for number in self._seen:
            members[self.home(number)].add(number)
        return members

    @cached_property
    def _beside(self) -> Mapping[Home, set[Home]]:
        """Which were seen together."""
        beside: defaultdict[Home, set[Home]] = defaultdict(set)
        for subject in self.graph.subjects:
            homes = {self.home(number) for number in subject.identifiers}
            for home in homes:
                beside[home] |= homes
        return beside


def _verdict_words(obstacle: Obstacle) -> str:
    number, verdict = obstacle.numbers[0], obstacle.verdict
    if verdict is None or verdict.code == "blocked":
        by = "a steward" if verdict and verdict.detail == "steward" else "the rules"
        return f"{number} is blocked by {by}: it links nobody"
    what = f"values of {verdict.type} in {verdict.namespace}" if verdict.detail == "limit" else "others"
    return f"{number} is ambiguous: it was seen with {verdict.seen} {what}, where {verdict.allowed} are allowed"


def _withheld_words(obstacle: Obstacle) -> str:
    link = obstacle.withheld
    if link is None:
        return ""
    what = f"the link of {link.a} and {link.b}"
    if link.moment:
        what += f" seen at {link.moment.at.isoformat()} (event {link.moment.event})"
    numbers = " and ".join(str(number) for number in link.collision)
    why = {
        "cannot_link": f"a steward keeps {numbers} apart",
        "limit": f"there would be {link.reached} values of {link.type} in {link.namespace} ({numbers}), "
        f"where {link.allowed} are allowed",
        "size_cap": f"there would be {link.reached} identifiers, where {link.allowed} are allowed",
        "public_source": f"only a public source shows it, and servers know {numbers}",
    }
    return f"{what} is withheld: {why[link.reason]}"


_WORDS: Mapping[Code, Callable[[Obstacle], str]] = {
    "never_seen": lambda o: f"{o.numbers[0]} was never seen",
    "blocked": _verdict_words,
    "ambiguous": _verdict_words,
    "withheld": _withheld_words,
    "kept_apart": lambda o: f"a steward keeps {o.numbers[0]} and {o.numbers[1]} apart",
    "shareable": lambda o: f"{o.numbers[0]} was seen with both, but several people may share it",
    "follows_others": lambda o: f"{o.numbers[0]} follows whoever authenticates on it: {', '.join(map(str, o.values))}",
    "stays_anonymous": lambda o: f"{o.numbers[0]} stays anonymous by the rules",
    "not_connected": lambda o: f"no touchpoint connects {o.numbers[0]} and {o.numbers[1]}",
}
