"""Identity as it is kept, under limits, decisions, other rules and public sources, in batches of any size."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from tests.projections.identity import properties
from tests.projections.identity.drawn import activations, decisions, pair, stories, worlds

many = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(worlds, st.integers(1, 6))
def test_live_equals_replay_byte_for_byte(connection: Connected, drawn: list[Any], batch_size: int) -> None:
    properties.live_equals_replay(connection, drawn, batch_size)


@many
@given(worlds, st.integers(1, 6))
def test_what_is_kept_by_batches_is_resolution_of_everything(
    connection: Connected, drawn: list[Any], batch_size: int
) -> None:
    properties.what_is_kept_is_resolution_of_everything(connection, drawn, batch_size)


@many
@given(worlds, st.integers(0, 14) | st.none(), st.integers(0, 18) | st.none())
def test_any_past_is_a_fresh_replay_of_what_it_selects(
    connection: Connected, drawn: list[Any], at: int | None, position: int | None
) -> None:
    properties.any_past_is_a_fresh_replay_of_what_it_selects(connection, drawn, at, position)


@many
@given(worlds, st.one_of(activations, decisions))
def test_a_dry_run_names_what_would_move_and_touches_nothing(
    connection: Connected, drawn: list[Any], change: tuple[Any, ...]
) -> None:
    properties.a_dry_run_names_what_would_move_and_touches_nothing(connection, drawn, change)


@many
@given(worlds, pair, st.integers(1, 6))
def test_a_link_taken_back_restores_ids_and_memberships(
    connection: Connected, drawn: list[Any], two: Any, batch_size: int
) -> None:
    properties.a_link_taken_back_restores_ids_and_memberships(connection, drawn, two, batch_size)


@many
@given(stories, st.integers(1, 3))
def test_whoever_shares_a_device_or_an_address_is_told_apart(
    connection: Connected, drawn: list[Any], batch_size: int
) -> None:
    properties.what_is_kept_is_resolution_of_everything(connection, drawn, batch_size)


@many
@given(stories, st.integers(0, 9) | st.none(), st.integers(0, 9) | st.none())
def test_so_they_are_at_any_past_moment(
    connection: Connected, drawn: list[Any], at: int | None, position: int | None
) -> None:
    properties.any_past_is_a_fresh_replay_of_what_it_selects(connection, drawn, at, position)
