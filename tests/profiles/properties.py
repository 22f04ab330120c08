"""What must hold of profiles whatever was said, in whatever batches, under whatever rules."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

from cdp.identity.evidence import Moment
from cdp.identity.findings import Membership
from cdp.survivorship.choice import EXPIRED
from projections.contract import Connected
from projections.identity.reading import Group, group_of
from projections.identity.selection import EVERYTHING, Selection
from projections.members import Members
from projections.profiles import candidates
from projections.profiles.queries import Field, Known, read_known
from tests.profiles.worlds import Claims, Talk, about_profiles, channels_of, claims_of, hours, survivors
from tests.projections.world import catch_up, dump, rows_of
from tests.survivorship.oracle import Survivor

NEVER = datetime.min.replace(tzinfo=UTC)


def fields_are_what_survives(connection: Connected, world: Talk, batch_size: int) -> None:
    """The table of fields is, for each profile, a plain fold over all that its touchpoints say."""
    catch_up(world.engine(connection, about_profiles(), batch_size))
    rules = world.at(len(world.touchpoints)).survivorship
    expected = {
        (profile, attribute): (each.value, each.source, each.event)
        for profile, members in memberships(connection).items()
        for attribute, each in survivors(claims_of(world, members), rules, NEVER).items()
    }
    stored = rows_of(connection, "select profile, attribute, value::text, source::text, event_id from profiles.fields")
    assert {row[:2]: row[2:] for row in stored} == expected


def live_equals_replay(connection: Connected, world: Talk, batch_size: int) -> None:
    """Followed in small batches or built anew in one go, the rows are the same, byte for byte."""
    catch_up(world.engine(connection, about_profiles(), batch_size))
    live = dump(connection, about_profiles())
    catch_up(dataclasses.replace(world, incarnation=uuid4()).engine(connection, about_profiles()))
    assert dump(connection, about_profiles()) == live


def a_profile_is_what_was_said(
    connection: Connected, world: Talk, at: float | None, position: int | None, now: datetime
) -> None:
    """What is read of a group at any moment is a plain fold over the touchpoints that are selected."""
    catch_up(world.engine(connection, about_profiles()))
    for group, known, selection in readings(connection, world, at, position, now):
        rules = world.at(selection.position or len(world.touchpoints)).survivorship
        claims = claims_of(world, group.memberships, selection)
        assert surviving(known) == survivors(claims, rules, now)
        losers_are_counted(known, claims, now)
        channels = {each.channel: list(each[1:]) for each in known.channels}
        assert channels == channels_of(world, group.memberships, selection)


def a_profile_of_many_values_is_what_was_said(connection: Connected, world: Talk, now: datetime) -> None:
    """The same where an attribute has more values than are looked at."""
    catch_up(world.engine(connection, about_profiles()))
    most, candidates.MOST = candidates.MOST, 1
    try:
        for group, known, _ in readings(connection, world, None, None, now):
            claims = claims_of(world, group.memberships)
            assert surviving(known) == survivors(claims, world.at(len(world.touchpoints)).survivorship, now)
            for field in (each for each in known.fields if not each.rule.multi_valued):
                assert field.losing == len(claims[field.attribute]) - winning(field, claims, now)
    finally:
        candidates.MOST = most


def winning(field: Field, claims: Claims, now: datetime) -> int:
    """How many claims say what won, of the source that won, and have not expired."""
    winner, ttl = field.choice.winner, field.rule.ttl
    return sum(
        winner is not None
        and (said.value, said.source) == (winner.value, str(winner.source))
        and (ttl is None or said.at + ttl > now)
        for said in claims[field.attribute]
    )


def as_of_equals_a_fresh_replay(
    connection: Connected, world: Talk, at: float | None, position: int, now: datetime
) -> None:
    """A past moment is what a log that has only what it selects shows of the present."""
    catch_up(world.engine(connection, about_profiles()))
    then = {
        number: plainly(group, known)
        for number in sorted(world.values)
        for group, known, _ in readings(connection, world, at, position, now, number)
    }
    fresh = world.selected(at, position)
    assert isinstance(fresh, Talk)
    catch_up(fresh.engine(connection, about_profiles()))
    replayed = {
        number: plainly(group, known)
        for number in sorted(world.values)
        for group, known, _ in readings(connection, fresh, None, None, now, number)
    }
    assert then == replayed


def plainly(group: Group, known: Known) -> tuple[object, ...]:
    """All that is said of a group, in a form that can be compared."""
    members = sorted(group.memberships, key=repr)
    fields = [(each.attribute, each.rule, each.choice, each.times) for each in known.fields]
    return group.profile, members, sorted(group.nodes.values()), fields, known.channels


def readings(
    connection: Connected, world: Talk, at: float | None, position: int | None, now: datetime, number: int | None = None
) -> Iterator[tuple[Group, Known, Selection]]:
    """Each group that an identifier leads to, with what is read of it at a moment."""
    moment = None if at is None else hours(at)
    selection = EVERYTHING if moment is None and position is None else Selection(moment, position)
    policy = world.at(len(world.touchpoints) if position is None else position)
    for each in sorted(world.values) if number is None else [number]:
        group = group_of(connection, each, policy, selection, world.look_up)
        if group is not None:
            members = Members(group.memberships, *selection)
            yield group, read_known(connection, members, policy.survivorship, now), selection


def surviving(known: Known) -> dict[str, Survivor]:
    """The fields, as the oracle says them."""
    found = {}
    for field in known.fields:
        winner = field.choice.winner
        if winner is not None:
            values = tuple((each.value, str(each.source), each.said.event_id) for each in field.choice.items)
            found[field.attribute] = Survivor(winner.value, str(winner.source), winner.said.event_id, values)
    return found


def losers_are_counted(known: Known, claims: Claims, now: datetime) -> None:
    """Of a single value, every claim has won or is counted among the losing ones of its value and source."""
    for field in (each for each in known.fields if not each.rule.multi_valued):
        counts: Counter[tuple[str, str, bool]] = Counter()
        for said in claims[field.attribute]:
            expired = field.rule.ttl is not None and said.at + field.rule.ttl <= now
            counts[said.value, said.source, expired] += 1
        winner = field.choice.winner
        if winner is not None:
            assert counts.pop((winner.value, str(winner.source), False)) > 0
        lost = [(each.candidate, each.reason == EXPIRED) for each in field.choice.lost]
        assert {(each.value, str(each.source), expired): each.claims for each, expired in lost} == counts


def memberships(connection: Connected) -> dict[str, list[Membership]]:
    """Which subject belongs to which profile from when to when, as identity keeps it."""
    query = """
        select profile, subject, nullif(from_at, '-infinity'), from_event, nullif(to_at, 'infinity'), to_event
        from identity.memberships
    """
    found: defaultdict[str, list[Membership]] = defaultdict(list)
    for profile, subject, from_at, from_event, to_at, to_event in rows_of(connection, query):
        start = None if from_at is None else Moment(from_at, from_event)
        end = None if to_at is None else Moment(to_at, to_event)
        found[profile].append(Membership(subject, start, end, profile))
    return found
