"""Drafting and activating value pyramids: decisions of people, recorded in the log with who took them and why."""

from __future__ import annotations

import re
from typing import NamedTuple

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from cdp.log.application import Log
from cdp.log.versioned import Drafted
from cdp.policy.reason import checked_reason
from cdp.value.definition import Definition, InvalidDefinition, stored_definition
from cdp.value.pyramid import Pyramid

DEFAULT_NAME = "value"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


class UnknownPyramid(LookupError):
    """There is no such pyramid, or it has no such version, or none is in force."""


class PyramidChanged(ValueError):
    """Somebody else changed the pyramid at the same moment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the pyramid {name!r} was changed by somebody else just now; look at it and try again")


class Defined(NamedTuple):
    """A version of a pyramid with what it says. Figures carry `label`."""

    name: str
    number: int
    definition: Definition

    @property
    def label(self) -> str:
        """Name and version, by which exactly this definition is found again."""
        return f"{self.name}@{self.number}"


class Pyramids:
    """Drafts, activates and finds definitions of value pyramids."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def draft(self, name: str, definition: Definition, *, actor: str, reason: str = "") -> Drafted:
        """Writes a version down. Figures go by it where a question names it, or once it is activated.

        Raises `InvalidDefinition` for the name, `InvalidReason`, `PyramidChanged`.
        """
        if not _NAME.fullmatch(name):
            raise InvalidDefinition(
                f"{name!r} is no name of a pyramid; expected small letters, digits, . _ - such as value"
            )
        pyramid = self.find(name) or Pyramid(name=name, actor=actor)
        content = definition.content()
        if pyramid.latest and pyramid.content(pyramid.latest) == content:
            return Drafted(pyramid.latest, False)
        pyramid.draft(pyramid.latest + 1, content, actor, checked_reason(reason, needed=False))
        self._save(pyramid)
        return Drafted(pyramid.latest, True)

    def activate(self, name: str, number: int | None = None, *, actor: str, reason: str = "") -> Drafted:
        """Puts a version in force, the last unless said otherwise. Safe to repeat.

        Raises `UnknownPyramid`, `PyramidChanged`.
        """
        pyramid = self.get(name)
        chosen = pyramid.latest if number is None else number
        _check(pyramid, chosen)
        if pyramid.active == chosen:
            return Drafted(chosen, False)
        pyramid.activate(chosen, actor, checked_reason(reason, needed=False))
        self._save(pyramid)
        return Drafted(chosen, True)

    def defined(self, label: str = DEFAULT_NAME) -> Defined:
        """The definition that `NAME` (the version in force) or `NAME@VERSION` names. Raises `UnknownPyramid`."""
        name, at, number = label.partition("@")
        if at and not (number.isascii() and number.isdigit()):
            raise UnknownPyramid(
                f"{label!r} names no version; expected NAME or NAME@NUMBER such as {name or 'value'}@1"
            )
        pyramid = self.get(name)
        chosen = int(number) if at else pyramid.active
        if not at and not chosen:
            raise UnknownPyramid(
                f"no version of the pyramid {name!r} is in force; name one such as {name}@{pyramid.latest}, or "
                f"activate it: cdp sales pyramids activate {name}"
            )
        return self.read(pyramid, chosen)

    def read(self, pyramid: Pyramid, number: int) -> Defined:
        """A version of a pyramid. Raises `UnknownPyramid`."""
        _check(pyramid, number)
        return Defined(pyramid.name, number, stored_definition(pyramid.content(number)))

    def get(self, name: str) -> Pyramid:
        """The pyramid, fresh from the log. Raises `UnknownPyramid`."""
        pyramid = self.find(name)
        if pyramid is None:
            raise UnknownPyramid(
                f"there is no pyramid {name!r}; write its definition down: cdp sales pyramids draft FILE"
            )
        return pyramid

    def find(self, name: str) -> Pyramid | None:
        """The pyramid, fresh from the log; None where nothing was ever drafted under this name."""
        try:
            pyramid: Pyramid = self._log.repository.get(Pyramid.create_id(name))
        except AggregateNotFoundError:
            return None
        return pyramid

    def _save(self, pyramid: Pyramid) -> None:
        try:
            self._log.save(pyramid)
        except IntegrityError:
            raise PyramidChanged(pyramid.name) from None


def _check(pyramid: Pyramid, number: int) -> None:
    if not 1 <= number <= pyramid.latest:
        has = f"1 to {pyramid.latest}" if pyramid.latest > 1 else "only 1"
        raise UnknownPyramid(f"the pyramid {pyramid.name!r} has no version {number}; it has {has}")
