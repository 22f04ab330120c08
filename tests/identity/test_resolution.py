"""Resolution against an oracle built on networkx, and the cases that a reader would ask about."""

from __future__ import annotations

import doctest
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import NamedTuple

import networkx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdp.identity.identifier import Identifier
from cdp.identity.profile_id import InvalidProfileId, identifier_number, profile_id
from cdp.identity.resolution import Membership, Moment, Node, Resolution, SubjectSeen, resolve
from cdp.identity.rules import DEFAULT_RULES

DAY_ONE = datetime(2024, 1, 1, tzinfo=UTC)

TYPES = {
    1: "user_id",
    2: "user_id",
    3: "email",
    4: "email",
    5: "loyalty_card",
    6: "phone",
    7: "anonymous_id",
    8: "anonymous_id",
    9: "household_card",
    10: "email",
    11: "anonymous_id",
}
BLOCKED = {10, 11}


class Seen(NamedTuple):
    """A touchpoint as identity sees it."""

    event: str
    day: int
    numbers: frozenset[int]

    @property
    def moment(self) -> Moment:
        return Moment(DAY_ONE + timedelta(days=self.day), self.event)


def touchpoints(*seen: tuple[int, set[int]]) -> list[Seen]:
    """Touchpoints in the order of delivery, each as (day, identifier numbers)."""
    return [Seen(f"e{index:02}", day, frozenset(numbers)) for index, (day, numbers) in enumerate(seen)]


def resolved(delivered: Sequence[Seen]) -> Resolution:
    """What the product makes of touchpoints delivered in this order, repetitions included."""
    return resolve(subjects_of(delivered), nodes_of(delivered), DEFAULT_RULES, settled={})


def subjects_of(delivered: Sequence[Seen]) -> list[SubjectSeen]:
    """The sets of identifiers, with their moments."""
    moments: defaultdict[frozenset[int], set[Moment]] = defaultdict(set)
    for seen in delivered:
        moments[seen.numbers].add(seen.moment)
    return [
        SubjectSeen(subject_of(numbers), tuple(sorted(numbers)), min(when), None, tuple(sorted(when)))
        for numbers, when in moments.items()
    ]


def nodes_of(delivered: Sequence[Seen]) -> dict[int, Node]:
    """The identifiers, each with the position at which it was delivered first."""
    first = {n: i for i, seen in reversed(list(enumerate(delivered, start=1))) for n in seen.numbers}
    return {n: Node(n, TYPES[n], "shop", n in BLOCKED, position) for n, position in first.items()}


def subject_of(numbers: frozenset[int]) -> int:
    """A number for a set of identifiers that does not depend on what else there is."""
    return sum(1 << number for number in numbers)


def profiles(delivered: Sequence[Seen], resolution: Resolution) -> dict[str, str | None]:
    """The profile of each touchpoint."""
    by_subject: defaultdict[int, list[Membership]] = defaultdict(list)
    for membership in resolution.memberships:
        by_subject[membership.subject].append(membership)
    return {seen.event: profile_at(by_subject[subject_of(seen.numbers)], seen.moment) for seen in delivered}


def profile_at(memberships: Sequence[Membership], moment: Moment) -> str | None:
    """The profile that holds at a moment; memberships must not overlap."""
    holding = [
        membership.profile
        for membership in memberships
        if (membership.start is None or membership.start <= moment)
        and (membership.end is None or moment < membership.end)
    ]
    assert len(holding) <= 1
    return holding[0] if holding else None


def groups(profile_of: Mapping[str, str | None]) -> set[frozenset[str]]:
    """Which touchpoints are together, whatever the profiles are called; those of nobody are left out."""
    together: defaultdict[str, set[str]] = defaultdict(set)
    for event, profile in profile_of.items():
        if profile is not None:
            together[profile].add(event)
    return {frozenset(events) for events in together.values()}


# The oracle states the rules over single touchpoints and graphs; it imports nothing from the product.

EXCLUSIVE = {"user_id", "email", "loyalty_card"}
BELIEF = ["phone", "device_id", "anonymous_id", "household_card"]


def oracle(delivered: Sequence[Seen]) -> set[frozenset[str]]:
    """The groups of touchpoints by connected components of networkx."""
    distinct = sorted(set(delivered), key=lambda seen: seen.moment)
    parts = {seen: split(seen) for seen in distinct}
    people = networkx.Graph()
    for exclusive, _ in parts.values():
        networkx.add_path(people, exclusive)
    person = {number: min(component) for component in networkx.connected_components(people) for number in component}
    logins: defaultdict[int, list[tuple[Moment, int]]] = defaultdict(list)
    for seen, (exclusive, shareable) in parts.items():
        for number in shareable if exclusive else ():
            logins[number].append((seen.moment, person[exclusive[0]]))
    strangers = networkx.Graph()
    for exclusive, shareable in parts.values():
        if not exclusive:
            networkx.add_path(strangers, [number for number in shareable if number not in logins])
    stranger = {n: -min(component) for component in networkx.connected_components(strangers) for n in component}
    together: defaultdict[int, set[str]] = defaultdict(set)
    for seen, (exclusive, shareable) in parts.items():
        deciding = next((number for number in shareable if number in logins), None)
        if exclusive:
            together[person[exclusive[0]]].add(seen.event)
        elif deciding is not None:
            earlier = [who for moment, who in logins[deciding] if moment <= seen.moment]
            together[earlier[-1] if earlier else logins[deciding][0][1]].add(seen.event)
        elif shareable:
            together[stranger[shareable[0]]].add(seen.event)
    return {frozenset(events) for events in together.values()}


def split(seen: Seen) -> tuple[list[int], list[int]]:
    """The usable exclusive and shareable identifiers of a touchpoint, the shareable in the order of belief."""
    usable = [number for number in seen.numbers if number not in BLOCKED]
    shareable = [number for number in usable if TYPES[number] not in EXCLUSIVE]
    shareable.sort(key=lambda number: (BELIEF.index(TYPES[number]), number))
    return [number for number in usable if TYPES[number] in EXCLUSIVE], shareable


identifiers = st.frozensets(st.sampled_from(sorted(TYPES)), min_size=1, max_size=3)
deliveries = st.lists(st.tuples(st.integers(0, 9), identifiers), min_size=1, max_size=14).map(
    lambda drawn: [Seen(f"e{index:02}", day, numbers) for index, (day, numbers) in enumerate(drawn)]
)


@given(deliveries)
@example(touchpoints((1, {7}), (2, {7, 1}), (3, {7}), (4, {7, 2}), (5, {7})))
def test_groups_are_those_of_the_oracle(delivered: list[Seen]) -> None:
    assert groups(profiles(delivered, resolved(delivered))) == oracle(delivered)


@given(deliveries, st.randoms(use_true_random=False))
def test_any_order_and_repetition_of_delivery_gives_the_same_groups(delivered: list[Seen], random: Random) -> None:
    again = delivered + random.choices(delivered, k=3)
    random.shuffle(again)
    assert groups(profiles(again, resolved(again))) == groups(profiles(delivered, resolved(delivered)))


@given(deliveries, st.data())
def test_settled_groups_stand_for_the_subjects_that_formed_them(delivered: list[Seen], data: st.DataObject) -> None:
    # Given what a first part of the touchpoints settled
    cut = data.draw(st.integers(0, len(delivered)))
    earlier = resolved(delivered[:cut])
    settled = {number: profile for number, profile in earlier.profiles.items() if TYPES[number] in EXCLUSIVE}
    # When of its subjects only those are given again that hold a shareable identifier
    again = [seen for seen in delivered if seen in delivered[cut:] or not seen.numbers <= settled.keys() | BLOCKED]
    partial = resolve(subjects_of(again), nodes_of(delivered), DEFAULT_RULES, settled=settled)
    # Then their memberships are those of a complete resolution
    complete = set(resolved(delivered).memberships)
    assert set(partial.memberships) <= complete
    given_again = {subject_of(seen.numbers) for seen in again}
    assert {membership.subject for membership in complete} & given_again == {m.subject for m in partial.memberships}


def test_anonymous_then_login_is_one_profile_and_keeps_the_anonymous_past() -> None:
    # Given a browser seen before and after its user logs in
    delivered = touchpoints((1, {7}), (2, {7, 1}), (3, {7}))
    # When identity is resolved
    found = profiles(delivered, resolved(delivered))
    # Then everything is one profile, named after the user id
    assert set(found.values()) == {profile_id(1)}


def test_two_devices_of_one_user_are_one_profile() -> None:
    delivered = touchpoints((1, {7, 1}), (2, {8, 1}), (3, {8}))
    assert set(profiles(delivered, resolved(delivered)).values()) == {profile_id(1)}


def test_two_users_of_one_device_take_turns() -> None:
    # Given one browser on which two people log in one after the other
    delivered = touchpoints((1, {7}), (2, {7, 1}), (3, {7}), (4, {7, 2}), (5, {7}))
    # Then what is anonymous belongs to whoever logged in last
    found = profiles(delivered, resolved(delivered))
    first, second = profile_id(1), profile_id(2)
    assert list(found.values()) == [first, first, first, second, second]


def test_a_late_login_moves_only_what_lies_between() -> None:
    # Given the login of a second user that is delivered last but happened in the middle
    delivered = touchpoints((2, {7, 1}), (3, {7}), (5, {7}), (7, {7, 1}), (8, {7}), (4, {7, 2}))
    found = list(profiles(delivered, resolved(delivered)).values())
    assert found == [profile_id(n) for n in (1, 1, 2, 1, 1, 2)]


def test_a_shared_card_never_joins_two_people() -> None:
    delivered = touchpoints((1, {9, 1}), (2, {9, 2}))
    assert len(groups(profiles(delivered, resolved(delivered)))) == 2


def test_a_blocked_address_joins_nobody_and_says_so() -> None:
    delivered = touchpoints((1, {10, 1}), (2, {10, 2}), (3, {10}))
    resolution = resolved(delivered)
    assert list(profiles(delivered, resolution).values()) == [profile_id(1), profile_id(2), None]
    assert [(reason.number, reason.code) for reason in resolution.reasons] == [(10, "blocked")]


def test_the_profile_is_named_after_the_oldest_exclusive_identifier() -> None:
    # Given an e-mail seen first, a user id later, and an even older anonymous id
    delivered = touchpoints((1, {7}), (2, {3}), (3, {3, 1}), (4, {7, 1}))
    assert set(profiles(delivered, resolved(delivered)).values()) == {profile_id(3)}


@given(st.integers(0, 2**63 - 1))
def test_a_profile_id_gives_its_number_back(number: int) -> None:
    assert identifier_number(profile_id(number)) == number
    assert identifier_number(profile_id(number).upper()) == number


@pytest.mark.parametrize("text", ["", "p", "x0000000000001", "p000000000000u", "pzzzzzzzzzzzzz", "p00000000000001"])
def test_what_is_no_profile_id_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(InvalidProfileId, match="Find a profile by an identifier"):
        identifier_number(text)


@pytest.mark.parametrize(
    ("identifier_type", "value"),
    [
        ("user_id", "0"),
        ("user_id", "000-000"),
        ("user_id", "NULL"),
        ("user_id", "'undefined'"),
        ("anonymous_id", "[object Object]"),
        ("email", "test@test.com"),
        ("email", "noreply@shop.com"),
        ("phone", "+905555555555"),
        ("phone", "+12222222222"),
    ],
)
def test_what_programs_and_people_write_for_nobody_is_blocked(identifier_type: str, value: str) -> None:
    assert DEFAULT_RULES.blocks(Identifier(identifier_type, "shop", value))


@pytest.mark.parametrize(
    ("identifier_type", "value"),
    [
        ("user_id", "42"),
        ("user_id", "1000"),
        ("email", "jan@jan.com"),
        ("email", "ada@example.com"),
        ("phone", "+905321234567"),
        ("household_card", "1"),
    ],
)
def test_real_values_are_not_blocked(identifier_type: str, value: str) -> None:
    assert not DEFAULT_RULES.blocks(Identifier(identifier_type, "shop", value))


def test_types_that_the_rules_do_not_name_are_exclusive() -> None:
    assert DEFAULT_RULES.exclusive("passport")
    assert not DEFAULT_RULES.exclusive("household_card")


def test_the_documentation_says_what_the_function_does() -> None:
    result = doctest.testfile(str(Path("docs/identity.md").absolute()), module_relative=False)
    assert result.attempted
    assert not result.failed
