"""The rules of identity once more, over single touchpoints, as naively as they are told in docs/identity.md.

Nothing here is imported from the product. Time is in days; identifiers are numbers whose age is the place in the order
of delivery at which they came first.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from functools import cached_property
from itertools import combinations
from typing import NamedTuple

import networkx


class Kind(NamedTuple):
    """What the rules say of a type."""

    exclusive: bool
    priority: int
    limit: int | None = None
    fan_out: int | None = None
    window: int | None = None


class Rules(NamedTuple):
    """The rules, without the patterns of blocked values."""

    kinds: Mapping[str, Kind]
    size_cap: int = 500
    stays_anonymous: bool = False


class Known(NamedTuple):
    """An identifier."""

    type: str
    namespace: str = "shop"
    blocked: bool = False


class Seen(NamedTuple):
    """A touchpoint."""

    event: str
    day: int
    numbers: frozenset[int]
    public: bool = False


class Decided(NamedTuple):
    """What a steward decided: link, unlink, block or release."""

    kind: str
    numbers: tuple[int, ...]


Group = frozenset[int]


class Oracle:
    """What should come out for touchpoints in an order of delivery, and decisions in the order in which they fell."""

    def __init__(
        self, delivered: Sequence[Seen], identifiers: Mapping[int, Known], rules: Rules, decided: Sequence[Decided] = ()
    ) -> None:
        self.identifiers = identifiers
        self.rules = rules
        self.seen = sorted(set(delivered), key=lambda seen: (seen.day, seen.event))
        self.numbers = {number for seen in delivered for number in seen.numbers}
        self.age = {n: i for i, seen in reversed(list(enumerate(delivered))) for n in seen.numbers}
        self.decided: dict[tuple[int, ...], str] = {}
        for decision in decided:
            self.decided.pop(decision.numbers, None)
            self.decided[decision.numbers] = decision.kind
        self._withheld: dict[frozenset[int], str] = {}

    # What is said of single identifiers

    def kind(self, number: int) -> Kind:
        return self.rules.kinds[self.identifiers[number].type]

    def place(self, number: int) -> tuple[int, str, str, int]:
        known = self.identifiers[number]
        return self.kind(number).priority, known.type, known.namespace, number

    def blocked(self, number: int) -> bool:
        return self.identifiers[number].blocked or self.decided.get((number,)) == "block"

    def apart(self, a: int, b: int) -> bool:
        return self.decided.get((min(a, b), max(a, b))) == "unlink"

    @cached_property
    def stewards_links(self) -> list[tuple[int, int]]:
        """The links of stewards that hold: all but those that a cannot-link or a block outweighs."""
        held: list[tuple[int, int]] = []
        for numbers, kind in self.decided.items():
            if kind == "link" and all(n in self.numbers and not self.blocked(n) for n in numbers):
                a, b = numbers
                ours, theirs = self.stewards_group(a, held), self.stewards_group(b, held)
                if ours != theirs and any(self.apart(x, y) for x in ours for y in theirs):
                    self._withheld[frozenset(numbers)] = "cannot_link"
                else:
                    held.append((a, b))
        return held

    def stewards_group(self, number: int, links: Iterable[tuple[int, int]]) -> Group:
        graph = networkx.Graph(links)
        graph.add_node(number)
        return frozenset(networkx.node_connected_component(graph, number))

    def verdict(self, number: int) -> tuple[str, str] | None:
        """Why an identifier links nobody."""
        if self.blocked(number):
            return "blocked", "value" if self.identifiers[number].blocked else "steward"
        witnesses = [seen for seen in self.seen if number in seen.numbers]
        if any(not seen.public for seen in witnesses):
            witnesses = [seen for seen in witnesses if not seen.public]
        others = {n for seen in witnesses for n in seen.numbers if n != number}
        others = {n for n in others if not self.blocked(n) and not self.apart(n, number)}
        kind, counted = self.kind(number), others
        if kind.exclusive:
            counted = {n for n in others if self.kind(n).exclusive}
        if kind.fan_out is not None and len(counted) > kind.fan_out:
            return "ambiguous", "fan_out"
        return ("ambiguous", "limit") if kind.exclusive and self.past_a_limit(number, others) else None

    def past_a_limit(self, number: int, others: Iterable[int]) -> bool:
        values: dict[tuple[str, str], set[Group]] = {}
        for n in others:
            if self.kind(n).exclusive and self.kind(n).priority < self.kind(number).priority:
                known = self.identifiers[n]
                as_one = self.stewards_group(n, self.stewards_links)
                values.setdefault((known.type, known.namespace), set()).add(as_one)
        limits = {type_: self.rules.kinds[type_].limit for type_, _ in values}
        return any((limit := limits[type_]) is not None and len(each) > limit for (type_, _), each in values.items())

    @cached_property
    def verdicts(self) -> dict[int, tuple[str, str]]:
        return {number: verdict for number in self.numbers if (verdict := self.verdict(number))}

    # Groups

    @cached_property
    def known_to_servers(self) -> set[int]:
        return {number for seen in self.seen if not seen.public for number in seen.numbers}

    def linked(
        self, members: Set[int], links: Iterable[tuple[int, int]], linking: Set[int], sights: Iterable[Seen]
    ) -> set[Group]:
        """Joins stewards' links, then what servers saw, then what the public saw, unless something forbids it."""
        graph = networkx.Graph(links)
        graph.add_nodes_from(members)
        groups = {frozenset(component) for component in networkx.connected_components(graph)}
        for seen in sorted(sights, key=lambda seen: (seen.public, seen.day, seen.event)):
            for a, b in combinations(sorted(seen.numbers & linking, key=self.place), 2):
                ours, theirs = ({g for g in groups if n in g}.pop() for n in (a, b))
                if ours != theirs:
                    if reason := self.forbidden(ours, theirs, seen.public):
                        self._withheld.setdefault(frozenset((a, b)), reason)
                    else:
                        groups = (groups - {ours, theirs}) | {ours | theirs}
        return groups

    def withheld(self) -> dict[frozenset[int], str]:
        """Why each pair that was seen together, or that a steward wanted together, does not join."""
        assert self.people is not None
        assert self.strangers is not None
        return self._withheld

    def forbidden(self, ours: Group, theirs: Group, public: bool) -> str | None:
        if any(self.apart(a, b) for a in ours for b in theirs):
            return "cannot_link"
        for known in {self.identifiers[n] for n in ours}:
            kind = self.rules.kinds[known.type]
            if kind.exclusive and kind.limit is not None:
                a, b = (sum(self.identifiers[n][:2] == known[:2] for n in group) for group in (ours, theirs))
                if a + b > max(kind.limit, a, b):
                    return "limit"
        if len(ours | theirs) > self.rules.size_cap:
            return "size_cap"
        if public and ours & self.known_to_servers and theirs & self.known_to_servers:
            return "public_source"
        return None

    def claimed(self, number: int) -> bool:
        """Whether a steward joined a shareable identifier to an exclusive one."""
        return any(self.kind(n).exclusive for n in self.stewards_group(number, self.stewards_links))

    @cached_property
    def people(self) -> set[Group]:
        """The groups that hold exclusive identifiers."""
        links = [link for link in self.stewards_links if self.claimed(link[0])]
        linking = {n for n in self.numbers if self.kind(n).exclusive and n not in self.verdicts}
        return self.linked(linking, links, linking, self.seen)

    @cached_property
    def strangers(self) -> set[Group]:
        """The groups of shareable identifiers that at least at some time follow nobody."""
        sights = [seen for seen in self.seen if not self.usable(seen, exclusive=True)]
        free = {n for seen in sights for n in self.usable(seen, exclusive=False) if self.free(n)}
        links = [(a, b) for a, b in self.stewards_links if not self.claimed(a) and self.free(a) and self.free(b)]
        return self.linked(free, links, free - self.verdicts.keys(), sights)

    def free(self, number: int) -> bool:
        if self.claimed(number):
            return False
        return not self.authentications(number) or self.rules.stays_anonymous or self.kind(number).window is not None

    # Whose a touchpoint is

    def usable(self, seen: Seen, *, exclusive: bool) -> list[int]:
        """What says whose it is: what may link, and what a steward joined though it may not."""
        joined = {n for link in self.stewards_links for n in link}
        usable = (n for n in seen.numbers if n not in self.verdicts or n in joined)
        return sorted((n for n in usable if self.kind(n).exclusive is exclusive), key=self.place)

    def authentications(self, number: int) -> list[tuple[tuple[int, str], Group]]:
        """When somebody was seen with a shareable identifier, or with one that a steward joined to it."""
        joined = self.stewards_group(number, self.stewards_links)
        found = []
        for seen in self.seen:
            people = self.usable(seen, exclusive=True)
            if people and joined & set(self.usable(seen, exclusive=False)):
                group = self.group(self.people, people[0])
                if not any(self.apart(a, b) for a in joined for b in group):
                    found.append(((seen.day, seen.event), group))
        return found

    def group(self, groups: Iterable[Group], number: int) -> Group:
        return next(group for group in groups if number in group)

    def whose(self, seen: Seen) -> Group | None:
        people, shareable = (self.usable(seen, exclusive=exclusive) for exclusive in (True, False))
        if people:
            return self.group(self.people, people[0])
        for number in shareable:
            if self.claimed(number):
                return self.group(self.people, number)
            if not self.rules.stays_anonymous and (logins := self.authentications(number)):
                last = self.last(logins, seen, self.kind(number).window)
                return last or self.group(self.strangers, next(n for n in shareable if self.free(n)))
        return self.group(self.strangers, shareable[0]) if shareable else None

    def last(self, logins: Sequence[tuple[tuple[int, str], Group]], seen: Seen, window: int | None) -> Group | None:
        before = [login for login in logins if login[0] <= (seen.day, seen.event)]
        (day, _), group = before[-1] if before else logins[0]
        if window is not None:
            within = seen.day < day + window if before else seen.day >= day - window
            return group if within and window else None
        return group

    def name(self, group: Group) -> int:
        return min(group, key=lambda n: (not self.kind(n).exclusive, self.age[n], n))

    def profiles(self) -> dict[str, int | None]:
        """The name of the group of each touchpoint."""
        groups = {seen.event: self.whose(seen) for seen in self.seen}
        return {event: None if group is None else self.name(group) for event, group in groups.items()}
