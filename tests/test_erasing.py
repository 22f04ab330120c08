"""What one process destroys no other goes on using."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import psycopg
import pytest

from cdp.erasing import Eraser
from cdp.log.touchpoint import Touchpoint
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings
from cdp.sources.source import Source
from cdp.vault.identifiers import UnknownNumber
from cdp.vault.keys import UnknownKey
from cdp.vault.vault import Doomed
from tests.ingest.door import Door, track

PLACE: dict[str, Any] = {"context": {"ip": "10.0.0.1"}, "timestamp": "2026-01-15T00:00:00Z"}


@pytest.fixture
def door(settings: Settings, databases: Databases) -> Door:
    """The process that takes data in, and remembers what it used."""
    door = Door(Platform.over(settings, databases))
    door.send(track("m-1", **PLACE))
    door.send({"type": "track"})
    return door


@pytest.fixture
def eraser(door: Door) -> Eraser:
    """Another process on the same databases."""
    other = Platform.over(door.platform.settings, door.platform.databases)
    return Eraser(other.vault, other.log.touchpoints)


def subject_key(first: Touchpoint) -> Doomed:
    return Doomed(subject_keys=[first.header.keys.subject])


def period_key(first: Touchpoint) -> Doomed:
    return Doomed(period_keys=[first.header.keys.period["technical"]])


def number(first: Touchpoint) -> Doomed:
    return Doomed(numbers=first.header.numbers())


@pytest.mark.parametrize("what", [subject_key, period_key, number])
def test_the_next_touchpoint_does_not_use_it(door: Door, eraser: Eraser, what: Callable[[Touchpoint], Doomed]) -> None:
    first = door.touchpoints()[0]
    doomed = what(first)
    eraser.destroy(doomed)
    assert [each.outcome for each in door.send(track("m-2", **PLACE))] == ["accepted"]
    before, after = door.touchpoints()
    header = after.header
    assert header.keys.subject not in doomed.subject_keys
    assert not set(header.keys.period.values()) & set(doomed.period_keys)
    assert not set(header.numbers()) & set(doomed.numbers)
    if what is subject_key:
        assert before.personal == {}
    if what is period_key:
        assert before.withheld == after.withheld == {"technical"}
        assert header.flags == ("withheld:technical",)
    else:
        assert after.withheld == frozenset()
        assert after.personal["contact"] == {"userId": "42"}
        assert after.personal["technical"] == {"context": {"ip": "10.0.0.1"}}


def test_quarantine_gets_a_successor(door: Door, eraser: Eraser) -> None:
    def keys() -> list[int]:
        with door.platform.databases.log.connection() as connection:
            return [key for (key,) in connection.execute("select key_id from quarantine order by received_at")]

    eraser.destroy(Doomed(subject_keys=keys()))
    door.send({"type": "track"})
    first, second = keys()
    assert first != second
    assert list(door.platform.vault.subject_keys([second]).values()) != [None]


def test_a_decision_recorded_afterwards_still_says_whose_it_was(door: Door, eraser: Eraser) -> None:
    with door.platform.databases.vault.connection() as connection:
        keys = [key for (key,) in connection.execute("select id from subject_key where source is not null")]
    eraser.destroy(Doomed(subject_keys=keys))
    door.platform.sources.disable("shop", actor="zeynep")
    created, disabled = cast(Any, door.platform.log.events.get(Source.create_id("shop")))
    assert (created.actor, disabled.actor) == (None, "zeynep")


def test_what_is_closing_can_be_read_and_is_not_found(door: Door, eraser: Eraser) -> None:
    """As after a kill between closing and destroying: nothing is lost, and all of it can be repeated."""
    first = door.touchpoints()[0]
    keys = first.header.keys
    doomed = Doomed([keys.subject], list(keys.period.values()), first.header.numbers())
    vault = Platform.over(door.platform.settings, door.platform.databases).vault
    generation = vault.close(doomed)
    assert generation == vault.generation
    assert vault.close(doomed) > generation
    assert door.touchpoints() == [first]
    (identifier,) = vault.values(doomed.numbers).values()
    assert identifier is not None
    assert vault.find(identifier) is None
    eraser.destroy(doomed)
    eraser.destroy(doomed)
    (after,) = door.touchpoints()
    assert after.personal == {}
    assert vault.values(doomed.numbers) == dict.fromkeys(doomed.numbers)


def test_while_the_log_cannot_be_raised_nothing_is_destroyed(
    door: Door, eraser: Eraser, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = door.touchpoints()[0]

    def away(self: object, generation: int) -> None:
        raise psycopg.OperationalError

    monkeypatch.setattr("cdp.log.writer.Writer.raise_generation", away)
    with pytest.raises(Exception, match="OperationalError"):
        eraser.destroy(subject_key(first))
    assert door.touchpoints() == [first]


def test_what_never_was_is_no_tombstone(door: Door, eraser: Eraser) -> None:
    before = door.platform.vault.generation
    for doomed, error in (
        (Doomed(subject_keys=[7]), UnknownKey),
        (Doomed(period_keys=[7]), UnknownKey),
        (Doomed(numbers=[7]), UnknownNumber),
    ):
        with pytest.raises(error):
            eraser.destroy(doomed)
    door.platform.vault.refresh(0)
    assert door.platform.vault.generation == before
