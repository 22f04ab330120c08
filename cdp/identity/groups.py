"""Groups of identifiers that grow link by link and refuse a link that would harm them."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, field

from cdp.identity.belief import Belief
from cdp.identity.evidence import Moment
from cdp.identity.findings import Withheld
from cdp.identity.rules import RuleSet
from cdp.identity.stewardship import Stewardship

Kind = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Bounds:
    """What groups must not exceed or bring together. `known` are the identifiers that a server's source showed."""

    rules: RuleSet
    belief: Belief
    stewards: Stewardship
    known: Set[int]


@dataclass(slots=True)
class Group:
    """Members, their values of limited types, and one member that a server's source showed, if any."""

    members: set[int]
    limited: dict[Kind, set[int]]
    known: int | None

    def absorb(self, other: Group) -> None:
        """Takes the other's members over."""
        self.members |= other.members
        for kind, values in other.limited.items():
            self.limited.setdefault(kind, set()).update(values)
        self.known = min((each for each in (self.known, other.known) if each is not None), default=None)


@dataclass(slots=True)
class Groups:
    """Every identifier that was added is in one group."""

    bounds: Bounds
    of: dict[int, Group] = field(default_factory=dict)

    def add(self, number: int) -> None:
        """Starts a group of one."""
        place = self.bounds.belief.exclusive.get(number)
        limited = {} if place is None or self._limit(place[:3]) is None else {place[:3]: {number}}
        self.of[number] = Group({number}, limited, number if number in self.bounds.known else None)

    def join(self, a: int, b: int) -> None:
        """Joins two groups, whatever the bounds say."""
        more, fewer = sorted((self.of[a], self.of[b]), key=lambda group: -len(group.members))
        if more is not fewer:
            more.absorb(fewer)
            self.of.update(dict.fromkeys(fewer.members, more))

    def try_to_join(self, a: int, b: int, moment: Moment, public: bool) -> Withheld | None:
        """Joins two groups unless the bounds forbid it; then says why the link is withheld."""
        ours, theirs = self.of[a], self.of[b]
        if ours is theirs:
            return None
        withheld = self._collision(Withheld(a, b, moment, "cannot_link"), ours, theirs, public)
        if withheld is None:
            self.join(a, b)
        return withheld

    def representatives(self) -> dict[int, int]:
        """For each member one that stands for its group."""
        groups = {id(group): group for group in self.of.values()}.values()
        return {number: least for group in groups for least in (min(group.members),) for number in group.members}

    def _collision(self, link: Withheld, ours: Group, theirs: Group, public: bool) -> Withheld | None:
        if pair := self.bounds.stewards.kept_apart(ours.members, theirs.members):
            return link._replace(collision=pair)
        if kind := self._exceeded(ours, theirs):
            values = tuple(sorted(ours.limited[kind] | theirs.limited[kind]))
            return Withheld(*link[:3], "limit", values, *kind[1:], len(values), self._limit(kind) or 0)
        size, cap = len(ours.members) + len(theirs.members), self.bounds.rules.size_cap
        if size > cap:
            return link._replace(reason="size_cap", reached=size, allowed=cap)
        if public and ours.known is not None and theirs.known is not None:
            return link._replace(reason="public_source", collision=(ours.known, theirs.known))
        return None

    def _exceeded(self, ours: Group, theirs: Group) -> Kind | None:
        """The first limited kind of which there would be more than allowed, and more than either group has by now."""
        common = ours.limited.keys() & theirs.limited.keys()
        return min((kind for kind in common if self._exceeds(kind, ours, theirs)), default=None)

    def _exceeds(self, kind: Kind, ours: Group, theirs: Group) -> bool:
        counts = len(ours.limited[kind]), len(theirs.limited[kind])
        return sum(counts) > max(self._limit(kind) or 0, *counts)

    def _limit(self, kind: Kind) -> int | None:
        return self.bounds.rules.of(kind[1]).limit
