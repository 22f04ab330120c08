"""Properties of profiles, each against a plain fold, and that a fault put into the product makes each of them fail."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from tests.profiles import properties
from tests.profiles.worlds import events, hours, talk_of

many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
at = st.none() | st.integers(0, 12)
positions = st.integers(3, 16)
now = st.integers(2, 16).map(hours)
batches = st.integers(1, 6)


@many
@given(events, batches)
def test_the_fields_are_what_survives(connection: Connected, drawn: Any, batch_size: int) -> None:
    properties.fields_are_what_survives(connection, talk_of(drawn), batch_size)


@many
@given(events, batches)
def test_live_equals_replay_byte_for_byte(connection: Connected, drawn: Any, batch_size: int) -> None:
    properties.live_equals_replay(connection, talk_of(drawn), batch_size)


@many
@given(events, at, st.none() | positions, now)
def test_a_profile_is_what_was_said(
    connection: Connected, drawn: Any, at: float | None, position: int | None, now: Any
) -> None:
    properties.a_profile_is_what_was_said(connection, talk_of(drawn), at, position, now)


@many
@given(events, at, positions, now)
def test_as_of_equals_a_fresh_replay(
    connection: Connected, drawn: Any, at: float | None, position: int, now: Any
) -> None:
    properties.as_of_equals_a_fresh_replay(connection, talk_of(drawn), at, position, now)


@many
@given(events, now)
def test_a_profile_of_many_values_is_what_was_said(connection: Connected, drawn: Any, now: Any) -> None:
    properties.a_profile_of_many_values_is_what_was_said(connection, talk_of(drawn), now)


def test_a_steward_names_somebody_whom_nobody_knew_then(connection: Connected) -> None:
    """A decision about an identifier that a past moment does not show yet joins nobody at that moment."""
    drawn = [
        ({"user_id": "1"}, 11, 0, {}),
        ({"anonymous_id": "1", "user_id": "2"}, 0, 2, {"city": "x"}),
        ("link", {"anonymous_id": "1"}, {"user_id": "1"}),
    ]
    properties.as_of_equals_a_fresh_replay(connection, talk_of(drawn), 0, 15, hours(2))
