"""Which of equal rows a row is, for files without a natural key: the first, the second, and so on.

All rows of the file count, wherever they stand, so their digests are sorted on disk: memory does not depend on how
many there are. The database is a private file of SQLite's that vanishes with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from secrets import token_bytes

_CACHE_KIB = 32 * 1024
_REPEATED = """
select place, nth
from (
    select place, row_number() over (partition by digest order by place) - 1 as nth
    from content
)
where nth > 0
order by place
"""


class Occurrences:
    """First `add` every content in order, then ask `next` for as many ordinals as there were contents."""

    def __init__(self) -> None:
        self._salt = token_bytes(32)
        self._added = 0
        self._given = 0
        self._connection = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = off", "synchronous = off", "temp_store = file", f"cache_size = -{_CACHE_KIB}"):
            self._connection.execute(f"pragma {pragma}")
        self._connection.execute("create table content (place integer primary key, digest blob not null)")
        self._connection.execute("begin")
        self._repeated: Iterator[tuple[int, int]] | None = None
        self._next: tuple[int, int] | None = None

    def add(self, contents: Sequence[bytes]) -> None:
        """Takes in the digests of the next rows."""
        salted = (blake2b(each, key=self._salt, digest_size=16).digest() for each in contents)
        self._connection.executemany("insert into content values (?, ?)", enumerate(salted, self._added))
        self._added += len(contents)

    def next(self, count: int) -> list[int]:
        """The ordinals of the next rows: 0 for the first of its kind."""
        if self._repeated is None:
            self._repeated = self._connection.execute(_REPEATED)
            self._next = next(self._repeated, None)
        ordinals = [0] * count
        end = self._given + count
        while self._next is not None and self._next[0] < end:
            ordinals[self._next[0] - self._given] = self._next[1]
            self._next = next(self._repeated, None)
        self._given = end
        return ordinals

    def close(self) -> None:
        """Lets the file go."""
        self._connection.close()
