"""Drafting and activating rules: decisions of people, recorded in the log with who took them and why."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from cdp.log.application import Log
from cdp.log.versioned import Drafted
from cdp.policy.form import FORMS
from cdp.policy.reason import checked_reason
from cdp.policy.rule_book import RuleBook
from cdp.registry import Registry


class UnknownVersion(LookupError):
    """The rule book has no version of this number."""

    def __init__(self, kind: str, number: int, latest: int) -> None:
        has = f"it has 1 to {latest}" if latest > 1 else "it has only 1" if latest else "none was drafted yet"
        super().__init__(f"the {kind} rules have no version {number}: {has}, and 0 for the built-in rules")


class RulesChanged(ValueError):
    """Somebody else changed the rules at the same moment."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"the {kind} rules were changed by somebody else just now; look at them and try again")


class RuleBooks:
    """Drafts and activates rules of every kind."""

    def __init__(self, log: Log, registry: Registry) -> None:
        self._log = log
        self._registry = registry

    def draft(self, kind: str, rules: Any, *, actor: str, reason: str = "") -> Drafted:
        """Writes a version down. Nothing follows from it before it is activated.

        Raises the form's `invalid` where the rules name a source that is not set up, `InvalidReason`, `RulesChanged`.
        """
        self.check(kind, rules)
        book = self._found(kind) or RuleBook(kind=kind, actor=actor)
        content = FORMS[kind].content(rules)
        if book.latest and book.content(book.latest) == content:
            return Drafted(book.latest, False)
        book.draft(kind, book.latest + 1, content, actor, checked_reason(reason, needed=False))
        self._save(book)
        return Drafted(book.latest, True)

    def activate(self, kind: str, number: int | None = None, *, actor: str, reason: str = "") -> Drafted:
        """Puts a version in force, the last unless said otherwise; 0 are the built-in rules. Safe to repeat: `new`
        says whether anything changed. Raises `UnknownVersion`, `RulesChanged`."""
        book = self._found(kind)
        latest = book.latest if book else 0
        chosen = (latest or 1) if number is None else number
        if not 0 <= chosen <= latest:
            raise UnknownVersion(kind, chosen, latest)
        if book is None or book.active == chosen:
            return Drafted(chosen, False)
        book.activate(kind, chosen, actor, checked_reason(reason, needed=False))
        self._save(book)
        return Drafted(chosen, True)

    def check(self, kind: str, rules: Any, planned: Iterable[str] = ()) -> None:
        """Raises the form's `invalid` where the rules name a source that is neither set up nor `planned`."""
        self._registry.refresh()
        known = {*planned, *(source.name for source in self._registry.sources())}
        if unknown := sorted(set(FORMS[kind].sources(rules)) - known):
            expected = ", ".join(sorted(known)) or "none, as there are no sources"
            named = ", ".join(map(repr, unknown))
            raise FORMS[kind].invalid(
                f"the rules name the source {named}, which is not set up; expected {expected}: correct the name, or "
                "set the source up first"
            )

    def get(self, kind: str) -> RuleBook | None:
        """The book, fresh from the log; None where nothing was ever drafted."""
        return self._found(kind)

    def active(self, kind: str) -> int:
        """The number of the version in force, 0 for the built-in rules."""
        book = self._found(kind)
        return book.active if book else 0

    def rules(self, kind: str, number: int | None = None) -> Any:
        """A version's rules, those in force unless said otherwise; 0 are the built-in ones. Raises `UnknownVersion`."""
        book = self._found(kind)
        chosen = number if number is not None else book.active if book else 0
        if chosen == 0:
            return FORMS[kind].built_in
        if book is None or not 0 < chosen <= book.latest:
            raise UnknownVersion(kind, chosen, book.latest if book else 0)
        return FORMS[kind].stored(book.content(chosen))

    def _found(self, kind: str) -> RuleBook | None:
        try:
            book: RuleBook = self._log.repository.get(RuleBook.create_id(kind))
        except AggregateNotFoundError:
            return None
        return book

    def _save(self, book: RuleBook) -> None:
        try:
            self._log.save(book)
        except IntegrityError:
            raise RulesChanged(book.kind) from None
