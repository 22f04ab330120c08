"""Drafting and activating tracking plans: decisions of an operator, recorded in the log with who took them."""

from __future__ import annotations

from typing import NamedTuple

from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import IntegrityError

from cdp.log.application import Log
from cdp.plans.document import MODES, InvalidPlan, PlanDocument, stored_document
from cdp.plans.plan import TrackingPlan
from cdp.registry import Registry
from cdp.setup import NotSetUp, Sources


class UnknownVersion(NotSetUp):
    """The plan has no version of this number."""

    def __init__(self, name: str, number: int, latest: int) -> None:
        LookupError.__init__(self, f"the plan of {name!r} has no version {number}; expected {_range(latest)}")


class NotActive(InvalidPlan):
    """No version of the plan is in force."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no version of the plan of {name!r} is active; activate one: cdp plan activate {name}")


class PlanChanged(InvalidPlan):
    """Somebody else changed the plan at the same moment."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the plan of {name!r} was changed by somebody else just now; look at it and try again")


class Drafted(NamedTuple):
    """A version, and whether it is new: what says the same as the last version is that version."""

    number: int
    new: bool


class Active(NamedTuple):
    """The version in force and its mode."""

    number: int
    mode: str


class Plans:
    """Drafts and activates the plans of sources."""

    def __init__(self, log: Log, registry: Registry, sources: Sources) -> None:
        self._log = log
        self._registry = registry
        self._sources = sources

    def draft(self, name: str, document: PlanDocument, *, actor: str) -> Drafted:
        """Writes a version down for the source with this name. Nothing is judged by it before it is activated."""
        source = self._sources.get(name)
        try:
            plan = self.get(name)
        except NotSetUp:
            plan = TrackingPlan(source=source.id, name=name, actor=actor)
        content = document.content()
        if plan.latest and plan.drafts[plan.latest] == (document.mode, content):
            return Drafted(plan.latest, False)
        plan.draft(plan.latest + 1, document.mode, content, actor)
        self._save(plan)
        return Drafted(plan.latest, True)

    def activate(self, name: str, number: int | None = None, *, actor: str, mode: str | None = None) -> Active:
        """Puts a version in force, the last unless said otherwise, in the mode it was drafted for. Safe to repeat."""
        plan = self.get(name)
        chosen = plan.latest if number is None else number
        document = self._document(plan, chosen)
        active = Active(chosen, _checked(mode or document.mode))
        if (plan.active, plan.mode) != active:
            plan.activate(active.number, active.mode, actor)
            self._save(plan)
        return active

    def set_mode(self, name: str, mode: str, *, actor: str) -> Active:
        """Changes what becomes of violations. Safe to repeat. Raises `NotActive`."""
        plan = self.get(name)
        if plan.active is None:
            raise NotActive(name)
        if plan.mode != _checked(mode):
            plan.set_mode(mode, actor)
            self._save(plan)
        return Active(plan.active, mode)

    def get(self, name: str) -> TrackingPlan:
        """The plan of the source with this name, fresh from the log. Raises `NotSetUp`."""
        try:
            plan: TrackingPlan = self._log.repository.get(TrackingPlan.create_id(name))
        except AggregateNotFoundError:
            raise NotSetUp("plan", name) from None
        return plan

    def document(self, name: str, number: int | None = None) -> PlanDocument:
        """A version of the plan, the one in force unless said otherwise. Its mode is then the one in force too.

        Raises `NotSetUp`, `UnknownVersion`, `NotActive`.
        """
        plan = self.get(name)
        if number is not None:
            return self._document(plan, number)
        if plan.active is None or plan.content is None:
            raise NotActive(name)
        return stored_document(plan.mode, plan.content)

    def _document(self, plan: TrackingPlan, number: int) -> PlanDocument:
        if number not in plan.drafts:
            raise UnknownVersion(plan.name, number, plan.latest)
        return stored_document(*plan.drafts[number])

    def _save(self, plan: TrackingPlan) -> None:
        try:
            self._log.save(plan)
        except IntegrityError:
            raise PlanChanged(plan.name) from None
        self._registry.refresh()


def _checked(mode: str) -> str:
    if mode not in MODES:
        raise InvalidPlan(f"mode {mode!r} is unknown; expected one of {', '.join(MODES)}")
    return mode


def _range(latest: int) -> str:
    return f"1 to {latest}" if latest > 1 else "1"
