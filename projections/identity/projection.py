"""Identity: which profile each subject's touchpoints belong to, and from when to when.

The decisions are those of `cdp.identity.graph`; this keeps their result up to date, batch by batch, by resolving again
only what a batch touches. Other projections and queries read the view `identity.memberships`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Set
from dataclasses import dataclass

from cdp.identity.evidence import Node
from cdp.identity.findings import Membership
from cdp.identity.rules import RuleSet
from cdp.vault.recent import Recent
from projections.contract import Batch, Connected, Policies, Policy, Surroundings, Values, Writer
from projections.identity.alone import Alone, alone
from projections.identity.arrivals import Arrivals, arrivals, authentications
from projections.identity.known import FAN_OUT, KnownIdentifier, Sighted
from projections.identity.neighbourhood import Neighbourhood, Ties
from projections.identity.revision import Revision, decided_anew
from projections.identity.settlement import Settlement, settle
from projections.identity.store import IdentityStore, StoredSightings

REMEMBERED_SUBJECTS = 200_000


@dataclass(frozen=True)
class IdentityProjection:
    """The declaration. Profiles that change their members are what it reports as moved."""

    name: str = "identity"
    version: int = 2
    requires: tuple[str, ...] = ()

    def configuration(self, surroundings: Surroundings) -> str:
        """Nothing: rules and decisions are the log's own, and what a change of them changes is resolved again."""
        return ""

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer that has not seen any subject yet."""
        return IdentityWriter(schemas[self.name], surroundings.policies, surroundings.values)


class IdentityWriter:
    """Resolves again what each batch touches. Remembers the subjects it saw, so that most touchpoints need no query."""

    def __init__(self, schema: str, policies: Policies, values: Values) -> None:
        self._schema = schema
        self._policies = policies
        self._values = values
        self._seen: Recent[int, Sighted] = Recent(REMEMBERED_SUBJECTS)
        self._ties: tuple[Collection[object], Ties] = ((), Ties(()))

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Returns the profiles from which or to which a subject moved that was known before."""
        store = IdentityStore(connection, self._schema)
        before, policy = self._policies.at(batch.after), self._policies.at(batch.position)
        found = arrivals(batch.touchpoints)
        shown = Arrivals(found, self._recall(store, found))
        self._seen.put({**shown.new, **shown.renewed})
        store.add_authentications(authentications(found))
        store.renew_sightings(shown.renewed)
        moved = self._resolve(store, shown, policy, decided_anew(before, policy))
        store.add_sightings(shown.new)
        if before is not policy:
            for around, settlement in Revision(store, before, policy, self._values).parts():
                moved |= _apply(store, settlement, around, {})
        return frozenset(moved)

    def _recall(self, store: IdentityStore, found: Collection[int]) -> dict[int, Sighted]:
        remembered = self._seen.pick(found)
        if len(remembered) < len(found):
            stored = store.sighted([number for number in found if number not in remembered])
            self._seen.put(stored)
            remembered |= stored
        return remembered

    def _resolve(self, store: IdentityStore, shown: Arrivals, policy: Policy, decided: Set[int]) -> set[str]:
        """Resolves what new subjects, new first moments, hand-overs and stewards' decisions change."""
        around = self._around(store, policy)
        single = self._add_new(around, store, shown, policy, decided)
        around.learn(decided)
        around.add(around.shown.holders(decided))
        affected = {*around.subjects, *self._renewed(around, shown, policy)}
        around.force(decided | self._to_judge_anew(around, affected, decided))
        shared = self._handed_over(store, shown, policy)
        around.learn(shared)
        settlement = settle(around, affected, shared) if affected or shared else Settlement({}, {})
        memberships = {**settlement.memberships, **single.memberships(settlement.identifiers)}
        store.add_identifiers(single.identifiers().values())
        return _apply(store, Settlement(settlement.identifiers, memberships), around, shown.new)

    def _around(self, store: IdentityStore, policy: Policy) -> Neighbourhood:
        if self._ties[0] is not policy.decisions:
            self._ties = (policy.decisions, Ties(policy.decisions))
        return Neighbourhood(StoredSightings(store, policy.public), policy.rules, self._ties[1])

    def _add_new(
        self, around: Neighbourhood, store: IdentityStore, shown: Arrivals, policy: Policy, decided: Set[int]
    ) -> Alone:
        """Adds the new subjects, except those that need no surroundings."""
        nodes = shown.nodes()
        known = store.identifiers(nodes)
        judged = self._judged([node for number, node in nodes.items() if number not in known], policy.rules)
        unseen = {node.number: KnownIdentifier(node) for node in judged}
        public = policy.public
        by_servers = {subject for subject, each in shown.new.items() if not public.issuperset(each.first)}
        single = alone(shown.new, known, unseen, decided | around.ties.others.keys(), policy.rules, by_servers)
        settled = single.subjects
        left = [each.seen(subject, public) for subject, each in shown.new.items() if subject not in settled]
        wanted = {number for each in left for number in each.identifiers}
        around.know({number: each for number, each in known.items() if number in wanted})
        around.know({number: each for number, each in unseen.items() if number in wanted})
        around.unseen = wanted & unseen.keys()
        around.learn(around.ties.to(around.known.keys()))
        around.add(left)
        return single

    def _judged(self, nodes: Collection[Node], rules: RuleSet) -> list[Node]:
        """The nodes with the rules' verdict. What was destroyed in the vault is not blocked: it stays who it was."""
        values = self._values(node.number for node in nodes) if nodes else {}
        return [
            node._replace(blocked=True) if (value := values[node.number]) is not None and rules.blocks(value) else node
            for node in nodes
        ]

    def _renewed(self, around: Neighbourhood, shown: Arrivals, policy: Policy) -> list[int]:
        """The known subjects of which new first moments may change anything: their links' order, or who saw them."""
        found = {}
        for subject, renewed in shown.renewed.items():
            before, after = shown.known[subject].seen(subject, policy.public), renewed.seen(subject, policy.public)
            appeared = before.server is None and after.server is not None
            if appeared or (len(after.identifiers) > 1 and before != after):
                found[subject] = after
        around.add(found.values())
        return list(found)

    def _to_judge_anew(self, around: Neighbourhood, affected: Iterable[int], decided: Set[int]) -> set[int]:
        """The identifiers past the fan-out cap that may be under it now: because a server showed one for the first
        time, which outweighs all public sightings, or because a steward's decision leaves others uncounted."""
        anew = set()
        for each in (around.subjects[subject] for subject in affected):
            for number in each.identifiers:
                known = around.known[number]
                if known.verdict == FAN_OUT:
                    first_time = each.server is not None and not known.server
                    if first_time or not decided.isdisjoint(each.identifiers):
                        anew.add(number)
        return anew

    def _handed_over(self, store: IdentityStore, shown: Arrivals, policy: Policy) -> set[int]:
        """The shareable identifiers on which it matters that known subjects authenticated again."""
        again = shown.authenticated_again()
        found = set(store.in_turns(again))
        windowed = {kind for kind, rule in policy.rules.types.items() if rule.window is not None}
        if windowed or policy.rules.other.window is not None:
            known = store.identifiers(again)
            found |= {n for n, each in known.items() if policy.rules.of(each.node.type).window is not None}
        return found


def _apply(store: IdentityStore, settlement: Settlement, around: Neighbourhood, new: Mapping[int, object]) -> set[str]:
    """Writes what differs from what is stored; returns the profiles of subjects that moved and are not new."""
    store.add_identifiers(settlement.identifiers[number] for number in sorted(around.unseen))
    store.renew_identifiers(
        [
            each
            for number, each in settlement.identifiers.items()
            if number not in around.unseen and each != around.stored_as(number)
        ]
    )
    come = {each for memberships in settlement.memberships.values() for each in memberships}
    old = store.memberships([subject for subject in settlement.memberships if subject not in new])
    gone, come = old - come, come - old
    store.replace_memberships(_in_order(gone), _in_order(come))
    return {each.profile for each in gone | come if each.subject not in new}


def _in_order(memberships: Iterable[Membership]) -> list[Membership]:
    return sorted(memberships, key=lambda each: (each.subject, each.start is not None, each.start or ()))


PROJECTION = IdentityProjection()
