"""Identifiers seen with very many others: they neither stall the projector nor swallow strangers."""

from __future__ import annotations

from projections.contract import Connected
from projections.identity.reading import component_of, group_of
from projections.identity.selection import EVERYTHING, Selection
from tests.identity.steps import steps
from tests.projections.identity.drawn import needed
from tests.projections.world import START, World, catch_up, rows_of, subject_of

LINES = 3_000
BATCH = 500


def called(world: World, first: int, last: int) -> None:
    """Customers call from the call center's own line, and are also seen elsewhere."""
    for customer in range(first, last):
        world.see({"phone": "line", "user_id": f"u{customer}"}, channel="call_center", at=customer / 1_000)
        world.see({"user_id": f"u{customer}", "email": f"{customer}@shop.com"}, at=customer / 1_000)


def test_a_call_centers_line_swallows_nobody_and_costs_the_same_however_many_called(connection: Connected) -> None:
    # Given a projector that follows while ever more customers call from one line
    world = World()
    called(world, 0, LINES // 2)
    engine = world.engine(connection, needed(), BATCH)
    taken = []
    while (found := steps(engine.step))[0]:
        taken.append(found[1])
    # Then each is a profile of their own, and the line belongs to nobody
    assert rows_of(connection, "select count(distinct profile) from identity.memberships") == [(LINES // 2,)]
    line = next(number for number, value in world.values.items() if value is not None and value.value == "line")
    stored = "select verdict, profile from identity.identifiers where number = %s"
    assert rows_of(connection, stored, line) == [("fan_out", None)]
    # And the last batches took no more work than the first ones
    assert sum(taken[-2:]) < 1.2 * sum(taken[1:3])


def test_what_only_the_line_says_is_nobodys(connection: Connected) -> None:
    world = World()
    called(world, 0, 300)
    world.see({"phone": "line"}, channel="call_center", at=1)
    catch_up(world.engine(connection, needed(), BATCH))
    line = next(number for number, value in world.values.items() if value is not None and value.value == "line")
    assert rows_of(connection, "select * from identity.memberships where subject = %s", subject_of([line])) == []
    assert group_of(connection, line, world.at(700), EVERYTHING, world.look_up) is None


def test_a_profile_of_somebody_who_called_is_read_without_the_others(connection: Connected) -> None:
    # Given many customers who called from one line
    world = World()
    called(world, 0, 600)
    catch_up(world.engine(connection, needed(), BATCH))
    [ada] = [number for number, value in world.values.items() if value is not None and value.value == "u7"]
    looked_up: set[int] = set()

    def look_up(numbers):  # type: ignore[no-untyped-def]
        looked_up.update(wanted := list(numbers))
        return world.look_up(wanted)

    # When one of them is asked for as of a moment, then only enough others are looked at to see that they are many
    group = group_of(connection, ada, world.at(2_000), Selection(START, 2_000), look_up)
    assert group is None  # she called later
    group = group_of(connection, ada, world.at(2_000), Selection(None, 2_000), look_up)
    assert group is not None
    assert len(group.nodes) == 3
    assert len(looked_up) < 400
    # And the same goes for an explanation
    component = component_of(connection, [ada], world.at(2_000), look_up)
    assert {each.number for each in component.subjects} == {each.subject for each in group.memberships}


def test_the_first_sighting_by_a_server_outweighs_all_public_ones(connection: Connected) -> None:
    # Given an address that a copied write key showed with hundreds of accounts
    world = World(trust={"browser": "public"})
    for account in range(150):
        world.see({"email": "ada@shop.com", "user_id": f"u{account}"}, source="browser")
    catch_up(world.engine(connection, needed(), 50))
    [ada] = [number for number, value in world.values.items() if value is not None and value.type == "email"]
    stored = "select verdict from identity.identifiers where number = %s"
    assert rows_of(connection, stored, ada) == [("fan_out",)]
    # When the shop's server shows it with one
    world.see({"email": "ada@shop.com", "user_id": "ada"}, source="till")
    catch_up(world.engine(connection, needed(), 50))
    # Then it is hers, and she takes in none of the others
    assert rows_of(connection, stored, ada) == [(None,)]
    group = group_of(connection, ada, world.at(200), EVERYTHING, world.look_up)
    assert group is not None
    assert len([each for each in group.nodes.values() if each.type == "user_id"]) == 1
