"""What the vault costs: microseconds for an identifier, a subject, a hash and a sealed blob.

Run with `python -m benchmarks.vault`. It starts an embedded server of its own in a temporary folder.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from rich.console import Console
from rich.table import Table

from cdp.identity.identifier import GLOBAL, Identifier
from cdp.postgres.databases import open_databases
from cdp.postgres.embedded import EmbeddedServer
from cdp.settings import Settings
from cdp.vault.sealing import seal, unseal
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault

T = TypeVar("T")

COUNT = 20_000
BATCHES = (100, 5_000)


def main() -> None:
    """Prints the table."""
    table = Table("what", "items a call", "µs each")
    with tempfile.TemporaryDirectory(prefix="cdp-bench-") as folder:
        Path(folder).chmod(0o755)
        settings = Settings(home=Path(folder) / "home")
        try:
            with open_databases(settings) as databases:
                for batch in BATCHES:
                    measure_vault(table, Vault.open(databases.vault, settings.master_key), batch)
        finally:
            EmbeddedServer(settings.home).stop()
    measure_sealing(table)
    Console().print(table)


def measure_vault(table: Table, vault: Vault, batch: int) -> None:
    """Identifiers and subjects: never seen, then from memory, then from the database with empty caches."""
    wanted = [Identifier("email", GLOBAL, f"{uuid4().hex}@example.com") for _ in range(COUNT)]
    source = uuid4()
    for state in ("minted", "from memory", "from the database"):
        if state == "from the database":
            vault.raise_generation()
        add(table, f"identifier, {state}", batch, per_item(vault.numbers, wanted, batch))
        numbers = vault.numbers(wanted)
        subjects = [SubjectOf((numbers[identifier],), source, None) for identifier in wanted]
        add(table, f"subject and key, {state}", batch, per_item(vault.subjects, subjects, batch))
    ids = [subject.key_id for subject in vault.subjects(subjects).values()]
    add(table, "key by id, from the database", batch, per_item(vault.subject_keys, ids, batch))
    add(table, "key by id, from memory", batch, per_item(vault.subject_keys, ids, batch))
    parts = [(b"source", identifier.value.encode()) for identifier in wanted]
    hashed = per_item(lambda some: [vault.keyring.keyed_hash("message", *two) for two in some], parts, batch)
    add(table, "keyed hash of two parts", batch, hashed)


def measure_sealing(table: Table) -> None:
    """Blobs of 400 bytes: each under a key of its own, then under one key."""
    period, text, bound = b"p" * 32, b"x" * 400, b"event"
    keys = [index.to_bytes(32, "big") for index in range(COUNT)]
    blob = seal(keys[0], [period], "contact", text, bound)
    calls: dict[str, Callable[[bytes], object]] = {
        "seal, another key each": lambda key: seal(key, [period], "contact", text, bound),
        "seal, one key": lambda key: seal(keys[0], [period], "contact", text, bound),
        "unseal, one key": lambda key: unseal(keys[0], [period], "contact", blob, bound),
    }
    for what, call in calls.items():
        add(table, what, 1, per_item(lambda some, call=call: list(map(call, some)), keys, COUNT))  # type: ignore[misc]


def per_item(call: Callable[[Sequence[T]], object], items: Sequence[T], batch: int) -> float:
    """Microseconds for each item, given to the call in batches."""
    started = time.perf_counter()
    for first in range(0, len(items), batch):
        call(items[first : first + batch])
    return (time.perf_counter() - started) / len(items) * 1e6


def add(table: Table, what: str, batch: int, microseconds: float) -> None:
    """One row."""
    table.add_row(what, f"{batch:,}", f"{microseconds:.2f}")


if __name__ == "__main__":
    main()
