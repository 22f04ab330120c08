"""From readings to events ready for the log: numbers and keys from the vault in bulk, then sealing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from cdp.identity.identifier import SELF, Identifier, Sighting
from cdp.ingest.reading import Reading
from cdp.log.events import NewEvent
from cdp.log.header import encode_header
from cdp.log.parts import pack
from cdp.log.sealing import encode_salted, new_salts, seal_blobs
from cdp.log.touchpoint import TOPIC, Header, Keys
from cdp.sources.connectors import segment
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


class _Resolved(NamedTuple):
    numbers: Mapping[Identifier, int]
    subjects: Mapping[SubjectOf, Subject]
    periods: Mapping[PeriodOf, Period | None]


class Preparer:
    """Makes log events of readings. The vault's rows are committed before the log's: an orphan there is harmless."""

    def __init__(self, vault: Vault, keyring: KeyRing) -> None:
        self._vault = vault
        self._keyring = keyring

    def prepare(self, readings: Sequence[tuple[Origin, Reading]]) -> list[NewEvent]:
        """The events in the order of the readings."""
        numbers = self._vault.numbers({each for _, reading in readings for _, each in reading.identifiers})
        owners = [_owner(reading, numbers) for _, reading in readings]
        months = [reading.effective_at.date().replace(day=1) for _, reading in readings]
        periods = {
            PeriodOf(reading.source.id, name, month)
            for (_, reading), month in zip(readings, months, strict=True)
            for name in reading.personal
        }
        resolved = _Resolved(numbers, self._vault.subjects(set(owners)), self._vault.periods(periods))
        salts = iter(new_salts(sum(1 + len(reading.personal) for _, reading in readings)))
        return [
            self._event(
                origin, reading, owner, month, resolved, [next(salts) for _ in range(1 + len(reading.personal))]
            )
            for (origin, reading), owner, month in zip(readings, owners, months, strict=True)
        ]

    def _event(
        self, origin: Origin, reading: Reading, owner: SubjectOf, month: date, resolved: _Resolved, salts: list[bytes]
    ) -> NewEvent:
        source = reading.source
        keyed_hash = self._keyring.keyed_hash
        fingerprint = keyed_hash("fingerprint", source.id.bytes, reading.canonical)[:HASH_BYTES]
        message_id = reading.message_id or f"derived:{fingerprint.hex()}"
        hashed = keyed_hash("message", source.id.bytes, message_id.encode(errors="surrogatepass"))
        event_id = hashed[HASH_BYTES:].hex()

        subject = resolved.subjects[owner]
        flags = list(reading.flags)
        periods: dict[str, Period] = {}
        for name in reading.personal:
            period = resolved.periods[PeriodOf(source.id, name, month)]
            if period is None:
                flags.append(f"withheld:{name}")
            else:
                periods[name] = period
        keys = Keys(subject.key_id, {name: period.id for name, period in periods.items()})
        plaintexts = {
            name: encode_salted(reading.personal[name], salt) for name, salt in zip(periods, salts, strict=False)
        }
        blobs = seal_blobs(plaintexts, event_id, keys, subject.key, {n: period.key for n, period in periods.items()})
        clocks = reading.clocks
        header = Header(
            id=event_id,
            source=source.id,
            connector=segment.NAME,
            connector_version=segment.VERSION,
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
                Sighting(role, each.type, each.namespace, resolved.numbers[each]) for role, each in reading.identifiers
            ),
            subject=subject.number,
            keys=keys,
            raw_digest=sha256(salts[0] + reading.raw).hexdigest(),
            flags=tuple(flags),
        )
        return NewEvent(
            source.stream,
            TOPIC,
            encode_header(header),
            self._business(reading, salts[-1]),
            pack(blobs),
            hashed[:HASH_BYTES],
            fingerprint,
        )

    def _business(self, reading: Reading, salt: bytes) -> bytes | None:
        tree = reading.business
        if reading.references:
            source = reading.source
            tree = tree | {
                "references": {
                    kind: self._keyring.keyed_hash(
                        "reference", kind.encode(), source.namespace(kind).encode(), value.encode()
                    )[:HASH_BYTES].hex()
                    for kind, value in reading.references.items()
                }
            }
        return encode_salted(tree, salt) if tree else None


def _owner(reading: Reading, numbers: Mapping[Identifier, int]) -> SubjectOf:
    own = {numbers[each] for role, each in reading.identifiers if role == SELF}
    return SubjectOf(tuple(sorted(own)), reading.source.id, reading.key_day)
