"""The vault's head: the ring that it belongs to, its generation, and the versions of keys that it uses now."""

from __future__ import annotations

from typing import Any, NamedTuple
from uuid import UUID

from psycopg import Connection
from psycopg_pool import ConnectionPool

from cdp.vault.keyfile import KeyFileError
from cdp.vault.keyring import KeyRing, OtherRing, VersionMissing

# Statements that look many values up by an index are executed with `prepare=False`: a plan made and kept while a table
# was small would read all of it for ever.
Db = Connection[tuple[Any, ...]]
Pool = ConnectionPool[Db]

CURRENT = """
head as (
    select 1
    from vault_head
    where generation = %(generation)s
        and master_version = %(master)s
        and pepper_version = %(pepper)s
        and previous_pepper is not distinct from %(previous)s::integer
    for share
)
"""
"""A common table expression with one row if the head is as the parameters say, and locked against change; else none."""


class VaultUnbound(RuntimeError):
    """The vault belongs to no key ring yet: open it with `Vault.open` before anything else."""


class WrongKeys(KeyFileError):
    """The key file names this vault's ring, but its keys are not those that the vault was made with."""

    def __init__(self, ring: KeyRing) -> None:
        super().__init__(
            f"{ring.path} names ring {ring.id}, but its purpose keys are not the ones that this vault was made with: "
            "the file was edited. Bring the true one back with `cdp key restore BACKUP`."
        )


class Head(NamedTuple):
    """The one row of `vault_head`; `previous` is the former pepper while a rotation is under way."""

    ring: UUID
    check: bytes
    generation: int
    master: int
    pepper: int
    previous: int | None

    @property
    def peppers(self) -> tuple[int, ...]:
        """The versions under which a look-up may be stored, the current one first."""
        return (self.pepper,) if self.previous is None else (self.pepper, self.previous)


def find(connection: Db) -> Head | None:
    """The head as it is now; None in a vault that was never used."""
    row = connection.execute(
        """
        select ring, ring_check, generation, master_version, pepper_version, previous_pepper
        from vault_head
        """
    ).fetchone()
    return Head(*row) if row else None


def read(connection: Db) -> Head:
    """The head of a vault that is in use."""
    head = find(connection)
    if head is None:
        raise VaultUnbound
    return head


def bind(connection: Db, ring: KeyRing) -> None:
    """Binds a vault that was never used to this ring."""
    connection.execute(
        """
        insert into vault_head (ring, ring_check, master_version, pepper_version)
        values (%(ring)s, %(check)s, %(master)s, %(pepper)s)
        on conflict do nothing
        """,
        {
            "ring": ring.id,
            "check": ring.check,
            "master": max(ring.contents.masters),
            "pepper": max(ring.contents.peppers),
        },
    )


def require(head: Head, ring: KeyRing) -> None:
    """Raises the reason why this ring cannot serve a vault with this head, if there is one."""
    if head.ring != ring.id:
        raise OtherRing(ring.path, ring.id, head.ring)
    if head.check != ring.check:
        raise WrongKeys(ring)
    ring.master(head.master)
    for version in head.peppers:
        ring.pepper(version)


def serve(connection: Db, ring: KeyRing) -> Head:
    """The head, with all keys that it names at hand in the ring."""
    head = read(connection)
    try:
        require(head, ring)
    except VersionMissing:  # the end of a rotation, which drops a version from the head and then from the file
        head = read(connection)
        require(head, ring)
    return head


def raise_generation(connection: Db) -> None:
    """Raises the generation; waits for every minting that runs, and those that follow must resolve anew."""
    connection.execute("update vault_head set generation = generation + 1")


def set_master(connection: Db, version: int) -> None:
    """From now on new keys are wrapped with this version of the master key."""
    connection.execute("update vault_head set master_version = %(version)s", {"version": version})


def set_peppers(connection: Db, version: int, previous: int | None) -> None:
    """From now on new look-ups use this pepper, and old ones may still use the previous one."""
    connection.execute(
        "update vault_head set pepper_version = %(version)s, previous_pepper = %(previous)s",
        {"version": version, "previous": previous},
    )
