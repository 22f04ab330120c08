"""Identity resolution: which touchpoints belong to one profile. A pure function, so it can be run again for any past.

What it is given are *subjects*: sets of identifiers that were seen together, with the moments at which that happened;
the rules; and what stewards decided. What it gives back are memberships: from when to when a subject's touchpoints
belong to which profile. The result does not depend on the order of delivery. Only the profile's id does: it is named
after the group's oldest exclusive identifier by position in the log, else after its oldest identifier.

The steps are those of `cdp.identity.graph`; `docs/identity.md` says them in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cdp.identity.decision import Decision
from cdp.identity.evidence import Moment, Node, SubjectSeen
from cdp.identity.findings import Link, Membership, Resolution, Verdict, Withheld
from cdp.identity.graph import IdentityGraph
from cdp.identity.rules import RuleSet

__all__ = [
    "Decision",
    "Link",
    "Membership",
    "Moment",
    "Node",
    "Resolution",
    "SubjectSeen",
    "Verdict",
    "Withheld",
    "resolve",
]


def resolve(
    subjects: Sequence[SubjectSeen],
    nodes: Mapping[int, Node],
    rules: RuleSet,
    decisions: Sequence[Decision] = (),
    known: Mapping[int, Verdict | None] | None = None,
) -> Resolution:
    """The memberships of all subjects given, with every reason why identifiers do not link.

    `nodes` has every identifier that a subject holds or a decision joins. The subjects must be whole components: all
    that hold an exclusive identifier, unless it is blocked or `known` has the verdict on it (None: it may link); and
    all that hold a shareable one whose memberships are asked for.
    """
    return IdentityGraph(subjects, nodes, rules, decisions, known or {}).resolution()
