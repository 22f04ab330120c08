"""Identity in batch: memberships by the pure function of `cdp.identity`, over the archive alone.

Sightings are gathered by a pipeline; the decision itself is taken here, in one place, because a person may be connected
with anybody.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from cdp.identity.evidence import Node
from cdp.identity.findings import Membership
from cdp.identity.resolution import resolve
from cdp.identity.rules import RuleSet
from pipelines.rebuilding import carry_out
from pipelines.sightings import TABLE, Seen, SightingsWork, Subject
from pipelines.work import Engine
from projections.contract import Surroundings, Values


def memberships_at(
    archive: Path, position: int, surroundings: Surroundings, work: Path, engine: Engine
) -> Sequence[Membership]:
    """The memberships that follow from the archive up to a position, under what was decided by then.

    `work` is a folder for what is gathered. Values of identifiers are looked up here, never on workers, to know which
    are blocked.
    """
    policy = surroundings.policies.at(position)
    gathering = SightingsWork(position, str(work), policy.public, policy.rules)
    subjects: list[Subject] = list(carry_out(archive, gathering, engine).rows(TABLE, Subject))
    subjects.sort(key=lambda subject: subject.number)
    nodes = _nodes(subjects, policy.rules, surroundings.values)
    decisions = [each for each in policy.decisions if nodes.keys() >= set(each.numbers)]
    return resolve([subject.seen() for subject in subjects], nodes, policy.rules, decisions).memberships


def _nodes(subjects: Iterable[Subject], rules: RuleSet, values: Values) -> dict[int, Node]:
    """The identifiers; one whose value was destroyed is not blocked: it stays who it was."""
    first: dict[int, Seen] = {}
    for subject in subjects:
        for seen in subject.identifiers:
            if seen.number not in first or seen.position < first[seen.number].position:
                first[seen.number] = seen
    known = values(first)
    return {
        number: Node(number, each.type, each.namespace, value is not None and rules.blocks(value), each.position)
        for number, each in first.items()
        for value in [known[number]]
    }
