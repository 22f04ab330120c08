"""Accounts: what group calls say of households and companies, and who belongs to them under merges and partings."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.identity.identifier import Identifier, Sighting
from cdp.identity.profile_id import profile_id
from cdp.identity.resolution import Membership, Moment
from cdp.log.touchpoint import Touchpoint
from cdp.postgres.databases import Databases
from projections.accounts.account_id import InvalidAccountId, account_id, account_number
from projections.accounts.queries import accounts_of, list_accounts, read_account, read_fields, read_members
from projections.contract import Connected
from projections.discovery import found_projections
from projections.members import Members
from tests.projections.world import World, catch_up, number_of

NEEDED = [each for each in found_projections() if each.name in ("identity", "accounts")]


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    """A connection to a fresh read database."""
    with databases.read.connection() as connection:
        yield connection


def account(value: str) -> int:
    """The number of an account."""
    return number_of(Identifier("group_id", "shop", value))


def join(world: World, value: str, who: Mapping[str, str], type_: str = "group", **seen: Any) -> Touchpoint:
    """Appends a call that names an account; by default a group call, whose traits are the account's."""
    touchpoint = world.see(who, "Account Joined", **seen)
    number = account(value)
    world.values[number] = Identifier("group_id", "shop", value)
    sightings = (*touchpoint.header.identifiers, Sighting("account", "group_id", "shop", number))
    header = msgspec.structs.replace(touchpoint.header, type=type_, identifiers=sightings)
    changed = Touchpoint(touchpoint.position, touchpoint.recorded_at, header, touchpoint.business, touchpoint.personal)
    world.touchpoints[-1] = changed
    return changed


many = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@many
@given(st.integers(0, 2**32), st.integers(1, 40), st.integers(1, 15))
def test_members_and_fields_are_those_of_a_look_at_every_touchpoint(
    connection: Connected, seed: int, touchpoints: int, batch_size: int
) -> None:
    # Given people who join accounts, merge, and are parted, kept up batch by batch
    chance = random.Random(seed)
    world = World(incarnation=uuid4())
    for _ in range(touchpoints):
        who = {
            chance.choice(["user_id", "email", "loyalty_card", "anonymous_id"]): str(chance.randrange(4))
            for _ in range(chance.choice([0, 1, 1, 2]))
        }
        at, late = chance.uniform(0, 100), chance.choice([0, 0, -40, 5])
        traits = {"name": chance.choice(["Acme A.Ş.", "Şişe", "", None, 5]), "address": {"city": chance.choice("ab")}}
        if chance.random() < 0.15 and len(who) == 2:
            world.decide("unlink", *({kind: value} for kind, value in who.items()))
        elif chance.random() < 0.6:
            kind = chance.choice(["group", "group", "track"])
            join(world, chance.choice("xy"), who, kind, at=at, late=late, traits=traits)
        else:
            world.see(who, at=at, late=late)
    catch_up(world.engine(connection, NEEDED, batch_size=batch_size))
    memberships = stored_memberships(connection)
    for value in "xy":
        number = account(value)
        calls = [
            each
            for each in world.open(world.read(0, len(world.touchpoints)))
            if number in each.header.numbers("account")
        ]
        # Then an account has everybody's touchpoints
        found = read_account(connection, number)
        if not calls:
            assert found is None
            continue
        moments = [each.header.effective_at for each in calls]
        assert found is not None
        assert (found.touchpoints, found.first_seen, found.last_seen) == (len(calls), min(moments), max(moments))
        # And members with theirs, wherever identity has put them
        members: defaultdict[str, list[datetime]] = defaultdict(list)
        for each in calls:
            if (profile := profile_of(memberships, each)) is not None:
                members[profile].append(each.header.effective_at)
        assert {
            each.profile: (each.touchpoints, each.first_seen, each.last_seen)
            for each in read_members(connection, number, 100)
        } == {profile: (len(seen), min(seen), max(seen)) for profile, seen in members.items()}
        # And of each attribute what a group call said last
        said: dict[str, list[tuple[Any, ...]]] = defaultdict(list)
        for each in calls:
            if each.header.type == "group":
                for attribute, claimed in leaves(each.section("traits")):
                    said[attribute].append((each.header.effective_at, each.header.id, claimed))
        assert {
            each.attribute: (each.event_id, msgspec.json.decode(each.value), each.losing)
            for each in read_fields(connection, number)
        } == {attribute: (*max(claims)[1:], len(claims) - 1) for attribute, claims in said.items()}
        # And it is among the accounts of each member, with that member's touchpoints
        for profile, seen in members.items():
            of_profile = [each for each in memberships if each.profile == profile]
            listed = {each.number: each for each in accounts_of(connection, Members(of_profile))}
            assert (listed[number].touchpoints, listed[number].last_seen) == (len(seen), max(seen))


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted names and values that say something."""
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        elif value is not None:
            yield prefix + name, value


def stored_memberships(connection: Connected) -> list[Membership]:
    """As identity has them."""
    query = """
        select subject, nullif(from_at, '-infinity'), from_event, nullif(to_at, 'infinity'), to_event, profile
        from identity.memberships
    """
    return [
        Membership(
            subject,
            Moment(from_at, from_event) if from_at else None,
            Moment(to_at, to_event) if to_at else None,
            profile,
        )
        for subject, from_at, from_event, to_at, to_event, profile in connection.execute(query)
    ]


def profile_of(memberships: list[Membership], touchpoint: Touchpoint) -> str | None:
    """Whose a touchpoint is."""
    moment = Moment(touchpoint.header.effective_at, touchpoint.header.id)
    for each in memberships:
        if (
            each.subject == touchpoint.header.subject
            and (each.start is None or each.start <= moment)
            and (each.end is None or moment < each.end)
        ):
            return each.profile
    return None


def test_an_account_is_found_by_any_name_that_it_ever_had_and_shown_with_its_last(connection: Connected) -> None:
    world = World(incarnation=uuid4())
    join(world, "1", {"user_id": "1"}, at=1, traits={"name": "Yıldız Gıda"})
    join(world, "1", {"user_id": "2"}, at=2, traits={"name": "Işık Gıda A.Ş."})
    join(world, "2", {}, at=3, traits={"name": "Işıklar"})
    world.see({"user_id": "1"}, at=4, traits={"name": "Işık"})
    catch_up(world.engine(connection, NEEDED))

    def found(name: str) -> list[str | None]:
        return [each.name for each in list_accounts(connection, 10, name=name)]

    assert found("") == ["Işıklar", "Işık Gıda A.Ş."]
    assert found("yildiz") == ["Işık Gıda A.Ş."]
    assert found("GIDA ışı") == ["Işık Gıda A.Ş."]
    assert found("isikl") == ["Işıklar"]
    assert found("is") == ["Işıklar", "Işık Gıda A.Ş."]
    assert found("gidalar") == []


def test_a_call_that_only_names_an_account_says_nothing_of_it(connection: Connected) -> None:
    world = World(incarnation=uuid4())
    join(world, "1", {"user_id": "1"}, "track", traits={"name": "Ada"})
    catch_up(world.engine(connection, NEEDED))
    assert read_fields(connection, account("1")) == []
    assert len(read_members(connection, account("1"), 10)) == 1


def test_the_accounts_of_the_past_are_those_known_then(connection: Connected) -> None:
    world = World(incarnation=uuid4())
    join(world, "1", {"user_id": "1"}, at=1, traits={"name": "Old"})
    second = join(world, "1", {"user_id": "1"}, at=5, traits={"name": "New"})
    join(world, "2", {"user_id": "1"}, at=9)
    catch_up(world.engine(connection, NEEDED))
    memberships = stored_memberships(connection)
    now = accounts_of(connection, Members(memberships))
    assert [(each.name, each.touchpoints) for each in now] == [(None, 1), ("New", 2)]
    then = accounts_of(connection, Members(memberships, at=second.header.effective_at))
    assert [(each.name, each.touchpoints) for each in then] == [("New", 2)]
    assert [each.name for each in accounts_of(connection, Members(memberships, known=1))] == ["Old"]
    assert accounts_of(connection, Members([])) == []


def test_an_account_with_a_name_that_no_index_could_hold_is_found_by_its_beginning(connection: Connected) -> None:
    world = World(incarnation=uuid4())
    join(world, "1", {"user_id": "1"}, traits={"name": "ﷺ" * 5000})
    catch_up(world.engine(connection, NEEDED))
    assert len(list_accounts(connection, 10, name="ﷺ")) == 1


@pytest.mark.parametrize("number", [0, 1, 2**63 - 1])
def test_an_account_id_carries_its_number(number: int) -> None:
    assert account_number(account_id(number)) == number
    assert account_number(f" {account_id(number).upper()} ") == number


@pytest.mark.parametrize("text", ["", "a", "p0000000000000", profile_id(1), "a000", "ax", "'"])
def test_another_text_is_no_account_id(text: str) -> None:
    with pytest.raises(InvalidAccountId, match="expected 'a'"):
        account_number(text)
