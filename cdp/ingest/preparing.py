"""From readings to events ready for the log: numbers and keys from the vault in bulk, then sealing."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from cdp.identity.identifier import SELF, Identifier, Sighting
from cdp.identity.normalise import LONGEST
from cdp.ingest.reading import Reading
from cdp.log.events import NewEvent
from cdp.log.header import encode_header
from cdp.log.parts import pack
from cdp.log.sealing import encode_salted, new_salts, seal_blobs
from cdp.log.touchpoint import TOPIC, Header, Keys
from cdp.vault.keyring import KeyRing
from cdp.vault.periods import Period, PeriodOf
from cdp.vault.subjects import Subject, SubjectOf
from cdp.vault.vault import Vault

HASH_BYTES = 16


class Origin(NamedTuple):
    """Where a reading came from: its delivery, its place there, and the credential that let it in."""

    delivery_id: UUID
    item: int
    credential_id: str


class Resolved(NamedTuple):
    """What the vault said for one reading."""

    numbers: Mapping[Identifier, int]
    subject: Subject
    periods: Mapping[str, Period | None]


class Preparer:
    """Makes log events of readings. The vault's rows are committed before the log's: an orphan there is harmless."""

    def __init__(self, vault: Vault, keyring: KeyRing) -> None:
        self._vault = vault
        self._hash = keyring.keyed_hash

    def resolve(self, readings: Sequence[Reading]) -> list[Resolved]:
        """What the vault says for each reading; asked for all of them at once."""
        numbers = self._vault.numbers({each for reading in readings for _, each in reading.identifiers})
        owners = [_owner(reading, numbers) for reading in readings]
        subjects = self._vault.subjects(owners)
        periods = self._periods(readings)
        return [Resolved(numbers, subjects[owner], period) for owner, period in zip(owners, periods, strict=True)]

    def seal(self, readings: Sequence[tuple[Origin, Reading]], resolved: Sequence[Resolved]) -> list[NewEvent]:
        """The events in the order of the readings."""
        return [self._event(origin, reading, each) for (origin, reading), each in zip(readings, resolved, strict=True)]

    def _periods(self, readings: Sequence[Reading]) -> list[Mapping[str, Period | None]]:
        """For each reading its period keys by field class; looked up once for each source and month."""
        months = [(id(reading.source), reading.effective_at.year, reading.effective_at.month) for reading in readings]
        sources = {id(reading.source): reading.source.id for reading in readings}
        classes: dict[tuple[int, int, int], set[str]] = {}
        for month, reading in zip(months, readings, strict=True):
            classes.setdefault(month, set()).update(reading.personal)
        wanted = {
            (month, name): PeriodOf(sources[month[0]], name, date(month[1], month[2], 1))
            for month, names in classes.items()
            for name in names
        }
        found = self._vault.periods(wanted.values())
        by_month: dict[tuple[int, int, int], dict[str, Period | None]] = {month: {} for month in classes}
        for (month, name), period in wanted.items():
            by_month[month][name] = found[period]
        return [by_month[month] for month in months]

    def _event(self, origin: Origin, reading: Reading, resolved: Resolved) -> NewEvent:
        source = reading.source
        fingerprint = self._hash("fingerprint", source.id.bytes, reading.canonical)[:HASH_BYTES]
        message_id = reading.message_id or f"derived:{fingerprint.hex()}"
        hashed = self._hash("message", source.id.bytes, message_id.encode())
        event_id = hashed[HASH_BYTES:].hex()
        salt, business_salt = new_salts(2)

        flags = reading.flags
        usable = {name: period for name in reading.personal if (period := resolved.periods[name]) is not None}
        if len(usable) < len(reading.personal):
            flags += tuple(f"withheld:{name}" for name in reading.personal if name not in usable)
        keys = Keys(resolved.subject.key_id, {name: period.id for name, period in usable.items()})
        blobs = seal_blobs(
            {name: encode_salted(reading.personal[name], salt) for name in usable},
            event_id,
            keys,
            resolved.subject.key,
            {name: period.key for name, period in usable.items()},
        )
        clocks = reading.clocks
        numbers = resolved.numbers
        header = Header(
            id=event_id,
            source=source.id,
            connector=reading.connector.name,
            connector_version=reading.connector.version,
            credential=origin.credential_id,
            delivery=origin.delivery_id,
            item=origin.item,
            message=hashed[:HASH_BYTES].hex(),
            type=reading.type,
            name=reading.name,
            channel=source.channel,
            brand=source.brand,
            occurred_at=clocks.occurred_at,
            sent_at=clocks.sent_at,
            received_at=clocks.received_at,
            identifiers=tuple(
                [Sighting(role, each.type, each.namespace, numbers[each]) for role, each in reading.identifiers]
            ),
            subject=resolved.subject.number,
            keys=keys,
            raw_digest=sha256(salt + reading.raw).hexdigest(),
            plan=reading.plan,
            flags=flags,
        )
        return NewEvent(
            source.stream,
            TOPIC,
            encode_header(header),
            self._business(reading, business_salt),
            pack(blobs),
            hashed[:HASH_BYTES],
            fingerprint,
        )

    def _business(self, reading: Reading, salt: bytes) -> bytes | None:
        tree = reading.business
        if reading.references:
            tree = tree | {"references": self._references(reading)}
        return encode_salted(tree, salt) if tree else None

    def _references(self, reading: Reading) -> dict[str, str]:
        """External ids as keyed hashes of (kind, namespace, value): they join a refund to its order."""
        return {
            kind: self._hash("reference", kind.encode(), reading.source.namespace(kind).encode(), _compared(value))[
                :HASH_BYTES
            ].hex()
            for kind, value in reading.references.items()
        }


def _compared(reference: str) -> bytes:
    """An external id as it is compared, within a length for which normalising is cheap."""
    return (unicodedata.normalize("NFC", reference).strip() if len(reference) <= LONGEST else reference).encode()


def _owner(reading: Reading, numbers: Mapping[Identifier, int]) -> SubjectOf:
    own = {numbers[each] for role, each in reading.identifiers if role == SELF}
    return SubjectOf(tuple(sorted(own)), reading.source.id, reading.key_day)
