"""A customer value pyramid: numbered versions of its definition, of which one is in force, and who decided it when."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Personal
from cdp.log.versioned import Activation, Version, Versioned

_NAMES = UUID("8f5b6f0e-2d61-5a0b-9f3b-6a1d0c7e94d5")


class Pyramid(Versioned):
    """Its id follows from its name. A version never changes; an older one can be activated again."""

    TOPIC: ClassVar[str] = "value_pyramid.v1"

    class Created(Versioned.Created):
        """A pyramid of this name was begun, with no version yet."""

        TOPIC: ClassVar[str] = "value_pyramid.created.v1"
        name: str

    class Drafted(Versioned.Event):
        """A version was written down: `content` is the definition as JSON."""

        TOPIC: ClassVar[str] = "value_pyramid.drafted.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        number: int
        content: str
        reason: str

    class Activated(Versioned.Event):
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

    @event(Drafted)
    def draft(self, number: int, content: str, actor: str, reason: str) -> None:
        """Writes a version down; `number` follows on the last."""
        self._keep(content, actor, reason)

    @event(Activated)
    def activate(self, number: int, actor: str, reason: str) -> None:
        """Puts a version in force."""
        self._put_in_force(number, actor, reason)
