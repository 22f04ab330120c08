"""Subjects, which are sets of identifier numbers, and the keys of subjects and of sources' days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from hashlib import sha256
from struct import pack
from typing import NamedTuple
from uuid import UUID

from cdp.vault.head import CURRENT, Db, Head
from cdp.vault.keyring import KeyRing
from cdp.vault.wrapping import SUBJECT_KEY, fresh_keys, fresh_numbers, unwrap, wrap


class SubjectOf(NamedTuple):
    """Whose key is wanted: the subject of these numbers, sorted; without numbers, the source's day.

    `day` is set only where the key is one per day: for subjects of shareable identifiers, and always without numbers.
    """

    numbers: tuple[int, ...]
    source: UUID
    day: date | None


class Subject(NamedTuple):
    """A subject's number (None for a source's day), and the key that its touchpoints use now."""

    number: int | None
    key_id: int
    key: bytes


class Slot(NamedTuple):
    """What there is one living key of: a subject or a source, always or on one day; and its digest."""

    digest: bytes
    members: bytes | None
    numbers: tuple[int, ...]
    source: UUID | None
    day: date | None


DIGEST_BYTES = 16

_FIND = """
select slot, subject, id, master_version, wrapped
from subject_key
where slot = any(%(slots)b)
"""
_MINT_SUBJECTS = f"""
with {CURRENT},
minted as (
    insert into subject (number, members)
    select number, members
    from head, unnest(%(numbers)b::bigint[], %(members)b::bytea[]) as wanted (number, members)
    order by members
    on conflict do nothing
    returning number
)
insert into subject_member (subject, identifier)
select subject, identifier
from unnest(%(subjects)b::bigint[], %(identifiers)b::bigint[]) as pair (subject, identifier)
join minted on number = subject
"""
_SUBJECTS = """
select members, number
from subject
where members = any(%(members)b)
"""
_MINT_KEYS = f"""
with {CURRENT}
insert into subject_key (id, slot, subject, source, day, master_version, wrapped)
select id, slot, subject, source, day, %(master)s, wrapped
from head, unnest(
    %(ids)b::bigint[], %(slots)b::bytea[], %(subjects)b::bigint[], %(sources)b::uuid[], %(days)b::date[],
    %(wrapped)b::bytea[]
) as wanted (id, slot, subject, source, day, wrapped)
order by slot
on conflict do nothing
returning id
"""


def slot_of(wanted: SubjectOf) -> Slot:
    """The slot of what is wanted. Raises ValueError for numbers that are not sorted, and for no number and no day."""
    numbers, source, day = wanted
    on_day = 0 if day is None else day.toordinal()
    if numbers:
        if list(numbers) != sorted(set(numbers)):
            raise ValueError(f"a subject's numbers are sorted and distinct, not {numbers}")
        members = _digest(b"subject", *numbers)
        return Slot(_digest(members, on_day), members, numbers, None, day)
    if day is None:
        raise ValueError(f"no identifier and no day for source {source}: such a key is one per day, give the day")
    return Slot(_digest(source.bytes, on_day), None, (), source, day)


def _digest(of: bytes, *numbers: int) -> bytes:
    return sha256(of + pack(f">{len(numbers)}q", *numbers)).digest()[:DIGEST_BYTES]


def find(connection: Db, ring: KeyRing, _: Head, wanted: Iterable[SubjectOf]) -> dict[SubjectOf, Subject]:
    """The subjects, with their living key, of those that have both."""
    slots = {one: slot_of(one).digest for one in wanted}
    rows = connection.execute(_FIND, {"slots": list(set(slots.values()))}, prepare=False, binary=True)
    found = {
        slot: Subject(number, id, unwrap(ring.master(version), SUBJECT_KEY, id, wrapped))
        for slot, number, id, version, wrapped in rows
    }
    return {one: found[slot] for one, slot in slots.items() if slot in found}


def mint(connection: Db, ring: KeyRing, head: Head, missing: Iterable[SubjectOf]) -> dict[SubjectOf, Subject]:
    """New subjects and keys; without those that another process minted first.

    Gives nothing at all if the head is no longer as the caller knows it.
    """
    slots = {one: slot_of(one) for one in missing}
    with connection.transaction():
        sets = {slot.members: slot.numbers for slot in slots.values() if slot.members is not None}
        subjects = _interned(connection, head, sets)
        distinct = {slot.digest: slot for slot in slots.values() if slot.members is None or slot.members in subjects}
        minted = _minted_keys(connection, ring, head, list(distinct.values()), subjects)
    return {one: minted[slot.digest] for one, slot in slots.items() if slot.digest in minted}


def _interned(connection: Db, head: Head, sets: dict[bytes, tuple[int, ...]]) -> dict[bytes, int]:
    """The subjects' numbers, by the digest of their members; those without one get one."""
    if not sets:
        return {}
    numbers = fresh_numbers(len(sets))
    pairs = [(number, member) for number, members in zip(numbers, sets.values(), strict=True) for member in members]
    parameters = head._asdict() | {
        "numbers": numbers,
        "members": list(sets),
        "subjects": [number for number, _ in pairs],
        "identifiers": [member for _, member in pairs],
    }
    connection.execute(_MINT_SUBJECTS, parameters)
    return dict(connection.execute(_SUBJECTS, {"members": list(sets)}, prepare=False, binary=True).fetchall())


def _minted_keys(
    connection: Db, ring: KeyRing, head: Head, slots: list[Slot], numbers: dict[bytes, int]
) -> dict[bytes, Subject]:
    """The keys that were minted, by the digest of their slot."""
    ids, keys = fresh_numbers(len(slots)), fresh_keys(len(slots))
    subjects = [None if slot.members is None else numbers[slot.members] for slot in slots]
    master = ring.master(head.master)
    parameters = head._asdict() | {
        "ids": ids,
        "slots": [slot.digest for slot in slots],
        "subjects": subjects,
        "sources": [slot.source for slot in slots],
        "days": [slot.day for slot in slots],
        "wrapped": [wrap(master, SUBJECT_KEY, id, key) for id, key in zip(ids, keys, strict=True)],
    }
    made = {
        id: (slot.digest, Subject(number, id, key))
        for slot, number, id, key in zip(slots, subjects, ids, keys, strict=True)
    }
    return dict(made[id] for (id,) in connection.execute(_MINT_KEYS, parameters, binary=True))
