"""Properties of identity as it is kept and read: each is given a connection to a read database and what was drawn."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import assume

from cdp.identity.findings import Membership
from cdp.identity.identifier import GLOBAL, Identifier
from projections.contract import Connected
from projections.identity.reading import Group, group_of
from projections.identity.selection import EVERYTHING, Selection
from projections.identity.store import IdentityStore
from projections.identity.trial import try_policy
from tests.projections.identity.drawn import graph_of, happen, needed, world_of
from tests.projections.world import START, catch_up, dump, number_of, rows_of


def kept(connection: Connected) -> set[Membership]:
    """The memberships that are stored."""
    subjects = [row[0] for row in rows_of(connection, "select distinct subject from identity.memberships")]
    return IdentityStore(connection, "identity").memberships(subjects)


def live_equals_replay(connection: Connected, drawn: list[Any], batch_size: int) -> None:
    """Batches of any size leave the same rows as one."""
    # Given a log followed live in batches of one size
    world = world_of(drawn)
    catch_up(world.engine(connection, needed(), batch_size))
    live = dump(connection, needed())
    # When everything is built anew in one go
    catch_up(dataclasses.replace(world, incarnation=uuid4()).engine(connection, needed()))
    # Then all rows are the same
    assert dump(connection, needed()) == live


def what_is_kept_is_resolution_of_everything(connection: Connected, drawn: list[Any], batch_size: int) -> None:
    """Memberships, profiles and verdicts are those of everything resolved at once."""
    # Given identity kept up to date batch by batch
    world = world_of(drawn)
    catch_up(world.engine(connection, needed(), batch_size))
    # When everything is resolved at once
    resolution = graph_of(world).resolution()
    # Then memberships, profiles and verdicts are the same
    assert kept(connection) == set(resolution.memberships)
    verdicts = {number: verdict.detail for number, verdict in resolution.verdicts.items()}
    assert (
        dict(rows_of(connection, "select number, verdict from identity.identifiers where verdict is not null"))
        == verdicts
    )
    profiles = "select number, profile from identity.identifiers where profile is not null"
    assert dict(rows_of(connection, profiles)) == dict(resolution.profiles)


def any_past_is_a_fresh_replay_of_what_it_selects(
    connection: Connected, drawn: list[Any], at: int | None, position: int | None
) -> None:
    """A past group is that of a log which has only what is selected."""
    # Given a log that was followed to its end, and the groups that it shows at a moment, as known at a position
    world = world_of(drawn)
    catch_up(world.engine(connection, needed()))
    known = len(world.touchpoints) if position is None else min(position, len(world.touchpoints))
    moment = None if at is None else START + timedelta(hours=at)
    selection = Selection(moment, known)
    numbers = sorted(world.values)
    past = {n: summed(group_of(connection, n, world.at(known), selection, world.look_up)) for n in numbers}
    # When a log that has only what was selected is followed from the start
    fresh = world.selected(at, known)
    catch_up(fresh.engine(connection, needed()))
    # Then it shows the same groups
    assert past == {n: summed(group_of(connection, n, fresh.at(known), EVERYTHING, world.look_up)) for n in numbers}


def a_dry_run_names_what_would_move_and_touches_nothing(
    connection: Connected, drawn: list[Any], change: tuple[Any, ...]
) -> None:
    """What moves when a change is made is what the dry run named."""
    # Given a log that was followed to its end, and what a change of rules or a decision would do by the dry run
    world = world_of(drawn)
    catch_up(world.engine(connection, needed()))
    before, rows = profiles_of_touchpoints(connection), dump(connection, needed())
    now = world.at(len(world.touchpoints))
    happen(world, *change)
    candidate = world.at(len(world.touchpoints))
    with connection.transaction():
        connection.execute("set transaction read only")
        changes = list(try_policy(connection, now, candidate, world.look_up))
    assert dump(connection, needed()) == rows
    # When the change is made
    catch_up(world.engine(connection, needed()))
    # Then what moves is what was named, between the profiles named together
    after = profiles_of_touchpoints(connection)
    moved = [position for position in before if before[position] != after.get(position)]
    moved += [position for position in after if position not in before]
    assert sum(each.touchpoints for each in changes) == len(moved)
    for position in moved:
        was, will_be = before.get(position), after.get(position)
        named = [each for each in changes if was in (None, *each.before) and will_be in (None, *each.after)]
        assert named, (was, will_be, changes)


def profiles_of_touchpoints(connection: Connected) -> dict[int, str]:
    """The profile of each touchpoint that has one."""
    query = """
        select position, profile
        from timeline.touchpoints
        join identity.memberships
            on memberships.subject = touchpoints.subject
            and (effective_at, event_id) >= (from_at, from_event)
            and (effective_at, event_id) < (to_at, to_event)
    """
    return dict(rows_of(connection, query))


def a_link_taken_back_restores_ids_and_memberships(
    connection: Connected, drawn: list[Any], two: Any, batch_size: int
) -> None:
    """A merge undone leaves no trace."""
    # Given a log that was followed to its end
    world = world_of(drawn)
    catch_up(world.engine(connection, needed(), batch_size))
    before = kept(connection), said(connection)
    # When a steward links two identifiers on which nobody decided before, which has its effect
    numbers = tuple(sorted(number_of(Identifier(*space_of(kind), value)) for kind, value in two))
    assume(numbers not in {each.numbers for each in world.at(len(world.touchpoints)).decisions})
    happen(world, "link", two)
    catch_up(world.engine(connection, needed(), batch_size))
    assert kept(connection) == set(graph_of(world).resolution().memberships)
    # and then takes the link back
    happen(world, "release", two)
    catch_up(world.engine(connection, needed(), batch_size))
    # Then everything is as it was
    assert (kept(connection), said(connection)) == before


def said(connection: Connected) -> list[tuple[Any, ...]]:
    """What is said of all identifiers."""
    return rows_of(connection, "select row::text from identity.identifiers as row order by number")


def space_of(kind: str) -> tuple[str, str]:
    """A type with its namespace."""
    return kind, GLOBAL if kind in ("email", "phone") else "shop"


def summed(group: Group | None) -> object:
    """A group without what only one of two ways to it knows."""
    return group and (group.profile, frozenset(group.memberships), frozenset(group.nodes))
