"""A source: where touchpoints come from, with which credential, and how far it is trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.identity.identifier import GLOBAL
from cdp.log.accountable import Accountable
from cdp.source_id import source_id

CHANNELS = (
    "web",
    "mobile",
    "email",
    "sms",
    "social",
    "chat",
    "forum",
    "call_center",
    "loyalty",
    "store",
    "marketplace",
    "survey",
    "support",
    "crm",
)
TRUST = ("server", "public")
_GLOBAL_TYPES = frozenset({"email", "phone"})


@lru_cache(maxsize=4096)
def _stream(source_id: UUID) -> UUID:
    return uuid5(source_id, "touchpoints")


@dataclass(frozen=True)
class WriteKey:
    """A write key by its hash; `valid_until` is set once another has taken its place."""

    credential_id: str
    digest: str
    valid_until: datetime | None = None

    def valid_at(self, now: datetime) -> bool:
        """Whether the key may still be used."""
        return self.valid_until is None or now < self.valid_until


class Source(Accountable):
    """Its id follows from its name, so that a name cannot be given twice."""

    TOPIC: ClassVar[str] = "source.v1"

    class Created(Accountable.Created):
        """A source was set up."""

        TOPIC: ClassVar[str] = "source.created.v1"
        name: str
        channel: str
        brand: str | None
        trust: str
        namespaces: dict[str, str]
        credential_id: str
        key_digest: str

    class WriteKeyRotated(Accountable.Event):
        """A new write key took the place of the old, which is valid until a set time."""

        TOPIC: ClassVar[str] = "source.write_key_rotated.v1"
        credential_id: str
        key_digest: str
        old_valid_until: datetime

    class Disabled(Accountable.Event):
        """Nothing is accepted from the source any more."""

        TOPIC: ClassVar[str] = "source.disabled.v1"

    @staticmethod
    def create_id(name: str) -> UUID:
        """The id of the source with this name."""
        return source_id(name)

    @event(Created)
    def __init__(
        self,
        name: str,
        channel: str,
        brand: str | None,
        trust: str,
        namespaces: dict[str, str],
        credential_id: str,
        key_digest: str,
        actor: str,
    ) -> None:
        self.name = name
        self.channel = channel
        self.brand = brand
        self.trust = trust
        self.namespaces: Mapping[str, str] = namespaces
        self.keys: tuple[WriteKey, ...] = (WriteKey(credential_id, key_digest),)
        self.created_by = actor
        self.disabled = False

    @event(WriteKeyRotated)
    def rotate_key(self, credential_id: str, key_digest: str, old_valid_until: datetime, actor: str) -> None:
        """Puts a new write key in place; keys before it end at `old_valid_until` at the latest."""
        earlier = tuple(
            WriteKey(key.credential_id, key.digest, min(key.valid_until or old_valid_until, old_valid_until))
            for key in self.keys
        )
        self.keys = (*earlier, WriteKey(credential_id, key_digest))

    @event(Disabled)
    def disable(self, actor: str) -> None:
        """Ends the source: its write keys are refused."""
        self.disabled = True

    @property
    def stream(self) -> UUID:
        """The stream of the source's touchpoints, whose versions count them without a gap."""
        return _stream(self.id)

    def namespace(self, identifier_type: str) -> str:
        """Where identifiers of this type mean the same: global, as declared, or this source alone."""
        if identifier_type in _GLOBAL_TYPES:
            return GLOBAL
        return self.namespaces.get(identifier_type, self.name)
