"""Explanations: by which touchpoints and decisions two identifiers are one profile, or what speaks against it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cdp.identity.decision import Decision
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.findings import Link, Verdict
from cdp.identity.graph import IdentityGraph
from cdp.identity.obstacles import Obstacle, Obstacles
from cdp.identity.rules import RuleSet
from cdp.identity.turns import Turn, turns


@dataclass(frozen=True)
class Explanation:
    """Why two identifiers are one profile, or why they are not.

    `profile` is the one that they share, None if they share none. `chain` are then the fewest links that lead from `a`
    to `b`; otherwise `obstacles` are all reasons why not. Where one of the two is shareable and has also been
    somebody else's, `turns` says when it is this profile's; empty means always.
    """

    a: int
    b: int
    profile: str | None
    chain: tuple[Link, ...] = ()
    turns: tuple[Turn, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def joined(self) -> bool:
        """Whether they are one profile, at least at times."""
        return self.profile is not None

    def __str__(self) -> str:
        """The explanation in plain English, line by line, with the identifiers' numbers."""
        if self.profile is None:
            return "\n".join([f"{self.a} and {self.b} are not one profile:", *map(str, self.obstacles)])
        return "\n".join(
            [
                f"{self.a} and {self.b} are one profile, {self.profile}:",
                *map(_link_words, self.chain),
                *map(_turn_words, self.turns),
            ]
        )


def explain(
    a: int,
    b: int,
    subjects: Sequence[SubjectSeen],
    nodes: Mapping[int, Node],
    rules: RuleSet,
    decisions: Sequence[Decision] = (),
    known: Mapping[int, Verdict | None] | None = None,
) -> Explanation:
    """Explains two identifiers from what `resolve` is given, the components of both included.

    Of a shareable identifier all subjects must be given that hold it, with all moments at which they authenticated.
    """
    return explained(a, b, IdentityGraph(subjects, nodes, rules, decisions, known or {}))


def explained(a: int, b: int, graph: IdentityGraph) -> Explanation:
    """Explains two identifiers of a graph."""
    profiles = Profiles(graph)
    shared = min(profiles.of(a) & profiles.of(b), default=None)
    if shared is None:
        return Explanation(a, b, None, obstacles=tuple(Obstacles(graph).between(a, b)))
    chain = _chain(a, b, profiles.links(shared, (a, b)))
    return Explanation(a, b, shared, tuple(chain), tuple(profiles.turns((a, b), shared)))


@dataclass(frozen=True)
class Profiles:
    """To which profiles identifiers belong, at any time, and by what."""

    graph: IdentityGraph

    def of(self, number: int) -> set[str]:
        """The profiles to which what is seen with this identifier alone belongs at some time."""
        belongings = self.graph.belongings
        if number in belongings.people:
            return {belongings.people[number]}
        found = {authentication.profile for authentication in belongings.authenticated.get(number, ())}
        return found | {belongings.anonymous[number]} if number in belongings.anonymous else found

    def links(self, profile: str, asked: Sequence[int]) -> Iterator[Link]:
        """The links within a profile: what joins its members, then what lets the identifiers asked for follow them."""
        people = {n for n, each in self.graph.persons.items() if each == profile}
        alone = {n for n, each in self.graph.belongings.anonymous.items() if each == profile}
        groups = self.graph.stewards.groups
        standing = {groups.get(number, number) for number in asked}
        following = {n for n, seen in self.graph.authenticated.items() if any(each.profile == profile for each in seen)}
        following = {n for n in following if groups.get(n, n) in standing}
        members = people | alone | following
        yield from (link for link in self.graph.links() if link.a in members and link.b in members)
        for subject, (exclusive, shareable) in zip(self.graph.subjects, self.graph.usable, strict=True):
            if exclusive and exclusive[0] in people and subject.moments:
                moment = min(subject.moments)
                public = subject.server is None
                yield from (
                    Link(n, exclusive[0], "last authenticated", moment, public) for n in shareable if n in following
                )

    def turns(self, numbers: Sequence[int], profile: str) -> Iterator[Turn]:
        """When one of these, of which the other is a member, is the profile's; nothing if always."""
        following = [number for number in numbers if number not in self.graph.persons]
        if len(following) == 1 and (seen := self.graph.authenticated.get(following[0])):
            window = self.graph.belongings.window(following[0])
            found = turns(seen, window)
            if len(found) > 1:
                yield from (turn for turn in found if turn.profile == profile)


def _chain(a: int, b: int, links: Iterator[Link]) -> list[Link]:
    """The fewest links from one to the other."""
    beside: defaultdict[int, dict[int, Link]] = defaultdict(dict)
    for link in links:
        beside[link.a].setdefault(link.b, link)
        beside[link.b].setdefault(link.a, link)
    reached: dict[int, Link | None] = {a: None}
    waiting = deque([a])
    while waiting and b not in reached:
        number = waiting.popleft()
        for other, link in beside[number].items():
            if other not in reached:
                reached[other] = link
                waiting.append(other)
    chain: list[Link] = []
    at = b
    while at in reached and (step := reached[at]) is not None:
        chain.append(step)
        at = step.a if step.b == at else step.b
    return chain[::-1]


def _link_words(link: Link) -> str:
    if link.kind == "steward":
        return f"{link.a} and {link.b}: joined by a steward, position {link.position}"
    moment = "" if link.moment is None else f" at {_moment_words(link.moment)}"
    source = "a public source" if link.public else "a server"
    if link.kind == "last authenticated":
        return f"{link.b} authenticated on {link.a}{moment}, shown by {source}"
    return f"{link.a} and {link.b}: in one touchpoint{moment}, shown by {source}"


def _turn_words(turn: Turn) -> str:
    start = "the beginning" if turn.start is None else _moment_words(turn.start)
    return f"from {start} to {'now' if turn.end is None else _moment_words(turn.end)}"


def _moment_words(moment: Moment) -> str:
    return moment.at.isoformat() + (f" (event {moment.event})" if moment.event else "")
