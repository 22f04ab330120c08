"""A search finds what a look at every profile finds, whatever came in whatever batches; and so page by page."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.contract import Connected
from projections.search import plan, queries, sightings
from projections.search.request import Cursor, InvalidCursor, InvalidSearch, Search
from tests.projections.world import World, catch_up
from tests.search import properties
from tests.search.properties import NEEDED, pages


@pytest.fixture(
    params=[
        pytest.param(None, id="as it is"),
        pytest.param((3, 5, 4), id="few", marks=pytest.mark.slow),
        pytest.param((1, 4, 2), id="very few", marks=pytest.mark.slow),
    ]
)
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[int, ...] | None:
    """The limits that decide which way leads to a page, and others that make a small world seem large.

    With these the projection remembers next to nothing, too.
    """
    if request.param:
        monkeypatch.setattr(sightings, "REMEMBERED", request.param[0])
        for module in (plan, queries):
            for name, limit in zip(("FEW", "MANY", "LOOKED_AT"), request.param, strict=True):
                monkeypatch.setattr(module, name, limit)
    return request.param  # type: ignore[no-any-return]


many = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(st.integers(0, 2**32), st.integers(5, 60), st.integers(1, 20))
def test_it_finds_what_a_look_at_every_profile_finds(
    connection: Connected, limits: tuple[int, ...] | None, seed: int, touchpoints: int, batch_size: int
) -> None:
    properties.it_finds_what_a_look_at_every_profile_finds(
        connection, seed, touchpoints, batch_size, whole=limits is None
    )


@many
@given(st.integers(0, 2**32), st.integers(20, 120), st.integers(1, 12))
def test_what_is_remembered_leaves_no_trace(
    connection: Connected, limits: tuple[int, ...] | None, seed: int, touchpoints: int, batch_size: int
) -> None:
    properties.what_is_remembered_leaves_no_trace(connection, seed, touchpoints, batch_size)


def test_who_merges_is_seen_as_one_afterwards(connection: Connected) -> None:
    # Given two people
    world = World(incarnation=uuid4())
    world.see({"user_id": "1"}, at=0)
    world.see({"email": "1"}, at=24)
    engine = world.engine(connection, NEEDED, batch_size=1)
    catch_up(engine)
    assert [each.last_seen for each in pages(connection, Search(), 10)] == [date(2024, 3, 2), date(2024, 3, 1)]
    # When they turn out to be one, and each of the identifiers is seen again
    world.see({"user_id": "1", "email": "1"}, at=48)
    world.see({"user_id": "1"}, at=72, channel="store")
    world.see({"email": "1"}, at=96)
    catch_up(engine)
    # Then there is one person, seen by all of them
    [found] = pages(connection, Search(), 10)
    assert (found.first_seen, found.last_seen, found.channels) == (date(2024, 3, 1), date(2024, 3, 5), ["store", "web"])
    # When a steward parts them, and they are seen again
    world.decide("unlink", {"user_id": "1"}, {"email": "1"})
    world.see({"user_id": "1"}, at=120)
    world.see({"email": "1"}, at=144)
    catch_up(engine)
    # Then there are two again
    found_days = [(each.first_seen, each.last_seen) for each in pages(connection, Search(), 10)]
    assert found_days == [(date(2024, 3, 2), date(2024, 3, 7)), (date(2024, 3, 1), date(2024, 3, 6))]


@many
@given(st.integers(0, 2**32))
def test_what_comes_in_between_two_pages_neither_repeats_nor_hides_anybody(
    connection: Connected, limits: tuple[int, ...] | None, seed: int
) -> None:
    properties.what_comes_in_between_two_pages_neither_repeats_nor_hides_anybody(connection, seed)


@pytest.mark.parametrize(
    "text", ["x", "", "WzFd", str(Cursor("name", "a", "p", 1)), str(Cursor("last_seen", "a", "p", 1))]
)
def test_a_cursor_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidCursor, match="expected the `next`"):
        Cursor.parse(text, "last_seen")


@pytest.mark.parametrize("given", [{"name": "!?"}, {"city": "_"}])
def test_what_would_mean_everybody_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidSearch, match="no letter and no digit"):
        Search(**given)  # type: ignore[arg-type]


def test_what_is_read_to_find_both_is_more_than_what_is_looked_up() -> None:
    assert plan.FEW <= plan.MANY
