"""Properties of searching: each is given a connection to a read database and the seed of a world."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from uuid import uuid4

from cdp.log.touchpoint import Touchpoint
from projections.contract import Connected
from projections.discovery import found_projections
from projections.search.queries import Found, Searcher
from projections.search.request import Cursor, Search
from tests.projections.world import World, catch_up, dump
from tests.search.telling import any_search, facets, grow, ordered, told

NEEDED = [each for each in found_projections() if each.name in ("identity", "profiles", "timeline", "search")]
SEARCH = [each for each in NEEDED if each.name == "search"]
SEARCHES = 15


def it_finds_what_a_look_at_every_profile_finds(
    connection: Connected, seed: int, touchpoints: int, batch_size: int, whole: bool = True
) -> None:
    """Pages, order and counts are those of a look at every profile; only the counts, unless `whole`, may fall short."""
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
            assert not whole


def what_is_remembered_leaves_no_trace(connection: Connected, seed: int, touchpoints: int, batch_size: int) -> None:
    """Small batches leave the same rows as one."""
    # Given a world kept up in small batches, in which people are seen again after they merged or parted
    world = World(incarnation=uuid4())
    grow(world, random.Random(seed), touchpoints)
    catch_up(world.engine(connection, NEEDED, batch_size=batch_size))
    live = dump(connection, SEARCH)
    # When it is built anew in one go
    catch_up(replace(world, incarnation=uuid4()).engine(connection, NEEDED))
    # Then every row is the same
    assert dump(connection, SEARCH) == live


def what_comes_in_between_two_pages_neither_repeats_nor_hides_anybody(connection: Connected, seed: int) -> None:
    """The pages of a search are those of the moment at which the first was read."""
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


def opened(world: World) -> list[Touchpoint]:
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
