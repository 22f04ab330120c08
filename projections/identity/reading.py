"""Identity's read side: the group behind an identifier, now or at any past moment, and what decides it.

Nothing here writes. Whatever is asked of the past is resolved again from the touchpoints selected, by the functions
that the projection itself uses.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from cdp.identity.decision import Decision
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.findings import Membership, Resolution, Verdict
from cdp.identity.graph import IdentityGraph
from cdp.identity.rules import RuleSet
from projections.contract import Connected, Policy, Values
from projections.identity.known import FAN_OUT, Shown
from projections.identity.neighbourhood import Neighbourhood, Ties
from projections.identity.selected import SelectedSightings
from projections.identity.selection import EVERYTHING, Selection
from projections.identity.store import IdentityStore, StoredSightings

_NODES = """
select number, type, namespace, blocked, first_position
from identity.identifiers
where number in (
    select unnest(numbers)
    from identity.sightings
    where subject = any(%s::bigint[])
)
order by first_position, number
"""
_LEADS_TO = """
select profile, verdict
from identity.identifiers
where number = %s
"""
_LAST = """
select memberships.profile
from identity.links
cross join lateral (
    select effective_at, event_id
    from timeline.touchpoints
    where touchpoints.subject = links.subject
    order by effective_at desc, event_id desc
    limit 1
) as last
join identity.memberships
    on memberships.subject = links.subject
    and (effective_at, event_id) >= (from_at, from_event)
    and (effective_at, event_id) < (to_at, to_event)
where number = %s
order by effective_at desc, event_id desc
limit 1
"""
_SUBJECTS = """
select distinct subject
from identity.memberships
where profile = %s
"""
_HOLDERS = """
select count(*)
from (select from identity.links where number = %s limit %s) as holders
"""

MOST_COUNTED = 5_000
"""Of an identifier that more subjects hold an explanation only says that it was seen with too many others."""


@dataclass(frozen=True)
class Component:
    """What resolution is given about everything that is connected with some identifiers.

    `known` are the verdicts on identifiers of which not all sightings are given: None is a good one.
    """

    subjects: Sequence[SubjectSeen]
    nodes: Mapping[int, Node]
    rules: RuleSet
    decisions: Sequence[Decision] = ()
    known: Mapping[int, Verdict | None] = field(default_factory=dict)

    @property
    def graph(self) -> IdentityGraph:
        """What the rules make of it, step by step."""
        return IdentityGraph(self.subjects, self.nodes, self.rules, self.decisions, self.known)

    def resolution(self) -> Resolution:
        """What the rules make of it."""
        return self.graph.resolution()


@dataclass(frozen=True)
class Group:
    """A profile: its id, the memberships that make it up, and its identifiers.

    `resolution` is that of its whole surroundings; None where the stored memberships were taken as they are.
    """

    profile: str
    memberships: Sequence[Membership]
    nodes: Mapping[int, Node]
    resolution: Resolution | None = None


def group_of(connection: Connected, number: int, policy: Policy, selection: Selection, values: Values) -> Group | None:
    """The group that an identifier leads to: of one that several share, the group of the last touchpoint with it.

    `policy` is that at the selection's position. None where the selection does not show the identifier, or where it
    says of nobody who they are.
    """
    if selection == EVERYTHING:
        return _stored(connection, number)
    shown = SelectedSightings(connection, policy, selection, values)
    around = _around(shown, policy, stored=False)
    graph = _gathered(around, number)
    profile = _leads_to(around, graph, shown.last(number), number)
    if profile is None:
        return None
    resolution = _whole(around, graph, profile).resolution()
    memberships = [each for each in resolution.memberships if each.profile == profile]
    return Group(profile, memberships, _nodes_of(graph, memberships), resolution)


def component_of(
    connection: Connected,
    numbers: Collection[int],
    policy: Policy,
    values: Values,
    selection: Selection = EVERYTHING,
) -> Component:
    """What resolution needs to say how these identifiers belong together: for whoever explains it.

    `policy` is that at the selection's position; without a selection, the one that the projection has followed.
    """
    if selection == EVERYTHING:
        store = IdentityStore(connection, "identity")
        around = _around(StoredSightings(store, policy.public), policy, stored=True)
    else:
        around = _around(SelectedSightings(connection, policy, selection, values), policy, stored=False)
    around.learn(set(numbers))
    around.force(set(numbers) & around.ties.others.keys())
    asked = {number for number in numbers if number in around.known}
    affected = _holding(around, asked)
    counted = {number for number in asked if around.known[number].verdict == FAN_OUT and _few(connection, number)}
    around.complete |= counted
    around.add(around.shown.holders(counted))
    around.surround(affected)
    graph = around.with_moments(around.graph())
    return Component(graph.subjects, graph.nodes, graph.rules, graph.decisions, graph.known)


def _few(connection: Connected, number: int) -> bool:
    """Whether everybody who holds an identifier can be loaded to count what it was seen with."""
    row = connection.execute(_HOLDERS, [number, MOST_COUNTED + 1]).fetchone()
    return row is not None and row[0] <= MOST_COUNTED


def _around(shown: Shown, policy: Policy, *, stored: bool) -> Neighbourhood:
    return Neighbourhood(shown, policy.rules, Ties(policy.decisions), stored=stored)


def _gathered(around: Neighbourhood, number: int) -> IdentityGraph:
    """Everything that is connected with an identifier, and what decides whose it is."""
    around.learn({number})
    if number in around.known:
        around.surround(_holding(around, {number}))
    return around.graph()


def _holding(around: Neighbourhood, numbers: set[int]) -> set[int]:
    """Gathers the components of these identifiers and whoever holds them; gives all the subjects there are then."""
    around.connect(numbers)
    around.gather(numbers & (around.connecting | around.shareable))
    return set(around.subjects)


def _leads_to(around: Neighbourhood, graph: IdentityGraph, last: tuple[int, Moment] | None, number: int) -> str | None:
    """The profile that an identifier belongs to; of one that several share, that of the last touchpoint with it."""
    if last is None or not (around.links(number) or number in graph.stewards.groups):
        return None
    profile = graph.belongings.profiles().get(number)
    if profile is not None:
        return profile
    subject, moment = last
    graph = around.with_moments(graph)
    at = next((at for at, each in enumerate(graph.subjects) if each.number == subject), None)
    if at is None:
        return None
    for each in graph.belongings.memberships(subject, graph.usable[at]):
        if (each.start is None or each.start <= moment) and (each.end is None or moment < each.end):
            return each.profile
    return None


def _whole(around: Neighbourhood, graph: IdentityGraph, profile: str) -> IdentityGraph:
    """The graph with everything of which some may belong to a profile."""
    graph, size = around.with_moments(graph), None
    while size != around.size:
        size = around.size
        members = {
            each.subject
            for subject, usable in zip(graph.subjects, graph.usable, strict=True)
            for each in graph.belongings.memberships(subject.number, usable)
            if each.profile == profile
        }
        around.surround(members)
        graph = around.with_moments(around.graph())
    return graph


def _nodes_of(graph: IdentityGraph, memberships: Sequence[Membership]) -> dict[int, Node]:
    subjects = {each.subject for each in memberships}
    numbers = {number for each in graph.subjects if each.number in subjects for number in each.identifiers}
    nodes = sorted((graph.nodes[number] for number in numbers), key=lambda node: (node.first_position, node.number))
    return {node.number: node for node in nodes}


def _stored(connection: Connected, number: int) -> Group | None:
    """The group as the projection keeps it."""
    row = connection.execute(_LEADS_TO, [number], prepare=True).fetchone()
    if row is None or (row[1] is not None and row[0] is None):
        return None
    if row[0] is None:
        row = connection.execute(_LAST, [number], prepare=True).fetchone()
    if row is None:
        return None
    profile = row[0]
    subjects = [subject for (subject,) in connection.execute(_SUBJECTS, [profile], prepare=True)]
    kept = IdentityStore(connection, "identity").memberships(subjects)
    memberships = sorted(
        (each for each in kept if each.profile == profile),
        key=lambda each: (each.subject, each.start is not None, each.start or ()),
    )
    nodes = {row[0]: Node(*row) for row in connection.execute(_NODES, [subjects], prepare=True)}
    return Group(profile, memberships, nodes)
