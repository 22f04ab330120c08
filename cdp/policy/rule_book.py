"""A rule book: numbered versions of rules of one kind, of which one is in force, and who decided it when and why."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar, NamedTuple
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Accountable, Personal

IDENTITY, SURVIVORSHIP = "identity", "survivorship"
KINDS = (IDENTITY, SURVIVORSHIP)
_KINDS = UUID("3f7a1f64-6a0e-5d0c-9c57-0f4a54b6d6b2")


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
    """From when on the version of this number was in force; 0 stands for the built-in rules."""

    number: int
    said: Said


class RuleBook(Accountable):
    """One for each kind of rules; its id follows from the kind. A version never changes; an older one can come back."""

    TOPIC: ClassVar[str] = "rule_book.v1"

    class Created(Accountable.Created):
        """Rules of this kind are decided here from now on, with no version yet: the built-in ones hold."""

        TOPIC: ClassVar[str] = "rule_book.created.v1"
        kind: str

    class Drafted(Accountable.Event):
        """A version was written down: `content` is the rules as JSON."""

        TOPIC: ClassVar[str] = "rule_book.drafted.v1"
        PERSONAL: ClassVar[Personal] = ("actor", "reason")
        kind: str
        number: int
        content: str
        reason: str

    class Activated(Accountable.Event):
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

    @property
    def active(self) -> int:
        """The number of the version in force, 0 for the built-in rules."""
        return self.activations[-1].number if self.activations else 0

    @property
    def latest(self) -> int:
        """The number of the last version, 0 where there is none."""
        return len(self.versions)

    def content(self, number: int) -> str:
        """What the version of this number says, as JSON."""
        return self.versions[number - 1].content

    @event(Drafted)
    def draft(self, kind: str, number: int, content: str, actor: str, reason: str) -> None:
        """Writes a version down; `number` follows on the last."""
        self.versions = (*self.versions, Version(content, Said(self.modified_on, actor, reason)))

    @event(Activated)
    def activate(self, kind: str, number: int, actor: str, reason: str) -> None:
        """Puts a version in force, or with 0 the built-in rules."""
        self.activations = (*self.activations, Activation(number, Said(self.modified_on, actor, reason)))
