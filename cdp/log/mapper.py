"""Domain events to stored events and back, with the personal fields of aggregates' events encrypted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, cast
from uuid import UUID, uuid5

import msgspec
from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, StoredEvent, Transcoder
from eventsourcing.utils import register_topic, resolve_topic

from cdp.log.events import PartedEvent
from cdp.log.header import decode_header, encode_header
from cdp.log.parts import pack, unpack
from cdp.log.sealing import associated_data, decode_salted, encode_salted, new_salts, seal_blobs, unseal_blob
from cdp.log.touchpoint import CONTENT, TOPIC, Header, Keys
from cdp.vault.periods import PeriodOf
from cdp.vault.subjects import SubjectOf
from cdp.vault.vault import Vault

OWN_EVENTS = "events"
"""With a stream's id, the owner of the keys of its own events' personal fields. They are apart from those of the
touchpoints of a source with that id: when its customers' data goes, who set it up is still known."""

_KEYS = "keys"

_encode = msgspec.json.Encoder(decimal_format="number").encode


@dataclass(frozen=True)
class TouchpointRecorded:
    """A touchpoint as a domain event: a fact with no aggregate behind it. The parts are as stored."""

    TOPIC: ClassVar[str] = TOPIC

    originator_id: UUID
    originator_version: int
    header: Header
    business: bytes | None
    personal: bytes | None


class PartsMapper(Mapper[UUID]):
    """Touchpoints keep their three parts. Of an aggregate's event the header is its JSON; the fields that its class
    names in `PERSONAL` are sealed under a key of the event's stream and day, and read as None once that is gone."""

    def __init__(self, transcoder: Transcoder, vault: Vault) -> None:
        super().__init__(transcoder)
        self._vault = vault

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Encodes an event; an aggregate's personal fields leave the header."""
        if isinstance(domain_event, TouchpointRecorded):
            header = encode_header(domain_event.header)
            place = (domain_event.originator_id, domain_event.originator_version, TOPIC)
            return PartedEvent(*place, header, domain_event.business, domain_event.personal)
        stored = super().to_stored_event(domain_event)
        names = getattr(type(domain_event), "PERSONAL", ())
        if not names:
            return stored
        return self._sealed(stored, names, cast(Any, domain_event).timestamp)

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[UUID]:
        """Decodes an event, lifted by its class's upcasters to the present version."""
        if stored_event.topic == TOPIC:
            parts = stored_event if isinstance(stored_event, PartedEvent) else None
            return TouchpointRecorded(
                _id(stored_event),
                stored_event.originator_version,
                decode_header(stored_event.state),
                parts.business if parts else None,
                parts.personal if parts else None,
            )
        if isinstance(stored_event, PartedEvent):
            stored_event = self._opened(stored_event)
        return super().to_domain_event(stored_event)

    def _sealed(self, stored: StoredEvent, names: Iterable[str], when: datetime) -> PartedEvent:
        """The fields go into the sealed part as the transcoder wrote them, so that it can read them again."""
        state = msgspec.json.decode(stored.state)
        personal = {name: state.pop(name) for name in names}
        self._vault.refresh(self._vault.generation)
        owner = uuid5(_id(stored), OWN_EVENTS)
        day = SubjectOf((), owner, when.date())
        month = PeriodOf(owner, CONTENT, when.date().replace(day=1))
        subject, period = self._vault.subjects([day])[day], self._vault.periods([month])[month]
        if period is None:
            personal, keys, period_keys = {}, Keys(subject.key_id, {}), {}
        else:
            keys, period_keys = Keys(subject.key_id, {CONTENT: period.id}), {CONTENT: period.key}
        state[_KEYS] = msgspec.to_builtins(keys)
        plaintexts = {CONTENT: encode_salted(personal, new_salts(1)[0])} if personal else {}
        blobs = seal_blobs(plaintexts, _event_id(stored), keys, subject.key, period_keys)
        return PartedEvent(
            stored.originator_id,
            stored.originator_version,
            stored.topic,
            _encode(state),
            personal=pack(blobs),
        )

    def _opened(self, stored: PartedEvent) -> StoredEvent:
        state = msgspec.json.decode(stored.state)
        keys = msgspec.convert(state.pop(_KEYS), Keys)
        state |= dict.fromkeys(getattr(resolve_topic(stored.topic), "PERSONAL", ()))
        subject = self._vault.subject_keys([keys.subject])[keys.subject]
        found = self._vault.period_keys(keys.period.values())
        periods = {name: key for name, number in keys.period.items() if (key := found[number]) is not None}
        for name, blob in unpack(stored.personal).items():
            if subject is not None and name in periods and name not in stored.redacted:
                bound = associated_data(_event_id(stored), keys)
                state |= decode_salted(unseal_blob(name, blob, bound, subject, periods))
        return StoredEvent(stored.originator_id, stored.originator_version, stored.topic, _encode(state))


def _id(stored: StoredEvent) -> UUID:
    return cast(UUID, stored.originator_id)


def _event_id(stored: StoredEvent) -> str:
    return f"{stored.originator_id}:{stored.originator_version}"


register_topic(TOPIC, TouchpointRecorded)
