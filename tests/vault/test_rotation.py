"""Rotation of the master key and of the pepper, with writers at work and after a kill."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from uuid import uuid4

import pytest

from cdp.identity.identifier import Identifier
from cdp.settings import Settings
from cdp.vault import head as heads
from cdp.vault import inventory
from cdp.vault.head import Pool
from cdp.vault.keyring import KeyRing, Kind
from cdp.vault.periods import PeriodOf
from cdp.vault.rotation import RotationRunning, Step, rotate_master, rotate_pepper, unfinished
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault
from tests.vault.people import count, emails

ROOT = Path(__file__).parents[2]
SOURCE = uuid4()
Rotate = Callable[[Pool, KeyRing, int], Iterator[Step]]
BOTH: list[tuple[Rotate, Kind]] = [(rotate_master, "masters"), (rotate_pepper, "peppers")]


def fill(vault: Vault) -> dict[Identifier, int]:
    """Some of everything, one of each destroyed."""
    numbers = vault.numbers(emails(300))
    subjects = vault.subjects(SubjectOf((number,), SOURCE, None) for number in numbers.values())
    periods = vault.periods(PeriodOf(SOURCE, "contact", date(2024, month, 1)) for month in range(1, 13))
    gone = numbers.pop(emails(1)[0])
    vault.destroy_number(gone)
    vault.destroy_subject_key(subjects[SubjectOf((gone,), SOURCE, None)].key_id)
    vault.destroy_period_key(next(period.id for period in periods.values() if period))
    return numbers


@pytest.mark.parametrize(("rotate", "kind"), BOTH)
def test_everything_is_found_and_opened_after_a_rotation(
    vault: Vault, pool: Pool, key_file: Path, rotate: Rotate, kind: Kind
) -> None:
    numbers = fill(vault)
    steps = list(rotate(pool, KeyRing.load(key_file), 64))
    assert sum(step.changed for step in steps) == {"masters": 299 + 299 + 11, "peppers": 299}[kind]
    assert [step.reached for step in steps if step.table == "identifier"][-1] == 1
    for reader in (vault, Vault.open(pool, key_file)):
        assert reader.values(numbers.values()) == {number: one for one, number in numbers.items()}
        assert reader.numbers(numbers) == numbers
        assert all(reader.find(one) == number for one, number in list(numbers.items())[:20])
    assert set(getattr(KeyRing.load(key_file).contents, kind)) == {2}
    assert count(pool, "identifier") == 300


def test_a_worker_from_before_the_rotation_finds_and_mints(vault: Vault, pool: Pool, key_file: Path) -> None:
    worker = Vault(pool, KeyRing.load(key_file), remembered=2)
    numbers = fill(vault)
    list(rotate_master(pool, KeyRing.load(key_file), 100))
    list(rotate_pepper(pool, KeyRing.load(key_file), 100))
    assert worker.numbers(numbers) == numbers
    assert len(worker.numbers(emails(20, first=1_000))) == 20
    with pool.connection() as connection:
        counted = inventory.taken(connection)
    assert {version for _, version in counted.masters} == {2}
    assert set(counted.peppers) == {2}


@pytest.mark.parametrize(("rotate", "kind"), BOTH)
def test_rotation_under_minting_loses_and_duplicates_nothing(
    vault: Vault, pool: Pool, key_file: Path, rotate: Rotate, kind: Kind
) -> None:
    people = emails(2_000)
    vault.numbers(people[:500])
    done = threading.Event()

    def mint(seed: int) -> dict[Identifier, int]:
        worker = Vault(pool, KeyRing.load(key_file), remembered=100)
        chance = random.Random(seed)
        found: dict[Identifier, int] = {}
        while not done.is_set():
            numbers = worker.numbers(chance.sample(people, 40))
            assert all(found.get(one, number) == number for one, number in numbers.items())
            found |= numbers
            worker.subjects(SubjectOf((number,), SOURCE, None) for number in numbers.values())
        return found

    with ThreadPoolExecutor(3) as threads:
        minting = [threads.submit(mint, seed) for seed in range(3)]
        try:
            time.sleep(0.2)
            for _ in range(3):
                list(rotate(pool, KeyRing.load(key_file), 50))
        finally:
            done.set()
        results = [each.result() for each in minting]

    numbers = vault.numbers(people)
    assert all(numbers.items() >= result.items() for result in results)
    assert count(pool, "identifier") == 2_000
    assert Vault.open(pool, key_file).values(numbers.values()) == {number: one for one, number in numbers.items()}
    assert set(getattr(KeyRing.load(key_file).contents, kind)) == {4}
    with pool.connection() as connection:
        counted = inventory.taken(connection)
    assert kind == "peppers" or {version for _, version in counted.masters} == {4}
    assert kind == "masters" or set(counted.peppers) == {4}


@pytest.mark.parametrize(("rotate", "kind"), BOTH)
def test_a_killed_rotation_is_resumed(
    vault: Vault, pool: Pool, settings: Settings, key_file: Path, rotate: Rotate, kind: Kind
) -> None:
    numbers = fill(vault)
    command = [sys.executable, "-m", "tests.vault.rotating", settings.vault_url or "", str(key_file), kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"half way\n"
        with pytest.raises(RotationRunning):
            next(iter(rotate(pool, KeyRing.load(key_file), 50)))
        process.send_signal(signal.SIGKILL)

    ring = KeyRing.load(key_file)
    assert unfinished(ring, kind)
    reader = Vault.open(pool, key_file)
    assert reader.numbers(numbers) == numbers
    assert reader.values(numbers.values()) == {number: one for one, number in numbers.items()}

    changed = sum(step.changed for step in resumed(rotate, pool, ring))
    assert 0 < changed < {"masters": 299 + 299 + 11, "peppers": 299}[kind]
    assert set(getattr(KeyRing.load(key_file).contents, kind)) == {2}
    assert Vault.open(pool, key_file).numbers(numbers) == numbers


def resumed(rotate: Rotate, pool: Pool, ring: KeyRing) -> list[Step]:
    """The steps of the second run, as soon as the server has noticed that the first is dead."""
    for _ in range(100):
        try:
            return list(rotate(pool, ring, 50))
        except RotationRunning:
            time.sleep(0.05)
    raise AssertionError("the killed rotation still holds its lock")


@pytest.mark.parametrize(("rotate", "kind"), BOTH)
def test_a_kill_between_file_and_head_is_resumed_too(
    vault: Vault, pool: Pool, key_file: Path, rotate: Rotate, kind: Kind
) -> None:
    numbers = vault.numbers(emails(10))
    KeyRing.load(key_file).add(kind)
    assert vault.numbers(emails(20)).items() >= numbers.items()
    assert sum(step.changed for step in rotate(pool, KeyRing.load(key_file), 50)) == 20
    assert set(getattr(KeyRing.load(key_file).contents, kind)) == {2}


def test_a_pepper_dropped_at_the_end_is_no_error_for_others(vault: Vault, pool: Pool, key_file: Path) -> None:
    vault.numbers(emails(10))
    other = Vault.open(pool, key_file)
    ring = KeyRing.load(key_file)
    with pool.connection() as connection:
        heads.set_peppers(connection, ring.add("peppers"), 1)
        assert other.find(emails(1)[0]) == vault.numbers(emails(1))[emails(1)[0]]
    list(rotate_pepper(pool, ring, 50))
    assert other.find(emails(1)[0]) == vault.numbers(emails(1))[emails(1)[0]]
