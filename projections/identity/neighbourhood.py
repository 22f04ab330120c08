"""The part of the identity graph around what changed: all that it depends on, and all that depends on it.

*Components* are taken whole: what is connected over exclusive identifiers, withheld links included, and over stewards'
links. Of shareable identifiers only those are taken on which a membership may change: with everybody who was seen on
them, and the components of whoever authenticated there. An identifier that was seen with too many others connects
nothing, so what is behind it is never loaded.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from msgspec.structs import replace

from cdp.identity.decision import Decision
from cdp.identity.evidence import SubjectSeen
from cdp.identity.findings import Verdict
from cdp.identity.graph import IdentityGraph
from cdp.identity.rules import RuleSet
from projections.identity.known import CLOSED, FAN_OUT, Authenticated, KnownIdentifier, Shown

NOBODY: frozenset[int] = frozenset()


class Ties:
    """Stewards' decisions, found by the identifiers that they are about."""

    def __init__(self, decisions: Iterable[Decision]) -> None:
        self._about: defaultdict[int, list[Decision]] = defaultdict(list)
        self.linked: defaultdict[int, set[int]] = defaultdict(set)
        self.others: defaultdict[int, set[int]] = defaultdict(set)
        for decision in decisions:
            for number in decision.numbers:
                self._about[number].append(decision)
                others = {other for other in decision.numbers if other != number}
                self.others[number] |= others
                if decision.kind == "link":
                    self.linked[number] |= others

    def about(self, numbers: Collection[int]) -> list[Decision]:
        """The decisions about some of these identifiers, in the order of positions."""
        found = {each for number in self._about.keys() & numbers for each in self._about[number]}
        return sorted(found, key=lambda each: each.position)

    def to(self, numbers: Set[int]) -> set[int]:
        """The identifiers that stewards decided of together with these."""
        return {other for number in numbers & self.others.keys() for other in self.others[number]}

    def linked_to(self, numbers: Set[int]) -> set[int]:
        """The identifiers that stewards linked to these."""
        return {other for number in numbers & self.linked.keys() for other in self.linked[number]}


@dataclass
class Neighbourhood:
    """Gathers subjects and identifiers.

    `forced` are identifiers to be judged anew, however many they were seen with. `stored` says that the verdicts on
    identifiers elsewhere are known, so that only what changes must be judged. Of `complete` identifiers every holder
    was gathered; of `surrounded` ones, which are shareable, everything besides that decides whose they are. `unseen`
    are identifiers that are not stored yet; `before` has others as they are stored, where the rules see them in another
    way by now.

    Whoever adds subjects must connect their identifiers.
    """

    shown: Shown
    rules: RuleSet
    ties: Ties
    forced: Set[int] = NOBODY
    stored: bool = True
    subjects: dict[int, SubjectSeen] = field(default_factory=dict)
    known: dict[int, KnownIdentifier] = field(default_factory=dict)
    complete: set[int] = field(default_factory=set)
    surrounded: set[int] = field(default_factory=set)
    unseen: set[int] = field(default_factory=set)
    before: dict[int, KnownIdentifier] = field(default_factory=dict)
    verdicts: dict[int, str | None] = field(default_factory=dict)
    exclusive: set[int] = field(default_factory=set)
    connecting: set[int] = field(default_factory=set)
    shareable: set[int] = field(default_factory=set)

    @property
    def size(self) -> tuple[int, int]:
        """Grows whenever something was gathered."""
        return len(self.subjects), len(self.complete)

    def graph(self) -> IdentityGraph:
        """What the rules make of everything gathered."""
        nodes = self.shown.aged({number: each.node for number, each in self.known.items()})
        elsewhere = {n: _verdict(each.verdict) for n, each in self.known.items() if n not in self.complete}
        subjects = [self.subjects[number] for number in sorted(self.subjects)]
        graph = IdentityGraph(subjects, nodes, self.rules, self.ties.about(nodes), elsewhere)
        self.verdicts = {**dict.fromkeys(self.complete), **{n: each.detail for n, each in graph.ambiguous.items()}}
        self.verdicts.update(dict.fromkeys(graph.stewards.blocked & nodes.keys(), "steward"))
        return graph

    def stored_as(self, number: int) -> KnownIdentifier:
        """An identifier as it is stored, which other rules may see in another way by now."""
        return self.before.get(number, self.known[number])

    def know(self, found: Mapping[int, KnownIdentifier]) -> None:
        """Takes identifiers in: what they are, and whether what is behind them may be gathered."""
        self.known.update(found)
        linked = self.ties.linked
        kinds: dict[str, bool] = {}
        for number, known in found.items():
            node = known.node
            exclusive = kinds.get(node.type)
            if exclusive is None:
                exclusive = kinds[node.type] = self.rules.exclusive(node.type)
            if exclusive:
                self.exclusive.add(number)
            closed = node.blocked or (known.verdict in CLOSED and number not in linked)
            if not closed or number in self.forced:
                if exclusive or number in linked:
                    self.connecting.add(number)
                if not exclusive:
                    self.shareable.add(number)

    def force(self, numbers: Set[int]) -> None:
        """Has identifiers judged anew, however many they were seen with."""
        self.forced = self.forced | numbers
        self.know({number: self.known[number] for number in numbers & self.known.keys()})

    def add(self, subjects: Iterable[SubjectSeen]) -> list[SubjectSeen]:
        """Takes subjects and their identifiers in; gives those that are new here."""
        new = [each for each in subjects if each.number not in self.subjects]
        self.subjects.update((each.number, each) for each in new)
        self.learn({number for each in new for number in each.identifiers})
        return new

    def learn(self, numbers: Set[int]) -> None:
        """Looks up identifiers that are not known here, and those that stewards decided of together with them."""
        missing = numbers - self.known.keys()
        while missing:
            found = self.shown.identifiers(missing)
            self.know(found)
            missing = self.ties.to(found.keys()) - self.known.keys()

    def connect(self, numbers: Set[int]) -> None:
        """Gathers the whole components of these identifiers, those among them that connect."""
        frontier = (numbers & self.connecting) - self.complete
        while frontier:
            self.complete |= frontier
            found = self.add(self.shown.holders(frontier - self.unseen))
            reached = {number for each in found for number in each.identifiers} | self.ties.linked_to(frontier)
            frontier = (reached & self.connecting) - self.complete

    def gather(self, numbers: Set[int]) -> list[SubjectSeen]:
        """All who hold one of these, and their components."""
        self.complete |= numbers
        found = self.add(self.shown.holders(numbers - self.unseen))
        self.connect({number for each in found for number in each.identifiers})
        return [each for each in self.subjects.values() if not numbers.isdisjoint(each.identifiers)]

    def surround(self, affected: Set[int], shared: Set[int] = NOBODY) -> set[int]:
        """Gathers what decides whose these subjects' touchpoints are, and those of strangers on what they share.

        Returns the subjects concerned. `shared` are shareable identifiers that are affected themselves.
        """
        concerned = set(affected)
        wanted = self._held(concerned) | (shared & self.shareable)
        while frontier := self._tied(wanted) - self.surrounded:
            self.surrounded |= frontier
            concerned.update(each.number for each in self.gather(frontier))
            self.connect(self.ties.to(frontier) & self.known.keys())
            if not self.stored:
                self.graph()
            wanted = self._held(number for number in concerned if self.stranger(number))
        return concerned

    def stranger(self, subject: int) -> bool:
        """Whether no exclusive identifier says whose a subject's touchpoints are."""
        return not any(number in self.exclusive and self.links(number) for number in self.subjects[subject].identifiers)

    def settled(self, subject: int) -> bool:
        """Whether everything was gathered that decides whose a subject's touchpoints are."""
        if not self.stranger(subject):
            return True
        return self.surrounded.issuperset(self.shareable.intersection(self.subjects[subject].identifiers))

    def links(self, number: int) -> bool:
        """Whether an identifier links, by what is known of it so far."""
        known = self.known[number]
        return not known.node.blocked and self.verdicts.get(number, known.verdict) is None

    def with_moments(self, graph: IdentityGraph) -> IdentityGraph:
        """The graph when it is known who authenticated when, where that matters."""
        contested = list(self._contested(graph))
        if not contested:
            return graph
        every = any(self._window(each.number) for each in contested)
        for subject, moments in self.shown.hand_overs(contested, every).items():
            seen = self.subjects[subject]
            self.subjects[subject] = replace(seen, moments=(*seen.moments, *moments))
        return self.graph()

    def _contested(self, graph: IdentityGraph) -> Iterator[Authenticated]:
        """Who authenticated on the shareable identifiers where it matters when they did."""
        found: defaultdict[int, list[Authenticated]] = defaultdict(list)
        strangers: set[int] = set()
        for subject, (exclusive, shareable) in zip(graph.subjects, graph.usable, strict=True):
            if exclusive:
                for number in shareable:
                    found[number].append(Authenticated(number, subject.number, graph.persons[exclusive[0]]))
            else:
                strangers.update(shareable)
        groups = graph.stewards.groups
        if groups:
            shared = {groups[number] for number in strangers & groups.keys()}
            strangers |= {number for number, group in groups.items() if group in shared}
        for number in strangers & found.keys():
            if number in groups or self._window(number) or len({each.profile for each in found[number]}) > 1:
                yield from found[number]

    def _window(self, number: int) -> bool:
        return self.rules.of(self.known[number].node.type).window is not None

    def _held(self, subjects: Iterable[int]) -> set[int]:
        """The shareable identifiers of these subjects, those behind which anything may be gathered."""
        return self.shareable.intersection(number for each in subjects for number in self.subjects[each].identifiers)

    def _tied(self, numbers: Set[int]) -> set[int]:
        """With the shareable identifiers that stewards linked to these."""
        tied, frontier = set(numbers), set(numbers)
        while frontier:
            frontier = (self.ties.linked_to(frontier) & self.shareable) - tied
            tied |= frontier
        return tied


def _verdict(detail: str | None) -> Verdict | None:
    """As much of a verdict as is stored; that on a blocked identifier follows from what blocks it."""
    if detail == FAN_OUT:
        return Verdict("ambiguous", "fan_out")
    return Verdict("ambiguous", "limit") if detail == "limit" else None
