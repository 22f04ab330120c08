"""A search finds what a look at every profile finds, whatever came in whatever batches; and so page by page."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.postgres.databases import Databases
from projections.contract import Connected
from projections.discovery import found_projections
from projections.search import plan, queries, sightings
from projections.search.queries import Found, Searcher
from projections.search.request import Cursor, InvalidCursor, InvalidSearch, Search
from tests.projections.world import World, catch_up, dump
from tests.search.telling import any_search, facets, grow, ordered, told

NEEDED = [each for each in found_projections() if each.name in ("identity", "profiles", "timeline", "search")]
SEARCH = [each for each in NEEDED if each.name == "search"]
SEARCHES = 15


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection


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
    # Given a world with people who merge and part, late touchpoints and Turkish names, kept up batch by batch
    chance = random.Random(seed)
    world = World(incarnation=uuid4())
    grow(world, chance, touchpoints)
    catch_up(world.engine(connection, NEEDED, batch_size=batch_size))
    everybody = told(connection, opened(world))
    for _ in range(SEARCHES):
        # When something is searched for, page by page
        search = any_search(chance, world)
        found = list(pages(connection, search, limit=chance.randint(1, 4)))
        # Then it finds who fits, in order, with what is known of them
        expected = ordered([each for each in everybody if each.fits(search)], search)
        assert [each.profile for each in found] == [each.profile for each in expected]
        for each, known in zip(found, expected, strict=True):
            assert (each.name or "", each.city) == (" ".join(known.name.split()), known.city)
            assert (each.first_seen, each.last_seen) == (min(known.days), max(known.days))
            assert {(c, s) for c in each.channels for s in each.sources} >= known.places
        # And it counts them, exactly or at least as far as it looked
        count = Searcher(connection, search).count()
        counted = (count.facets.channels, count.facets.sources, count.facets.cities)
        if count.exact:
            assert count.total == len(expected)
            assert counted == facets(expected)
        else:
            assert count.total <= len(expected)
            assert limits is not None


@many
@given(st.integers(0, 2**32), st.integers(20, 120), st.integers(1, 12))
def test_what_is_remembered_leaves_no_trace(
    connection: Connected, limits: tuple[int, ...] | None, seed: int, touchpoints: int, batch_size: int
) -> None:
    # Given a world kept up in small batches, in which people are seen again after they merged or parted
    world = World(incarnation=uuid4())
    grow(world, random.Random(seed), touchpoints)
    catch_up(world.engine(connection, NEEDED, batch_size=batch_size))
    live = dump(connection, SEARCH)
    # When it is built anew in one go
    catch_up(replace(world, incarnation=uuid4()).engine(connection, NEEDED))
    # Then every row is the same
    assert dump(connection, SEARCH) == live


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


def opened(world: World) -> list:  # type: ignore[type-arg]
    """The touchpoints of a world."""
    return world.open(world.read(0, len(world.touchpoints)))


def pages(connection: Connected, search: Search, limit: int) -> Iterator[Found]:
    """All pages of a search, one after the other."""
    cursor = None
    while True:
        page = Searcher(connection, search, cursor).page(limit)
        assert len(page.profiles) <= limit
        yield from page.profiles
        if page.next is None:
            return
        cursor = Cursor.parse(str(page.next), search.order)


@many
@given(st.integers(0, 2**32))
def test_what_comes_in_between_two_pages_neither_repeats_nor_hides_anybody(
    connection: Connected, limits: tuple[int, ...] | None, seed: int
) -> None:
    # Given a search by last seen, whose first page was read
    chance = random.Random(seed)
    world = World(incarnation=uuid4())
    for number in range(30):
        world.see({"user_id": str(number)}, at=chance.uniform(0, 24 * 9), traits={"name": f"Ali {number}"})
    engine = world.engine(connection, NEEDED)
    catch_up(engine)
    search = Search(order=chance.choice(["last_seen", "name"]), name=chance.choice(["", "ali"]))
    before = [each.profile for each in pages(connection, search, 100)]
    found, cursor = [], None
    while True:
        page = Searcher(connection, search, cursor).page(4)
        found += [each.profile for each in page.profiles]
        if page.next is None:
            break
        cursor = page.next
        # When known people are seen again and new ones for the first time before the next page is read
        for _ in range(6):
            at = chance.uniform(0, 24 * 20)
            world.see({"user_id": str(chance.randrange(40))}, at=at, channel="store")
        catch_up(engine)
    # Then all who were there at the start are found, each once, in the order of then
    assert found == before


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
