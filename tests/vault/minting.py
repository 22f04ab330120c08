"""A process of its own that mints: `python -m tests.vault.minting URL KEY_FILE COUNT`.

It says when it is ready, waits for a line, mints, and prints the numbers as JSON.
"""

from __future__ import annotations

import json
import sys
from datetime import date
from pathlib import Path
from uuid import UUID

from psycopg_pool import ConnectionPool

from cdp.vault.head import Pool
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault
from tests.vault.people import emails

SOURCE = UUID(int=7)
BATCH = 500
DAY = date(2024, 5, 6)


def main(url: str, key_file: str, count: int) -> None:
    """Mints that many identifiers, and a subject for each."""
    pool: Pool
    with ConnectionPool(url, kwargs={"autocommit": True}, min_size=1, max_size=2) as pool:
        vault = Vault.open(pool, Path(key_file))
        found: dict[str, list[int]] = {}
        print("ready", flush=True)
        sys.stdin.readline()
        for first in range(0, count, BATCH):
            numbers = vault.numbers(emails(BATCH, first))
            subjects = vault.subjects(SubjectOf((number,), SOURCE, DAY) for number in numbers.values())
            ids = {wanted.numbers[0]: subject.key_id for wanted, subject in subjects.items()}
            found |= {one.value: [number, ids[number]] for one, number in numbers.items()}
        json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
