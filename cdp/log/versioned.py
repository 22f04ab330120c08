"""Aggregates that keep what they say in numbered versions, of which one is in force: who decided it, when and why."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from cdp.log.accountable import Accountable


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
    """From when on the version of this number was in force; 0 stands for what is built in, if anything is."""

    number: int
    said: Said


class Drafted(NamedTuple):
    """A version, and whether anything is new: what says the same as the last version is that version."""

    number: int
    new: bool


class Versioned(Accountable):
    """A version never changes; an older one can be put in force again. Its events begin with two empty histories."""

    if TYPE_CHECKING:  # at run time the library takes annotations for arguments of the first event
        versions: tuple[Version, ...]
        activations: tuple[Activation, ...]

    @property
    def latest(self) -> int:
        """The number of the last version, 0 where there is none."""
        return len(self.versions)

    @property
    def active(self) -> int:
        """The number of the version in force, 0 where none is."""
        return self.activations[-1].number if self.activations else 0

    def content(self, number: int) -> str:
        """What the version of this number says, as JSON."""
        return self.versions[number - 1].content

    def _keep(self, content: str, actor: str, reason: str) -> None:
        self.versions = (*self.versions, Version(content, Said(self.modified_on, actor, reason)))

    def _put_in_force(self, number: int, actor: str, reason: str) -> None:
        self.activations = (*self.activations, Activation(number, Said(self.modified_on, actor, reason)))
