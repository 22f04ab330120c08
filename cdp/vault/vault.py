"""The vault: numbers for identifiers, keys for subjects and periods, in bulk and from memory where it can."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from cdp.identity import normalise
from cdp.identity.identifier import Identifier
from cdp.vault import head as heads
from cdp.vault import identifiers, keys, periods, sealing, subjects
from cdp.vault.head import Db, Head, Pool
from cdp.vault.keyfile import KeyFileMissing
from cdp.vault.keyring import KeyRing
from cdp.vault.keys import PERIOD_KEYS, SUBJECT_KEYS, KeyTable
from cdp.vault.periods import Period, PeriodOf
from cdp.vault.recent import Recent
from cdp.vault.subjects import Subject, SubjectOf

K = TypeVar("K")
V = TypeVar("V")

REMEMBERED = 200_000
"""How many entries each cache holds."""

ATTEMPTS = 20
"""How often a minting starts again because the head changed or another process minted the same."""


class VaultBehind(RuntimeError):
    """The vault's generation is lower than the log says: the vault was restored to an earlier state than the log."""

    def __init__(self, found: int, expected: int) -> None:
        super().__init__(
            f"the vault is at generation {found}, the log expects {expected} or later: the vault was restored from a "
            "backup older than the log's. Restore both from one backup, then apply the ledger of erasures."
        )


class VaultUnsettled(RuntimeError):
    """Minting found the vault changed at each of its attempts."""

    def __init__(self, missing: int) -> None:
        super().__init__(
            f"{missing} numbers or keys could not be minted in {ATTEMPTS} attempts, because the vault's head or the "
            "same rows changed at each. Try again; if it goes on, look for a process that keeps raising the generation."
        )


class Doomed(NamedTuple):
    """What is to be destroyed together: ids of subject keys and of period keys, and identifiers' numbers."""

    subject_keys: Collection[int] = ()
    period_keys: Collection[int] = ()
    numbers: Collection[int] = ()


class Caches:
    """What was read under one generation; dropped as a whole when it is raised."""

    def __init__(self, limit: int) -> None:
        self.numbers: Recent[Identifier, int] = Recent(limit)
        self.subjects: Recent[SubjectOf, Subject] = Recent(limit)
        self.periods: Recent[PeriodOf, Period | None] = Recent(limit)
        self.opened: dict[KeyTable, Recent[int, bytes | None]] = {
            SUBJECT_KEYS: Recent(limit),
            PERIOD_KEYS: Recent(limit),
        }


class Standing(NamedTuple):
    """The head as this process knows it, and the caches that are valid under its generation."""

    head: Head
    caches: Caches


class Vault:
    """Safe for threads. Whatever it gives out is committed before it returns.

    A writer notes `generation` first, resolves, and has the log compare it under the log's lock: with a lower
    generation than the log's it calls `refresh` and resolves again.
    """

    def __init__(self, pool: Pool, keyring: KeyRing, remembered: int = REMEMBERED) -> None:
        """Opens the vault with its ring, and binds a vault that was never used to it.

        Raises OtherRing and WrongKeys for the ring of another vault, VersionMissing for an outdated one.
        """
        self.keyring = keyring
        self._pool = pool
        self._remembered = remembered
        self._lock = threading.Lock()
        with pool.connection() as connection:
            heads.bind(connection, keyring)
            self._standing = Standing(heads.serve(connection, keyring), Caches(remembered))

    @classmethod
    def open(cls, pool: Pool, key_file: Path, remembered: int = REMEMBERED) -> Vault:
        """Opens the vault with the ring in the key file; makes a ring only for a vault that was never used.

        Raises KeyFileMissing when the file of a vault in use is gone, and what the constructor raises.
        """
        try:
            return cls(pool, KeyRing.load(key_file), remembered)
        except KeyFileMissing:
            return cls(pool, _first_ring(pool, key_file), remembered)

    @property
    def generation(self) -> int:
        """The generation under which everything given out from memory was read."""
        return self._standing.head.generation

    def numbers(self, wanted: Iterable[Identifier]) -> dict[Identifier, int]:
        """The identifiers' numbers; those without one get one."""
        return self._interned(set(wanted), lambda caches: caches.numbers, identifiers.find, identifiers.mint)

    def find(self, identifier: Identifier) -> int | None:
        """The identifier's number, if it has one."""
        with self._pool.connection() as connection:
            standing = self._refreshed(connection)
            return identifiers.find(connection, self.keyring, standing.head, [identifier]).get(identifier)

    def values(self, numbers: Iterable[int]) -> dict[int, Identifier | None]:
        """The identifiers behind the numbers, None for a destroyed one. Raises UnknownNumber."""
        with self._pool.connection() as connection:
            return identifiers.values(connection, self.keyring, set(numbers))

    def subjects(self, wanted: Iterable[SubjectOf]) -> dict[SubjectOf, Subject]:
        """The subjects and their present keys; what has none gets one, also where the former key was destroyed."""
        return self._interned(set(wanted), lambda caches: caches.subjects, subjects.find, subjects.mint)

    def periods(self, wanted: Iterable[PeriodOf]) -> dict[PeriodOf, Period | None]:
        """The periods' keys; None for one that was destroyed, which never gets another."""
        return self._interned(set(wanted), lambda caches: caches.periods, periods.find, periods.mint)

    def subject_keys(self, ids: Iterable[int]) -> dict[int, bytes | None]:
        """The subject keys with these ids, None for a destroyed one. Raises UnknownKey."""
        return self._opened(SUBJECT_KEYS, set(ids))

    def period_keys(self, ids: Iterable[int]) -> dict[int, bytes | None]:
        """The period keys with these ids, None for a destroyed one. Raises UnknownKey."""
        return self._opened(PERIOD_KEYS, set(ids))

    def close(self, doomed: Doomed) -> int:
        """Has look-ups find these no more, though what they sealed can still be read; gives the generation from which
        that holds. Can be repeated. Raises UnknownKey and UnknownNumber."""
        with self._raised() as connection:
            keys.close(connection, SUBJECT_KEYS, doomed.subject_keys)
            keys.close(connection, PERIOD_KEYS, doomed.period_keys)
            identifiers.close(connection, doomed.numbers)
        return self.generation

    def destroy(self, doomed: Doomed) -> None:
        """Destroys them for ever. Not enough by itself: other processes go on using what they remember and store data
        that nobody can read, unless it is closed and the log's generation raised before, as `cdp.erasing` does."""
        with self._raised() as connection:
            for id in doomed.subject_keys:
                keys.destroy(connection, SUBJECT_KEYS, id)
            for id in doomed.period_keys:
                keys.destroy(connection, PERIOD_KEYS, id)
            for number in doomed.numbers:
                identifiers.destroy(connection, number)

    def destroy_subject_key(self, id: int) -> None:
        """Destroys the key: what was sealed with it is gone. Can be repeated. Raises UnknownKey. See `destroy`."""
        self.destroy(Doomed(subject_keys=[id]))

    def destroy_period_key(self, id: int) -> None:
        """Destroys the key: what was sealed with it is gone. Can be repeated. Raises UnknownKey. See `destroy`."""
        self.destroy(Doomed(period_keys=[id]))

    def destroy_number(self, number: int) -> None:
        """Destroys the identifier behind the number; its value gets a new one when seen again. Raises UnknownNumber.
        See `destroy`."""
        self.destroy(Doomed(numbers=[number]))

    def raise_generation(self) -> int:
        """Raises the generation, so that every process must resolve anew, and gives it."""
        with self._raised():
            pass
        return self.generation

    def refresh(self, generation: int) -> None:
        """Forgets what was read before this generation. Raises VaultBehind if the vault has not reached it."""
        with self._pool.connection() as connection:
            found = self._refreshed(connection).head.generation
        if found < generation:
            raise VaultBehind(found, generation)

    @contextmanager
    def _raised(self) -> Iterator[Db]:
        """A transaction that raises the generation first: mintings that run are awaited, and wait for nothing here."""
        with self._pool.connection() as connection:
            with connection.transaction():
                heads.raise_generation(connection)
                yield connection
            self._refreshed(connection)

    def _interned(
        self,
        wanted: set[K],
        cache_of: Callable[[Caches], Recent[K, V]],
        find: Callable[[Db, KeyRing, Head, set[K]], dict[K, V]],
        mint: Callable[[Db, KeyRing, Head, set[K]], dict[K, V]],
    ) -> dict[K, V]:
        """What is wanted, from memory, else from the database, else minted.

        Minting leaves out what another process minted first, and everything if the head has changed; then all starts
        again under the head as it is now.
        """
        for _ in range(ATTEMPTS):
            head, caches = self._standing
            cache = cache_of(caches)
            known = cache.pick(wanted)
            if len(known) == len(wanted):
                return known
            with self._pool.connection() as connection:
                read = find(connection, self.keyring, head, wanted - known.keys())
                if missing := wanted - known.keys() - read.keys():
                    read |= mint(connection, self.keyring, head, missing)
                cache.put(read)
                if len(known) + len(read) == len(wanted):
                    return known | read
                self._refreshed(connection)
        raise VaultUnsettled(len(wanted) - len(known))

    def _opened(self, table: KeyTable, ids: set[int]) -> dict[int, bytes | None]:
        with self._pool.connection() as connection:
            cache = self._refreshed(connection).caches.opened[table]
            known = cache.pick(ids)
            if len(known) < len(ids):
                read = keys.opened(connection, self.keyring, table, ids - known.keys())
                cache.put(read)
                known |= read
        return known

    def _refreshed(self, connection: Db) -> Standing:
        """The head as the database has it now; with empty caches if its generation was raised."""
        head = heads.serve(connection, self.keyring)
        with self._lock:
            held = self._standing
            if head.generation > held.head.generation:
                self._standing = Standing(head, Caches(self._remembered))
                sealing.forget()
                normalise.forget()
            elif head.generation == held.head.generation and head != held.head:
                self._standing = Standing(head, held.caches)
            return self._standing


def _first_ring(pool: Pool, key_file: Path) -> KeyRing:
    """The ring of a vault that was never used; of several processes that come at once the first makes it."""
    with pool.connection() as connection, connection.transaction():
        connection.execute("lock table vault_head in share row exclusive mode")
        if heads.find(connection) is not None:
            return KeyRing.load(key_file)
        ring = KeyRing.create(key_file)
        heads.bind(connection, ring)
        return ring
