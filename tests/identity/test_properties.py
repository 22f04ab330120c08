"""Identity holds for whatever is delivered, and what is delivered here holds every difficulty there is."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from tests.identity import properties
from tests.identity.cases import PAIRS, Case, cases
from tests.identity.oracle import Decided

often = settings(deadline=None, max_examples=80)
pairs = st.sampled_from(PAIRS)
anybody = st.randoms(use_true_random=False)
decided = st.one_of(
    st.builds(Decided, st.sampled_from(["link", "unlink"]), pairs), st.builds(Decided, st.just("block"), st.just((5,)))
)


@often
@given(cases)
def test_it_is_as_the_oracle_says(case: Case) -> None:
    properties.agrees_with_the_oracle(case)


@often
@given(cases, anybody)
def test_any_order_and_repetition_of_delivery_gives_the_same(case: Case, random: Random) -> None:
    properties.does_not_depend_on_delivery(case, random)


@often
@given(cases)
def test_merge_then_unlink_gives_exactly_the_former_two(case: Case) -> None:
    properties.a_merge_undone_leaves_no_trace(case)


@often
@given(cases)
def test_a_stewards_link_then_unlink_gives_exactly_the_former_two(case: Case) -> None:
    properties.a_link_undone_leaves_no_trace(case)


@often
@given(cases, decided)
def test_release_brings_back_what_was(case: Case, decision: Decided) -> None:
    properties.a_decision_taken_back_leaves_no_trace(case, decision)


@often
@given(cases)
def test_each_component_can_be_resolved_alone(case: Case) -> None:
    properties.holds_for_each_component_alone(case)


@often
@given(cases)
def test_every_pair_is_explained(case: Case) -> None:
    properties.every_pair_is_explained(case)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("check", "examples"),
    [
        # as many as the rarest of the faults in test_faults.py takes to be found, and some more
        (properties.agrees_with_the_oracle, 1_000),
        (properties.a_merge_undone_leaves_no_trace, 300),
        (properties.holds_for_each_component_alone, 400),
        (properties.every_pair_is_explained, 300),
    ],
)
def test_it_holds_for_many_more(check: Callable[[Case], None], examples: int) -> None:
    settings(deadline=None, max_examples=examples)(given(cases)(check))()


def withheld(reason: str) -> Callable[[Case], bool]:
    return lambda case: any(each.reason == reason for each in case.resolved().withheld)


def said(code: str, detail: str) -> Callable[[Case], bool]:
    return lambda case: (code, detail) in {verdict[:2] for verdict in case.resolved().verdicts.values()}


def late(case: Case) -> bool:
    """A touchpoint delivered late counts: without it others would be somebody else's."""
    moments = [(seen.day, seen.event) for seen in case.delivered]
    profiles = case.profiles()
    without = (
        {event: profiles[event] for event in rest} != rest
        for i in range(len(moments))
        if moments[i] < max(moments[: i + 1])
        for rest in [case._replace(delivered=case.delivered[:i] + case.delivered[i + 1 :]).profiles()]
    )
    return any(without)


def in_turns(case: Case) -> bool:
    memberships = case.resolved().memberships
    return any(each.start is not None and each.end is not None for each in memberships)


def claimed(case: Case) -> bool:
    """A steward's link gives a phone or a browser to a person."""
    profiles = case.resolved().profiles
    return any(profiles.get(n) in {profiles.get(p) for p in (1, 2, 3, 5, 6, 9)} - {None} for n in (11, 13))


DIFFICULTIES: dict[str, Callable[[Case], bool]] = {
    **{f"withheld: {reason}": withheld(reason) for reason in ("cannot_link", "limit", "size_cap", "public_source")},
    **{f"ambiguous: {detail}": said("ambiguous", detail) for detail in ("limit", "fan_out")},
    **{f"blocked: {detail}": said("blocked", detail) for detail in ("value", "steward")},
    "a late touchpoint that matters": late,
    "a merge to be undone": lambda case: any(merge.joins() for merge in properties.merges(case)),
    "a shared identifier in turns": in_turns,
    "a shareable identifier that a steward gave away": claimed,
    "a decision about a pair changed": lambda case: len({d.numbers for d in case.decided}) < len(case.decided),
}


@pytest.mark.parametrize("difficulty", DIFFICULTIES)
def test_what_is_drawn_has_every_difficulty(difficulty: str) -> None:
    quick = settings(deadline=None, max_examples=1_000, derandomize=True, database=None, phases=[Phase.generate])
    find(cases, DIFFICULTIES[difficulty], settings=quick)
