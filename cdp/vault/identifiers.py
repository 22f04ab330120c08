"""Identifiers and their numbers: rows of the table `identifier`."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cdp.identity.identifier import Identifier
from cdp.identity.normalise import VERSION as NORMALISER
from cdp.postgres.arrays import Bigints
from cdp.vault.head import CURRENT, Db, Head
from cdp.vault.keyring import KeyRing
from cdp.vault.mac import framed
from cdp.vault.wrapping import IDENTIFIER, IDENTIFIER_VALUE, fresh_keys, fresh_numbers, unwrap, wrap

_FIND = """
select lookup, number
from identifier
where lookup = any(%(lookups)b)
"""
_MINT = f"""
with {CURRENT}
insert into identifier (
    number, lookup, pepper_version, type, namespace, normaliser, master_version, wrapped, sealed
)
select number, lookup, %(pepper)s, type, namespace, %(normaliser)s, %(master)s, wrapped, sealed
from head, unnest(
    %(numbers)b::bigint[], %(lookups)b::bytea[], %(types)b::text[], %(namespaces)b::text[],
    %(wrapped)b::bytea[], %(sealed)b::bytea[]
) as minted (number, lookup, type, namespace, wrapped, sealed)
order by lookup
on conflict do nothing
returning number
"""
"""Ordered, so that two mintings of the same identifiers wait for each other instead of deadlocking."""

_VALUES = """
select number, type, namespace, master_version, wrapped, sealed
from identifier
where number = any(%(numbers)s)
"""
_DESTROY = """
update identifier
set lookup = null, wrapped = null, sealed = null, destroyed_at = now()
where number = %(number)s
    and destroyed_at is null
"""
_CLOSE = """
update identifier
set lookup = null
where number = any(%(numbers)s)
returning number
"""

Row = tuple[int, str, str, int, bytes | None, bytes | None]


class UnknownNumber(LookupError):
    """The vault never gave out this number."""

    def __init__(self, numbers: Collection[int]) -> None:
        super().__init__(
            f"identifier numbers {sorted(numbers)[:5]} ({len(numbers)} in all) are not in the vault; destroyed ones "
            "would be. Check that vault and log are of one backup: the vault may be at an earlier state."
        )


def lookups(ring: KeyRing, pepper: int, wanted: Iterable[Identifier], normaliser: int = NORMALISER) -> list[bytes]:
    """The keyed hashes under which the identifiers are found."""
    mac, version = ring.pepper(pepper), normaliser.to_bytes(4, "big")
    return [
        mac(framed((type_.encode(), namespace.encode(), version, value.encode()))) for type_, namespace, value in wanted
    ]


def find(connection: Db, ring: KeyRing, head: Head, wanted: Collection[Identifier]) -> dict[Identifier, int]:
    """The numbers of those identifiers that have one."""
    named: dict[bytes, Identifier] = {}
    for pepper in head.peppers:
        named.update(zip(lookups(ring, pepper, wanted), wanted, strict=True))
    rows = connection.execute(_FIND, {"lookups": list(named)}, prepare=False, binary=True)
    return {named[found]: number for found, number in rows}


def mint(connection: Db, ring: KeyRing, head: Head, missing: Collection[Identifier]) -> dict[Identifier, int]:
    """New numbers for these identifiers; without those that another process numbered first.

    Gives nothing at all if the head is no longer as the caller knows it.
    """
    numbers, keys = fresh_numbers(len(missing)), fresh_keys(len(missing))
    master = ring.master(head.master)
    parameters = head._asdict() | {
        "normaliser": NORMALISER,
        "numbers": numbers,
        "lookups": lookups(ring, head.pepper, missing),
        "types": [identifier.type for identifier in missing],
        "namespaces": [identifier.namespace for identifier in missing],
        "wrapped": [wrap(master, IDENTIFIER, number, key) for number, key in zip(numbers, keys, strict=True)],
        "sealed": [
            wrap(AESGCM(key), IDENTIFIER_VALUE, number, identifier.value.encode())
            for identifier, number, key in zip(missing, numbers, keys, strict=True)
        ],
    }
    minted = dict(zip(numbers, missing, strict=True))
    rows = connection.execute(_MINT, parameters, binary=True)
    return {minted[number]: number for (number,) in rows}


def values(connection: Db, ring: KeyRing, numbers: Collection[int]) -> dict[int, Identifier | None]:
    """The identifiers behind the numbers, None for a destroyed one. Raises UnknownNumber."""
    rows: list[Row] = connection.execute(_VALUES, {"numbers": Bigints(numbers)}, prepare=False, binary=True).fetchall()
    opened = {row[0]: opened_value(ring, row) for row in rows}
    if unknown := set(numbers) - opened.keys():
        raise UnknownNumber(unknown)
    return opened


def opened_value(ring: KeyRing, row: Row) -> Identifier | None:
    """The identifier that a row keeps, None if it was destroyed."""
    number, type_, namespace, version, wrapped, sealed = row
    if wrapped is None or sealed is None:
        return None
    key = unwrap(ring.master(version), IDENTIFIER, number, wrapped)
    return Identifier(type_, namespace, unwrap(AESGCM(key), IDENTIFIER_VALUE, number, sealed).decode())


def close(connection: Db, numbers: Collection[int]) -> None:
    """Has look-ups find these numbers no more: their values get others when seen again. Can be repeated."""
    found = {number for (number,) in connection.execute(_CLOSE, {"numbers": list(numbers)})}
    if unknown := set(numbers) - found:
        raise UnknownNumber(unknown)


def destroy(connection: Db, number: int) -> None:
    """Removes the value, its key and its look-up for ever; the row stays as a tombstone. Can be repeated."""
    if connection.execute(_DESTROY, {"number": number}).rowcount == 0:
        found = connection.execute("select 1 from identifier where number = %(number)s", {"number": number})
        if found.fetchone() is None:
            raise UnknownNumber([number])
