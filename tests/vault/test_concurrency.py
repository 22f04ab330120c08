"""Many threads and processes minting the same things at once."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from cdp.settings import Settings
from cdp.vault import head as heads
from cdp.vault import identifiers, subjects
from cdp.vault.head import Pool
from cdp.vault.keyfile import KeyFileMissing
from cdp.vault.keyring import KeyRing, OtherRing
from cdp.vault.periods import PeriodOf
from cdp.vault.rotation import rotate_pepper
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault
from tests.vault.people import count, emails

ROOT = Path(__file__).parents[2]


def test_threads_get_one_number_for_one_identifier(pool: Pool, key_file: Path) -> None:
    people = emails(1_200)
    vaults = [Vault.open(pool, key_file) for _ in range(4)]
    source, month = uuid4(), date(2024, 5, 1)

    def mint(seed: int) -> dict[Any, Any]:
        vault, mine = vaults[seed % 4], people.copy()
        found: dict[Any, Any] = {}
        random.Random(seed).shuffle(mine)
        for first in range(0, len(mine), 100):
            numbers = vault.numbers(mine[first : first + 100])
            found |= numbers
            found |= vault.subjects(SubjectOf((number,), source, None) for number in numbers.values())
            found |= vault.periods([PeriodOf(source, f"class {first % 300}", month)])
        return found

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(mint, range(8)))
    assert all(result == results[0] for result in results)
    assert [count(pool, table) for table in ("identifier", "subject", "subject_key", "period_key")] == [1200] * 3 + [3]


@pytest.mark.slow
def test_processes_get_one_number_for_one_identifier(settings: Settings, pool: Pool, key_file: Path) -> None:
    command = [sys.executable, "-m", "tests.vault.minting", settings.vault_url or "", str(key_file), "5000"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, text=True) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    results = [json.loads(process.communicate(timeout=60)[0]) for process in processes]
    assert results[0] == results[1]
    assert len(results[0]) == count(pool, "identifier") == count(pool, "subject_key") == 5_000


def test_the_same_in_opposite_orders_does_not_deadlock(vault: Vault, pool: Pool) -> None:
    rounds, size = 6, 1_500
    together = threading.Barrier(2, timeout=20)

    def mint(step: int) -> int:
        minted = 0
        for first in range(0, rounds * size, size):
            with pool.connection() as connection:
                head, people = heads.read(connection), emails(size, first)
                together.wait()
                minted += len(identifiers.mint(connection, vault.keyring, head, people[::step]))
        return minted

    with ThreadPoolExecutor(2) as threads:
        assert sum(threads.map(mint, (1, -1))) == rounds * size


def test_a_rotation_waits_for_a_minting_that_is_not_committed(vault: Vault, pool: Pool, key_file: Path) -> None:
    (person,) = emails(1)
    ring = KeyRing.load(key_file)
    with ThreadPoolExecutor(1) as threads:
        with pool.connection() as connection, connection.transaction():
            minted = identifiers.mint(connection, ring, heads.read(connection), [person])
            rotation = threads.submit(lambda: list(rotate_pepper(pool, KeyRing.load(key_file))))
            with pytest.raises(TimeoutError):
                rotation.result(timeout=0.5)
        rotation.result(timeout=10)
    assert vault.numbers([person]) == minted
    assert count(pool, "identifier") == 1


def test_a_destruction_and_a_minting_of_the_same_do_not_deadlock(vault: Vault, pool: Pool) -> None:
    wanted = SubjectOf((), uuid4(), date(2024, 5, 6))
    first = vault.subjects([wanted])[wanted]
    with ThreadPoolExecutor(1) as threads:
        with pool.connection() as connection, connection.transaction():
            head = heads.read(connection)
            identifiers.mint(connection, vault.keyring, head, emails(1))
            destruction = threads.submit(vault.destroy_subject_key, first.key_id)
            with pytest.raises(TimeoutError):
                destruction.result(timeout=0.5)
            assert subjects.mint(connection, vault.keyring, head, [wanted]) == {}
        destruction.result(timeout=10)
    assert vault.subjects([wanted])[wanted] != first


def test_processes_that_open_a_new_vault_at_once_make_one_ring(pool: Pool, key_file: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        vaults = list(threads.map(lambda _: Vault.open(pool, key_file), range(8)))
    assert len({vault.keyring.id for vault in vaults}) == 1


def test_a_lost_key_file_is_not_replaced_by_new_keys(vault: Vault, pool: Pool, key_file: Path) -> None:
    key_file.unlink()
    with pytest.raises(KeyFileMissing, match="cdp key restore"):
        Vault.open(pool, key_file)
    assert not key_file.exists()


def test_another_ring_is_refused(vault: Vault, pool: Pool, key_file: Path) -> None:
    key_file.unlink()
    with pytest.raises(OtherRing, match=str(vault.keyring.id)):
        Vault(pool, KeyRing.create(key_file))
