"""Identity: which profile each subject's touchpoints belong to, and from when to when.

The decisions are those of `cdp.identity.resolution`; this keeps their result up to date, batch by batch, by resolving
again only what a batch touches. Other projections and queries read the view `identity.memberships`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from cdp.identity.identifier import SELF
from cdp.identity.resolution import Membership, Moment, Node, Resolution, resolve, usable_identifiers
from cdp.identity.rules import DEFAULT_RULES, RuleSet
from cdp.log.touchpoint import Touchpoint
from cdp.vault.recent import Recent
from projections.contract import Batch, Connected, Surroundings, Values, Writer
from projections.identity.neighbourhood import Neighbourhood
from projections.identity.store import IdentityStore, KnownIdentifier, Subject

REMEMBERED_SUBJECTS = 200_000

Seen = dict[int, list[Touchpoint]]


@dataclass(frozen=True)
class IdentityProjection:
    """The declaration. Profiles that change their members are what it reports as moved."""

    rules: RuleSet
    name: str = "identity"
    version: int = 1
    requires: tuple[str, ...] = ()

    def configuration(self, surroundings: Surroundings) -> str:
        """Other rules are another identity."""
        return f"rules={self.rules.version}"

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer that has not seen any subject yet."""
        return IdentityWriter(schemas[self.name], self.rules, surroundings.values)


class IdentityWriter:
    """Resolves again what each batch touches. Remembers the subjects it saw, so that most touchpoints need no query."""

    def __init__(self, schema: str, rules: RuleSet, values: Values) -> None:
        self._schema = schema
        self._rules = rules
        self._values = values
        self._seen: Recent[int, Subject] = Recent(REMEMBERED_SUBJECTS)

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns the profiles from which or to which a subject moved that was known before."""
        store = IdentityStore(connection, self._schema)
        seen = _by_subject(batch.touchpoints)
        known = self._recall(store, seen)
        fresh = {number: touchpoints for number, touchpoints in seen.items() if number not in known}
        identifiers, unseen = self._identifiers(store, fresh)
        new = [self._subject(number, fresh[number][0], identifiers) for number in sorted(fresh)]
        self._seen.put({subject.number: subject for subject in new})
        store.add_subjects(new)
        store.add_authentications(_authentications(seen, [*known.values(), *new]))
        neighbourhood = Neighbourhood(store, self._rules, identifiers)
        neighbourhood.gather(new, [subject for subject in known.values() if subject.authenticates])
        return self._settle(store, neighbourhood, unseen, fresh) if neighbourhood.touched else frozenset()

    def _recall(self, store: IdentityStore, seen: Seen) -> dict[int, Subject]:
        remembered = self._seen.pick(seen)
        if len(remembered) < len(seen):
            stored = store.subjects([number for number in seen if number not in remembered])
            self._seen.put(stored)
            remembered |= stored
        return remembered

    def _identifiers(self, store: IdentityStore, fresh: Seen) -> tuple[dict[int, KnownIdentifier], list[Node]]:
        """All identifiers of new subjects, and those among them that nobody saw before."""
        first: dict[int, Node] = {}
        for touchpoints in fresh.values():
            position, sightings = touchpoints[0].position, touchpoints[0].header.identifiers
            for role, kind, namespace, number in sightings:
                if role == SELF and (number not in first or position < first[number].first_position):
                    first[number] = Node(number, kind, namespace, False, position)
        known = store.identifiers(first)
        unseen = self._judged([node for number, node in first.items() if number not in known])
        return {**known, **{node.number: KnownIdentifier(node, None) for node in unseen}}, unseen

    def _judged(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes with the rules' verdict. What was destroyed in the vault is not blocked: it stays who it was."""
        values = self._values(node.number for node in nodes) if nodes else {}
        return [
            node._replace(blocked=(value := values[node.number]) is not None and self._rules.blocks(value))
            for node in nodes
        ]

    def _subject(self, number: int, touchpoint: Touchpoint, identifiers: Mapping[int, KnownIdentifier]) -> Subject:
        numbers = tuple(sorted(set(touchpoint.header.numbers())))
        usable = usable_identifiers(numbers, {each: identifiers[each].node for each in numbers}, self._rules)
        return Subject(number, numbers, bool(usable.exclusive), bool(usable.shareable))

    def _settle(
        self, store: IdentityStore, around: Neighbourhood, unseen: Sequence[Node], fresh: Seen
    ) -> frozenset[str]:
        """Stores what resolution makes of the neighbourhood."""
        resolution = resolve(around.subjects(), around.nodes, self._rules, settled=around.settled)
        self._store_identifiers(store, around, resolution, unseen)
        new = {each for each in resolution.memberships if each.subject in around.touched}
        old = store.memberships([number for number in around.touched if number not in fresh])
        gone, come = old - new, new - old
        store.replace_memberships(_in_order(gone), _in_order(come))
        return frozenset(each.profile for each in gone | come if each.subject not in fresh)

    def _store_identifiers(
        self, store: IdentityStore, around: Neighbourhood, resolution: Resolution, unseen: Sequence[Node]
    ) -> None:
        profiles = resolution.profiles
        first_seen = {node.number for node in unseen}
        store.rename(around.merged)
        store.regroup(
            {
                number: profiles.get(number)
                for number in sorted(around.strangers_identifiers() - first_seen)
                if around.known[number].profile != profiles.get(number)
            }
        )
        store.add_identifiers(KnownIdentifier(node, profiles.get(node.number)) for node in unseen)


def _by_subject(touchpoints: Iterable[Touchpoint]) -> Seen:
    """The touchpoints of each subject, in order; those about nobody are left out."""
    seen: defaultdict[int, list[Touchpoint]] = defaultdict(list)
    for touchpoint in touchpoints:
        subject = touchpoint.header.subject
        if subject is not None:
            seen[subject].append(touchpoint)
    return seen


def _authentications(seen: Seen, subjects: Iterable[Subject]) -> list[tuple[int, Moment]]:
    return [
        (subject.number, Moment(touchpoint.header.effective_at, touchpoint.header.id))
        for subject in subjects
        if subject.authenticates
        for touchpoint in seen[subject.number]
    ]


def _in_order(memberships: Iterable[Membership]) -> list[Membership]:
    return sorted(memberships, key=lambda each: (each.subject, each.start is not None, each.start or ()))


PROJECTION = IdentityProjection(DEFAULT_RULES)
