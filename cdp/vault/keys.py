"""Keys by their id, as the log's events name them, and their destruction."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from cdp.postgres.arrays import Bigints
from cdp.vault.head import Db
from cdp.vault.keyring import KeyRing
from cdp.vault.wrapping import PERIOD_KEY, SUBJECT_KEY, unwrap


class UnknownKey(LookupError):
    """The vault never gave out a key with this id."""

    def __init__(self, table: str, ids: Collection[int]) -> None:
        super().__init__(
            f"{table} {sorted(ids)[:5]} ({len(ids)} in all) are not in the vault; destroyed ones would be. Check that "
            "vault and log are of one backup: the vault may have been restored to an earlier state."
        )


class KeyTable(NamedTuple):
    """A table of keys, with the statements on it."""

    name: str
    place: bytes
    read: str
    close: str
    destroy: str


SUBJECT_KEYS = KeyTable(
    name="subject_key",
    place=SUBJECT_KEY,
    read="""
    select id, master_version, wrapped
    from subject_key
    where id = any(%(ids)s)
    """,
    close="""
    update subject_key
    set slot = null
    where id = any(%(ids)s)
    returning id
    """,
    destroy="""
    update subject_key
    set slot = null, wrapped = null, destroyed_at = now()
    where id = %(id)s
        and destroyed_at is null
    """,
)
PERIOD_KEYS = KeyTable(
    name="period_key",
    place=PERIOD_KEY,
    read="""
    select id, master_version, wrapped
    from period_key
    where id = any(%(ids)s)
    """,
    close="""
    update period_key
    set closing = true
    where id = any(%(ids)s)
    returning id
    """,
    destroy="""
    update period_key
    set wrapped = null, destroyed_at = now()
    where id = %(id)s
        and destroyed_at is null
    """,
)


def opened(connection: Db, ring: KeyRing, table: KeyTable, ids: Collection[int]) -> dict[int, bytes | None]:
    """The keys, None for a destroyed one. Raises UnknownKey."""
    rows = connection.execute(table.read, {"ids": Bigints(ids)}, prepare=False, binary=True)
    keys = {
        id: None if wrapped is None else unwrap(ring.master(version), table.place, id, wrapped)
        for id, version, wrapped in rows
    }
    if unknown := set(ids) - keys.keys():
        raise UnknownKey(table.name, unknown)
    return keys


def close(connection: Db, table: KeyTable, ids: Collection[int]) -> None:
    """Has look-ups find these keys no more; what they sealed can still be read. Can be repeated. Raises UnknownKey."""
    found = {id for (id,) in connection.execute(table.close, {"ids": list(ids)})}
    if unknown := set(ids) - found:
        raise UnknownKey(table.name, unknown)


def destroy(connection: Db, table: KeyTable, id: int) -> None:
    """Removes the key for ever; the row stays as a tombstone. Can be repeated. Raises UnknownKey."""
    if connection.execute(table.destroy, {"id": id}).rowcount == 0:
        known = connection.execute(table.read, {"ids": Bigints([id])}).fetchone()
        if known is None:
            raise UnknownKey(table.name, [id])
