"""A rule book: numbered versions of rules of one kind, of which one is in force, and who decided it when and why."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Personal
from cdp.log.versioned import Activation, Version, Versioned

IDENTITY, SURVIVORSHIP = "identity", "survivorship"
KINDS = (IDENTITY, SURVIVORSHIP)
_KINDS = UUID("3f7a1f64-6a0e-5d0c-9c57-0f4a54b6d6b2")


class RuleBook(Versioned):
    """One for each kind of rules; its id follows from the kind. A version never changes; an older one can come back."""

    TOPIC: ClassVar[str] = "rule_book.v1"

    class Created(Versioned.Created):
        """Rules of this kind are decided here from now on, with no version yet: the built-in ones hold."""

        TOPIC: ClassVar[str] = "rule_book.created.v1"
        kind: str

    class Drafted(Versioned.Event):
        """A version was written down: `content` is the rules as JSON."""

        TOPIC: ClassVar[str] = "rule_book.drafted.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        kind: str
        number: int
        content: str
        reason: str

    class Activated(Versioned.Event):
        """A version is in force from now on; 0 stands for the built-in rules."""

        TOPIC: ClassVar[str] = "rule_book.activated.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        kind: str
        number: int
        reason: str

    @staticmethod
    def create_id(kind: str) -> UUID:
        """The id of the book of this kind."""
        return uuid5(_KINDS, kind)

    @event(Created)
    def __init__(self, kind: str, actor: str) -> None:
        self.kind = kind
        self.versions: tuple[Version, ...] = ()
        self.activations: tuple[Activation, ...] = ()

    @event(Drafted)
    def draft(self, kind: str, number: int, content: str, actor: str, reason: str) -> None:
        """Writes a version down; `number` follows on the last."""
        self._keep(content, actor, reason)

    @event(Activated)
    def activate(self, kind: str, number: int, actor: str, reason: str) -> None:
        """Puts a version in force, or with 0 the built-in rules."""
        self._put_in_force(number, actor, reason)
