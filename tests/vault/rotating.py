"""A rotation that stops half way and waits to be killed: `python -m tests.vault.rotating URL KEY_FILE KIND`."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from psycopg_pool import ConnectionPool

from cdp.vault.head import Pool
from cdp.vault.keyring import KeyRing
from cdp.vault.rotation import rotate_master, rotate_pepper


def main(url: str, key_file: str, kind: str) -> None:
    """Changes two batches, says so, and waits."""
    pool: Pool
    with ConnectionPool(url, kwargs={"autocommit": True}, min_size=1, max_size=2) as pool:
        rotate = rotate_pepper if kind == "peppers" else rotate_master
        for number, _ in enumerate(rotate(pool, KeyRing.load(Path(key_file)), 50)):
            if number == 1:
                print("half way", flush=True)
                time.sleep(60)


if __name__ == "__main__":
    main(*sys.argv[1:4])
