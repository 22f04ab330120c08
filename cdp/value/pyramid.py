"""A customer value pyramid: numbered versions of its definition, of which one is in force, and who decided it when."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Accountable, Personal

_NAMES = UUID("8f5b6f0e-2d61-5a0b-9f3b-6a1d0c7e94d5")


class Said(NamedTuple):
    """Who decided something, when and why; who and why are None once they were erased."""

    at: datetime
    actor: str | None
    reason: str | None


class Version(NamedTuple):
    """A version: what it says, as JSON, and who drafted it."""

    content: str
    drafted: Said


class Activation(NamedTuple):
    """From when on the version of this number was in force."""

    number: int
    said: Said


class Pyramid(Accountable):
    """Its id follows from its name. A version never changes; an older one can be activated again."""

    TOPIC: ClassVar[str] = "value_pyramid.v1"

    class Created(Accountable.Created):
        """A pyramid of this name was begun, with no version yet."""

        TOPIC: ClassVar[str] = "value_pyramid.created.v1"
        name: str

    class Drafted(Accountable.Event):
        """A version was written down: `content` is the definition as JSON."""

        TOPIC: ClassVar[str] = "value_pyramid.drafted.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        number: int
        content: str
        reason: str

    class Activated(Accountable.Event):
        """A version is the one that figures are made by from now on, unless a question names another."""

        TOPIC: ClassVar[str] = "value_pyramid.activated.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        number: int
        reason: str

    @staticmethod
    def create_id(name: str) -> UUID:
        """The id of the pyramid of this name."""
        return uuid5(_NAMES, name)

    @event(Created)
    def __init__(self, name: str, actor: str) -> None:
        self.name = name
        self.versions: tuple[Version, ...] = ()
        self.activations: tuple[Activation, ...] = ()

    @property
    def latest(self) -> int:
        """The number of the last version, 0 where there is none."""
        return len(self.versions)

    @property
    def active(self) -> int:
        """The number of the version in force, 0 where none is yet."""
        return self.activations[-1].number if self.activations else 0

    @event(Drafted)
    def draft(self, number: int, content: str, actor: str, reason: str) -> None:
        """Writes a version down; `number` follows on the last."""
        self.versions = (*self.versions, Version(content, Said(self.modified_on, actor, reason)))

    @event(Activated)
    def activate(self, number: int, actor: str, reason: str) -> None:
        """Puts a version in force."""
        self.activations = (*self.activations, Activation(number, Said(self.modified_on, actor, reason)))
