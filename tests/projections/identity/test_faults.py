"""Tests of the tests: what is drawn covers what matters, and a fault put into the product makes a property fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from cdp.identity.decision import Decision
from cdp.identity.evidence import SubjectSeen
from cdp.identity.rules import RuleSet
from projections.contract import Connected, Policy
from projections.identity import projection, selected, settlement, trial
from projections.identity.alone import alone
from projections.identity.arrivals import Arrival
from projections.identity.known import KnownIdentifier, Sighted
from projections.identity.neighbourhood import Neighbourhood
from projections.identity.revision import Revision
from projections.identity.store import IdentityStore
from projections.identity.survey import Survey
from tests.projections.identity import properties
from tests.projections.identity.drawn import activations, decisions, graph_of, pair, world_of, worlds

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch
Property = Callable[..., None]

hunt = settings(
    max_examples=600,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def late_touchpoints_change_no_order(patch: Patch) -> None:
    patch.setattr(Arrival, "renewed", lambda arrival, known: known)


def who_moves_affects_nobody(patch: Patch) -> None:
    patch.setattr(settlement, "_moved", lambda around, graph: set())


def components_are_cut_short(patch: Patch) -> None:
    def wrong(around: Neighbourhood, numbers: set[int]) -> None:
        frontier = (numbers & around.connecting) - around.complete
        around.complete |= frontier
        around.add(around.shown.holders(frontier - around.unseen))

    patch.setattr(Neighbourhood, "connect", wrong)


def strangers_are_left_where_they_are(patch: Patch) -> None:
    patch.setattr(Neighbourhood, "surround", lambda around, affected, shared=frozenset(): set(affected))


def turns_go_by_first_moments(patch: Patch) -> None:
    patch.setattr(Neighbourhood, "with_moments", lambda around, graph: graph)


def hand_overs_by_known_subjects_are_overlooked(patch: Patch) -> None:
    patch.setattr(projection.IdentityWriter, "_handed_over", lambda *given: set())


def decisions_are_not_heard_of(patch: Patch) -> None:
    patch.setattr(projection, "decided_anew", lambda before, after: set())


def decisions_taken_back_are_not_heard_of(patch: Patch) -> None:
    def wrong(before: Policy, after: Policy) -> set[int]:
        come: set[Decision] = set(after.decisions) - set(before.decisions)
        return {number for each in come for number in each.numbers}

    patch.setattr(projection, "decided_anew", wrong)


def other_rules_are_not_heard_of(patch: Patch) -> None:
    patch.setattr(Revision, "parts", lambda revision: iter(()))


def values_are_not_judged_again(patch: Patch) -> None:
    patch.setattr(Revision, "_flipped", lambda revision, types: iter(()))


def identifiers_stay_past_the_fan_out_for_ever(patch: Patch) -> None:
    right = Survey.past_fan_out

    def wrong(survey: Survey, *given: Any) -> dict[int, tuple[bool, bool]]:
        return {number: (server, True) for number, (server, _) in right(survey, *given).items()}

    patch.setattr(Survey, "past_fan_out", wrong)
    patch.setattr(projection.IdentityWriter, "_to_judge_anew", lambda *given: set())


def whoever_is_alone_was_never_seen_by_servers(patch: Patch) -> None:
    def wrong(new: Any, known: Any, unseen: Any, decided: Any, rules: RuleSet, servers: Any) -> Any:
        return alone(new, known, unseen, decided, rules, ())

    patch.setattr(projection, "alone", wrong)


def sightings_are_all_by_servers(patch: Patch) -> None:
    right = Sighted.seen

    def wrong(sighted: Sighted, subject: int, public: object) -> SubjectSeen:
        return right(sighted, subject, ())

    patch.setattr(Sighted, "seen", wrong)


def verdicts_are_not_renewed(patch: Patch) -> None:
    def wrong(store: IdentityStore, identifiers: Iterable[KnownIdentifier]) -> None:
        right(store, [each for each in identifiers if each.verdict is None])

    right = IdentityStore.renew_identifiers
    patch.setattr(IdentityStore, "renew_identifiers", wrong)


def later_moments_are_selected(patch: Patch) -> None:
    patch.setattr(selected, "_HOLDERS", selected._HOLDERS.replace("effective_at <= %(at)s", "true"))


def later_positions_are_selected(patch: Patch) -> None:
    patch.setattr(selected, "_HOLDERS", selected._HOLDERS.replace("position <= %(position)s", "true"))


def ages_are_those_of_now(patch: Patch) -> None:
    patch.setattr(selected.SelectedSightings, "aged", lambda shown, nodes: nodes)


def a_dry_run_forgets_who_stays(patch: Patch) -> None:
    patch.setattr(trial, "_touchpoints", lambda connection, new, moved: dict.fromkeys(moved, 1))


LIVE = (properties.live_equals_replay, (worlds, st.integers(1, 3)))
KEPT = (properties.what_is_kept_is_resolution_of_everything, (worlds, st.integers(1, 3)))
PAST = (
    properties.any_past_is_a_fresh_replay_of_what_it_selects,
    (worlds, st.integers(0, 14) | st.none(), st.integers(0, 18) | st.none()),
)
TRIED = (properties.a_dry_run_names_what_would_move_and_touches_nothing, (worlds, st.one_of(activations, decisions)))
UNDONE = (properties.a_link_taken_back_restores_ids_and_memberships, (worlds, pair, st.integers(1, 3)))


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (late_touchpoints_change_no_order, LIVE),
        (late_touchpoints_change_no_order, KEPT),
        (who_moves_affects_nobody, LIVE),
        (components_are_cut_short, KEPT),
        (strangers_are_left_where_they_are, LIVE),
        (turns_go_by_first_moments, KEPT),
        (hand_overs_by_known_subjects_are_overlooked, LIVE),
        (decisions_are_not_heard_of, KEPT),
        (decisions_are_not_heard_of, UNDONE),
        (decisions_taken_back_are_not_heard_of, UNDONE),
        (other_rules_are_not_heard_of, LIVE),
        (other_rules_are_not_heard_of, TRIED),
        (values_are_not_judged_again, KEPT),
        (identifiers_stay_past_the_fan_out_for_ever, KEPT),
        (whoever_is_alone_was_never_seen_by_servers, KEPT),
        (sightings_are_all_by_servers, KEPT),
        (verdicts_are_not_renewed, KEPT),
        (later_moments_are_selected, PAST),
        (later_positions_are_selected, PAST),
        (ages_are_those_of_now, PAST),
        (a_dry_run_forgets_who_stays, TRIED),
    ],
)
def test_a_fault_is_found(
    connection: Connected, monkeypatch: Patch, fault: Callable[[Patch], None], broken: Any
) -> None:
    held, drawn = broken
    fault(monkeypatch)

    @hunt
    @given(st.tuples(*drawn))
    def checked(given: Any) -> None:
        held(connection, *given)

    with pytest.raises((AssertionError, KeyError)):
        checked()


def withheld(reason: str) -> Callable[[Any], bool]:
    """Whether a link is withheld for a reason in what was drawn."""
    return lambda drawn: any(each.reason == reason for each in graph_of(world_of(drawn)).people.withheld)


def judged(detail: str) -> Callable[[Any], bool]:
    """Whether an identifier links nobody for a reason in what was drawn."""
    return lambda drawn: any(each.detail == detail for each in graph_of(world_of(drawn)).resolution().verdicts.values())


def in_turns(drawn: Any) -> bool:
    """Whether somebody anonymous belongs to several in turns."""
    return any(each.start is not None for each in graph_of(world_of(drawn)).resolution().memberships)


def late(drawn: Any) -> bool:
    """Whether a touchpoint happened before one that the log had already."""
    times = [each.header.effective_at for each in world_of(drawn).touchpoints]
    return times != sorted(times)


def undone(drawn: Any) -> bool:
    """Whether a steward's link that merged two profiles is taken back later."""
    for place, (kind, *what) in enumerate(drawn):
        taken_back = any(again in drawn[place:] for again in (("unlink", *what), ("release", *what)))
        if kind == "link" and taken_back and profiles(drawn[: place + 1]) < profiles(drawn[:place]):
            return True
    return False


def profiles(drawn: Any) -> int:
    """How many profiles there are."""
    return len({each.profile for each in graph_of(world_of(drawn)).resolution().memberships})


MATTERS: dict[str, Callable[[Any], bool]] = {
    **{f"withheld: {reason}": withheld(reason) for reason in ("limit", "cannot_link", "size_cap", "public_source")},
    **{f"ambiguous: {detail}": judged(detail) for detail in ("limit", "fan_out")},
    **{f"blocked: {detail}": judged(detail) for detail in ("value", "steward")},
    "somebody takes turns": in_turns,
    "a late touchpoint": late,
    "a merge undone": undone,
}


def test_what_matters_is_drawn() -> None:
    missing = dict(MATTERS)

    def nothing_is_missing(drawn: Any) -> bool:
        for what in [what for what, happens in missing.items() if happens(drawn)]:
            del missing[what]
        return not missing

    with contextlib.suppress(NoSuchExample):
        find(worlds, nothing_is_missing, settings=settings(hunt, max_examples=3_000))
    assert not missing, "expected all of this among what is drawn"
