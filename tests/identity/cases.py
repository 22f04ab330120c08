"""Cases for identity: touchpoints, rules and decisions drawn from a small world, and what the product makes of them."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import NamedTuple

from hypothesis import strategies as st

from cdp.identity.graph import IdentityGraph
from cdp.identity.profile_id import identifier_number
from cdp.identity.resolution import Decision, Membership, Moment, Node, Resolution, SubjectSeen
from cdp.identity.rules import RuleSet, TypeRule
from tests.identity.oracle import Decided, Kind, Known, Oracle, Rules, Seen

DAY_ONE = datetime(2024, 1, 1, tzinfo=UTC)

IDENTIFIERS = {
    1: Known("user_id"),
    2: Known("user_id"),
    3: Known("user_id"),
    4: Known("user_id", "till"),
    5: Known("email"),
    6: Known("email"),
    7: Known("email"),
    8: Known("email", blocked=True),
    9: Known("loyalty_card"),
    10: Known("loyalty_card"),
    11: Known("phone"),
    12: Known("phone"),
    13: Known("anonymous_id"),
    14: Known("anonymous_id"),
    15: Known("anonymous_id"),
}

Profiles = Mapping[str, int | None]
"""The number after which each touchpoint's profile is named."""


class Case(NamedTuple):
    """Touchpoints in the order of delivery, rules, and decisions in the order in which they fell."""

    delivered: tuple[Seen, ...]
    rules: Rules
    decided: tuple[Decided, ...] = ()

    def graph(self) -> IdentityGraph:
        """The product's view of it, step by step."""
        rules = rule_set(self.rules)
        return IdentityGraph(subjects_of(self.delivered), nodes_of(self.delivered), rules, in_force(self.decided))

    def resolved(self) -> Resolution:
        """What the product makes of it."""
        return self.graph().resolution()

    def profiles(self) -> Profiles:
        """What the product says whose each touchpoint is."""
        return profiles_of(self.delivered, self.resolved().memberships)

    def oracle(self) -> Oracle:
        """What should come out."""
        return Oracle(self.delivered, IDENTIFIERS, self.rules, self.decided)


def rule_set(rules: Rules) -> RuleSet:
    """The rules as the product has them."""
    types = {
        name: TypeRule(*kind[:4], window=None if kind.window is None else timedelta(days=kind.window))
        for name, kind in rules.kinds.items()
    }
    anonymous = "stays anonymous" if rules.stays_anonymous else "last authenticated"
    return RuleSet(types, TypeRule(True, 3), (re.compile("null"),), rules.size_cap, anonymous)  # type: ignore[arg-type]


def subjects_of(delivered: Iterable[Seen]) -> list[SubjectSeen]:
    """The sets of identifiers, with their moments, in the order in which they came first."""
    moments: defaultdict[frozenset[int], dict[Moment, bool]] = defaultdict(dict)
    for seen in delivered:
        moments[seen.numbers][moment_of(seen)] = seen.public
    return [_subject(numbers, when) for numbers, when in moments.items()]


def _subject(numbers: frozenset[int], when: Mapping[Moment, bool]) -> SubjectSeen:
    server, public = (
        min((m for m, is_public in when.items() if is_public is each), default=None) for each in (False, True)
    )
    return SubjectSeen(subject_of(numbers), tuple(sorted(numbers)), server, public, tuple(when))


def moment_of(seen: Seen) -> Moment:
    """When a touchpoint counts."""
    return Moment(DAY_ONE + timedelta(days=seen.day), seen.event)


def subject_of(numbers: Iterable[int]) -> int:
    """A number for a set of identifiers that does not depend on what else there is."""
    return sum(1 << number for number in numbers)


def nodes_of(delivered: Sequence[Seen], identifiers: Mapping[int, Known] = IDENTIFIERS) -> dict[int, Node]:
    """The identifiers, each with the position at which it was delivered first."""
    first = {n: i for i, seen in reversed(list(enumerate(delivered, start=1))) for n in seen.numbers}
    return {n: Node(n, *identifiers[n], position) for n, position in first.items()}


def in_force(decided: Sequence[Decided]) -> list[Decision]:
    """The latest decision about each pair or identifier; one that was released is none."""
    latest = {decision.numbers: (decision.kind, i) for i, decision in enumerate(decided)}
    return [Decision(kind, n, i) for n, (kind, i) in latest.items() if kind != "release"]  # type: ignore[arg-type]


def profiles_of(delivered: Iterable[Seen], memberships: Iterable[Membership]) -> Profiles:
    """Whose each touchpoint is; memberships must not overlap."""
    by_subject: defaultdict[int, list[Membership]] = defaultdict(list)
    for membership in memberships:
        by_subject[membership.subject].append(membership)
    return {seen.event: _profile_at(by_subject[subject_of(seen.numbers)], moment_of(seen)) for seen in delivered}


def _profile_at(memberships: Iterable[Membership], moment: Moment) -> int | None:
    holding = [
        each.profile
        for each in memberships
        if (each.start is None or each.start <= moment) and (each.end is None or moment < each.end)
    ]
    assert len(holding) <= 1
    return identifier_number(holding[0]) if holding else None


def groups(profiles: Profiles) -> set[frozenset[str]]:
    """Which touchpoints are together, whatever their profiles are called; those of nobody are left out."""
    together: defaultdict[int, set[str]] = defaultdict(set)
    for event, profile in profiles.items():
        if profile is not None:
            together[profile].add(event)
    return {frozenset(events) for events in together.values()}


# What hypothesis draws

PAIRS = list(combinations((1, 2, 3, 5, 6, 9, 11, 13), 2))

rules = st.builds(
    lambda users, mails, wide, narrow, window, cap, stays: Rules(
        {
            "user_id": Kind(True, 0, users, wide),
            "email": Kind(True, 1, mails, wide),
            "loyalty_card": Kind(True, 2, None, wide),
            "phone": Kind(False, 4, None, narrow, window),
            "anonymous_id": Kind(False, 6, None, narrow, None),
        },
        cap,
        stays,
    ),
    users=st.sampled_from([1, 1, 2, None]),
    mails=st.sampled_from([1, 2, 5]),
    wide=st.sampled_from([None, None, 2, 3]),
    narrow=st.sampled_from([None, None, 2, 4]),
    window=st.sampled_from([None, None, 0, 1, 3]),
    cap=st.sampled_from([500, 500, 2, 4]),
    stays=st.sampled_from([False, False, False, True]),
)
numbers = st.frozensets(st.sampled_from(list(IDENTIFIERS)), min_size=1, max_size=4)
sights = st.tuples(st.integers(0, 8), numbers, st.booleans())
decisions = st.lists(
    st.one_of(
        st.builds(Decided, st.sampled_from(["link", "unlink", "unlink", "release"]), st.sampled_from(PAIRS)),
        st.builds(Decided, st.sampled_from(["block", "release"]), st.sampled_from([(1,), (5,), (13,)])),
    ),
    max_size=4,
)


def delivered_of(drawn: Iterable[tuple[int, frozenset[int], bool]]) -> tuple[Seen, ...]:
    """Touchpoints in the order of delivery; their event ids do not follow it."""
    return tuple(Seen(f"e{7 * i % 23:02}", day, who, public) for i, (day, who, public) in enumerate(drawn))


deliveries = st.lists(sights, min_size=1, max_size=10).map(delivered_of)
cases = st.builds(Case, deliveries, rules, decisions.map(tuple))
