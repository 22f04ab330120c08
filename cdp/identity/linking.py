"""Links: which identifiers seen together join into one group, and which links are withheld because they would harm it.

Links join in order: stewards' decisions first, then what servers saw, then what public sources saw, each by the first
moment of the pair. Groups only grow, so a link that was withheld once could never join later, and only the first
moment of a pair matters. Where nothing in a connected component can collide the order does not matter either: such
components, nearly all, are joined without looking at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from cdp.identity.evidence import Moment, SubjectSeen
from cdp.identity.findings import Withheld
from cdp.identity.forest import roots_of
from cdp.identity.groups import Bounds, Groups
from cdp.identity.stewardship import StewardLink

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The identifiers that may form groups, and the pairs of them that were seen together, with the first moment.

    `public` has only pairs that no server's source showed. Pairs are in the order of belief.
    """

    members: Collection[int]
    server: Mapping[Pair, Moment]
    public: Mapping[Pair, Moment]
    stewards: Sequence[StewardLink] = ()


@dataclass(frozen=True, slots=True)
class Linking:
    """For each identifier one that stands for its group, and the links that do not hold."""

    groups: Mapping[int, int]
    withheld: Sequence[Withheld] = field(default=())


def candidates(
    subjects: Iterable[SubjectSeen],
    linking: Iterable[tuple[int, ...]],
    stewards: Sequence[StewardLink] = (),
    others: Iterable[int] = (),
) -> Candidates:
    """What the subjects show; `linking` has the identifiers of each that may link, in the order of belief.

    `others` are identifiers that no subject may link.
    """
    members = dict.fromkeys(others)
    server: dict[Pair, Moment] = {}
    public: dict[Pair, Moment] = {}
    for subject, numbers in zip(subjects, linking, strict=True):
        for number in numbers:
            members[number] = None
        if len(numbers) > 1:
            if subject.server is not None:
                _see(server, numbers, subject.server)
            if subject.public is not None:
                _see(public, numbers, subject.public)
    public = {pair: moment for pair, moment in public.items() if pair not in server}
    members.update((number, None) for link in stewards for number in link[:2])
    return Candidates(members, server, public, stewards)


def _see(pairs: dict[Pair, Moment], numbers: Iterable[int], moment: Moment) -> None:
    for pair in combinations(numbers, 2):
        earlier = pairs.get(pair)
        if earlier is None or moment < earlier:
            pairs[pair] = moment


def linked(given: Candidates, bounds: Bounds) -> Linking:
    """Joins what nothing forbids."""
    components = roots_of(given.members, (given.stewards, given.server, given.public))
    delicate = set(_delicate(given, bounds, components))
    if not delicate:
        return Linking(components)
    groups = Groups(bounds)
    for number in given.members:
        if components[number] in delicate:
            groups.add(number)
    for link in given.stewards:
        if components[link.a] in delicate:
            groups.join(link.a, link.b)
    server = {pair: moment for pair, moment in given.server.items() if components[pair[0]] in delicate}
    public = {pair: moment for pair, moment in given.public.items() if components[pair[0]] in delicate}
    withheld = [*_join(groups, server, False), *_join(groups, public, True)]
    return Linking({**components, **groups.representatives()}, withheld)


def _join(groups: Groups, pairs: Mapping[Pair, Moment], public: bool) -> list[Withheld]:
    """Joins in order of the moments, within a touchpoint in the order of belief; returns what is withheld."""
    place = groups.bounds.belief.place
    in_order = sorted((moment, place(a), place(b)) for (a, b), moment in pairs.items())
    tried = (groups.try_to_join(a[3], b[3], moment, public) for moment, a, b in in_order)
    return [withheld for withheld in tried if withheld]


def _delicate(given: Candidates, bounds: Bounds, components: Mapping[int, int]) -> Iterator[int]:
    """The components in which a link might collide."""
    sizes = Counter(components.values())
    yield from (component for component, size in sizes.items() if size > bounds.rules.size_cap)
    yield from _past_a_limit(bounds, {n: root for n, root in components.items() if sizes[root] > 1})
    for a, others in bounds.stewards.apart.items():
        yield from (components[a] for b in others if a in components and components[a] == components.get(b))
    if given.public:
        in_public = {components[a] for a, _ in given.public}
        known = Counter(components[number] for number in given.members if number in bounds.known)
        yield from (component for component in in_public if known[component] > 1)


def _past_a_limit(bounds: Bounds, components: Mapping[int, int]) -> Iterator[int]:
    places, rules = bounds.belief.exclusive, bounds.rules
    values = Counter((components[n], *places[n][1:3]) for n in components if n in places)
    if len(values) < len(components):
        for (component, kind, _), count in values.items():
            limit = rules.of(kind).limit
            if limit is not None and count > limit:
                yield component
