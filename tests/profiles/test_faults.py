"""Tests of the tests: what is drawn covers what matters, and a fault put into the product makes a property fail."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from cdp.survivorship.rules import Survivorship
from projections.contract import Connected
from projections.profiles import candidates, fields, projection, queries, weighing
from projections.profiles.fields import Chosen, FieldStore
from tests.profiles import properties
from tests.profiles.test_properties import at, batches, now, positions
from tests.profiles.worlds import events, talk_of

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch
hunt = settings(
    max_examples=400,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def empty_values_win(patch: Patch) -> None:
    def wrong(*given: Any) -> dict[str, Any]:
        right = weighing.weights(*given)
        return {**right, "ignoring": [False] * len(right["ways"])}

    patch.setattr("projections.profiles.fields.weights", wrong)


def sources_are_believed_alike(patch: Patch) -> None:
    def wrong(*given: Any) -> dict[str, Any]:
        return {**weighing.weights(*given), "ranked": [], "sources": [], "ranks": []}

    patch.setattr("projections.profiles.fields.weights", wrong)


def a_new_claim_always_wins(patch: Patch) -> None:
    patch.setitem(fields._BETTER, weighing.LATEST, "true")


def moved_profiles_are_not_refreshed(patch: Patch) -> None:
    patch.setattr(projection, "_refresh", lambda fields, profiles, rules: None)


def changed_rules_recompute_nothing(patch: Patch) -> None:
    patch.setattr(projection, "_rule_anew", lambda fields, before, rules: None)


def counted_rules_see_only_new_claims(patch: Patch) -> None:
    right = FieldStore._choose

    def wrong(store: FieldStore, condition: str, parameters: dict[str, Any], rules: Survivorship) -> None:
        if "position" in condition:
            return
        right(store, condition, parameters, rules)

    patch.setattr(FieldStore, "_choose", wrong)


def the_last_claim_of_a_batch_is_overlooked(patch: Patch) -> None:
    def wrong(after: int, position: int) -> Chosen:
        return fields.added(after, position - 1)

    patch.setattr("projections.profiles.projection.added", wrong)


def claims_of_later_moments_are_seen(patch: Patch) -> None:
    patch.setattr(candidates, "_LATEST", candidates._LATEST.replace("effective_at <= %(at)s", "true"))


def claims_unknown_then_are_seen(patch: Patch) -> None:
    patch.setattr(candidates, "_LATEST", candidates._LATEST.replace("position <= %(known)s", "true"))


def channels_count_what_was_unknown_then(patch: Patch) -> None:
    patch.setattr(queries, "_CHANNELS", queries._CHANNELS.replace("position <= %(known)s", "true"))


def expired_claims_are_added_to_living_ones(patch: Patch) -> None:
    patch.setattr(candidates, "_straddled", lambda candidates, ttl, now: False)


def memberships_never_end(patch: Patch) -> None:
    without = candidates._LATEST.replace("(effective_at, event_id) < (to_at, to_event)", "true")
    patch.setattr(candidates, "_LATEST", without)


def the_latest_are_taken_for_all(patch: Patch) -> None:
    patch.setattr(candidates, "_latest_suffice", lambda rule: True)


FIELDS = (properties.fields_are_what_survives, (batches,))
REPLAY = (properties.live_equals_replay, (batches,))
READING = (properties.a_profile_is_what_was_said, (at, st.none() | positions, now))
FEW = (properties.a_profile_of_many_values_is_what_was_said, (now,))
AS_OF = (properties.as_of_equals_a_fresh_replay, (at, positions, now))


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (empty_values_win, FIELDS),
        (sources_are_believed_alike, FIELDS),
        (a_new_claim_always_wins, FIELDS),
        (a_new_claim_always_wins, REPLAY),
        (moved_profiles_are_not_refreshed, FIELDS),
        (moved_profiles_are_not_refreshed, REPLAY),
        (changed_rules_recompute_nothing, FIELDS),
        (changed_rules_recompute_nothing, REPLAY),
        (counted_rules_see_only_new_claims, FIELDS),
        (the_last_claim_of_a_batch_is_overlooked, REPLAY),
        (claims_of_later_moments_are_seen, READING),
        (claims_of_later_moments_are_seen, AS_OF),
        (claims_unknown_then_are_seen, AS_OF),
        (channels_count_what_was_unknown_then, AS_OF),
        (expired_claims_are_added_to_living_ones, READING),
        (memberships_never_end, READING),
        (the_latest_are_taken_for_all, FEW),
    ],
)
def test_a_fault_is_found(
    connection: Connected, monkeypatch: Patch, fault: Callable[[Patch], None], broken: Any
) -> None:
    held, drawn = broken
    fault(monkeypatch)

    @hunt
    @given(events, st.tuples(*drawn))
    def checked(drawn: Any, others: Any) -> None:
        held(connection, talk_of(drawn), *others)

    with pytest.raises(AssertionError):
        checked()


def late(drawn: Any) -> bool:
    """A touchpoint happened before one that the log had already."""
    times = [each[1] for each in drawn if isinstance(each, tuple) and len(each) == 4]
    return any(later < earlier for earlier, later in pairwise(times))


def ruled_midway(drawn: Any) -> bool:
    """Rules change between touchpoints."""
    kinds = [isinstance(each, Survivorship) for each in drawn]
    return True in kinds and False in kinds[kinds.index(True) :]


def merged_by_a_steward(drawn: Any) -> bool:
    """A steward links two people who said something before."""
    return any(isinstance(each, tuple) and each[0] == "link" and each[1] != each[2] for each in drawn[2:])


@pytest.mark.parametrize("interesting", [late, ruled_midway, merged_by_a_steward])
def test_what_is_drawn_covers_what_matters(interesting: Callable[[Any], bool]) -> None:
    assert find(events, interesting, settings=hunt) is not None
