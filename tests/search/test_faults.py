"""Tests of the tests: a fault put into searching makes a property fail."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from projections.search import names, plan, projection, queries, sightings
from projections.search.projection import SearchWriter
from projections.search.sightings import Sightings
from tests.search import properties

pytestmark = pytest.mark.slow

Patch = pytest.MonkeyPatch
hunt = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def who_moved_is_remembered_as_before(patch: Patch) -> None:
    patch.setattr(Sightings, "_forget", lambda seen, moved: None)


def moved_profiles_are_not_told_again(patch: Patch) -> None:
    patch.setattr(SearchWriter, "_tell_again", lambda *given: {})


def late_days_are_left_out(patch: Patch) -> None:
    patch.setattr(projection, "LATE", "select %s, %s, %s")


def new_places_of_known_people_are_left_out(patch: Patch) -> None:
    right = sightings._seen

    def wrong(news: Any, profile: str, state: Any, sight: Any) -> Any:
        found = right(news, profile, state, sight)
        if state is not None and sight.place not in state.places:
            news.places[profile].discard(sight.place)
        return found

    patch.setattr(sightings, "_seen", wrong)


def names_are_those_of_the_batch_alone(patch: Patch) -> None:
    right = SearchWriter._called
    patch.setattr(SearchWriter, "_called", lambda writer, batch, others, *given: right(writer, batch, [], *given))


def cities_are_not_folded(patch: Patch) -> None:
    patch.setattr(names, "folded", lambda text: text.lower())


def one_beginning_of_a_word_is_enough(patch: Patch) -> None:
    right = plan.Statements._conditions

    def wrong(statements: plan.Statements, met: Any) -> Iterator[str]:
        return (each.replace("like all", "like any") for each in right(statements, met))

    patch.setattr(plan.Statements, "_conditions", wrong)


def the_last_of_a_page_comes_again(patch: Patch) -> None:
    patch.setattr(plan, "_BY_NAME", plan._BY_NAME.replace(") > (", ") >= ("))


def a_page_ends_where_it_is_full(patch: Patch) -> None:
    patch.setattr(queries.Searcher, "_after", lambda searcher, profile, *said: None)


def later_pages_show_what_came_in_between(patch: Patch) -> None:
    patch.setattr(plan, "_KNOWN", "")


FOUND = (properties.it_finds_what_a_look_at_every_profile_finds, (st.integers(5, 60), st.integers(1, 20)))
REMEMBERED = (properties.what_is_remembered_leaves_no_trace, (st.integers(20, 120), st.integers(1, 12)))
PAGED = (properties.what_comes_in_between_two_pages_neither_repeats_nor_hides_anybody, ())


@pytest.mark.parametrize(
    ("fault", "broken"),
    [
        (who_moved_is_remembered_as_before, REMEMBERED),
        (moved_profiles_are_not_told_again, FOUND),
        (late_days_are_left_out, FOUND),
        (late_days_are_left_out, REMEMBERED),
        (new_places_of_known_people_are_left_out, REMEMBERED),
        (names_are_those_of_the_batch_alone, FOUND),
        (cities_are_not_folded, FOUND),
        (one_beginning_of_a_word_is_enough, FOUND),
        (the_last_of_a_page_comes_again, FOUND),
        (a_page_ends_where_it_is_full, FOUND),
        (later_pages_show_what_came_in_between, PAGED),
    ],
)
def test_a_fault_is_found(
    connection: Connected, monkeypatch: Patch, fault: Callable[[Patch], None], broken: Any
) -> None:
    held, drawn = broken
    fault(monkeypatch)

    @hunt
    @given(st.integers(0, 2**32), st.tuples(*drawn))
    def checked(seed: int, others: Any) -> None:
        held(connection, seed, *others)

    with pytest.raises(AssertionError):
        checked()
