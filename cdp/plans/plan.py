"""A source's tracking plan: numbered versions, of which one is in force in a mode, and who decided it when."""

from __future__ import annotations

from typing import ClassVar
from uuid import UUID, uuid5

from eventsourcing.domain import event

from cdp.log.accountable import Accountable
from cdp.plans.document import OFF

_NAMES = UUID("0d0b3f0a-9c1e-5b57-8a34-7d1f0a6d2c11")


class TrackingPlan(Accountable):
    """Its id follows from the source's name. A version never changes; an older one can be activated again."""

    TOPIC: ClassVar[str] = "tracking_plan.v1"

    class Created(Accountable.Created):
        """A source got a plan, with no version yet."""

        TOPIC: ClassVar[str] = "tracking_plan.created.v1"
        source: UUID
        name: str

    class Drafted(Accountable.Event):
        """A version was written down. `content` is its events as JSON, `mode` the mode it is meant for."""

        TOPIC: ClassVar[str] = "tracking_plan.drafted.v1"
        number: int
        mode: str
        content: str

    class Activated(Accountable.Event):
        """A version is in force from now on, in a mode."""

        TOPIC: ClassVar[str] = "tracking_plan.activated.v1"
        number: int
        mode: str

    class ModeSet(Accountable.Event):
        """What becomes of a violation is another from now on."""

        TOPIC: ClassVar[str] = "tracking_plan.mode_set.v1"
        mode: str

    @staticmethod
    def create_id(name: str) -> UUID:
        """The id of the plan of the source with this name."""
        return uuid5(_NAMES, name)

    @event(Created)
    def __init__(self, source: UUID, name: str, actor: str) -> None:
        self.source = source
        self.name = name
        self.mode = OFF
        self.active: int | None = None
        self.drafts: dict[int, tuple[str, str]] = {}

    @property
    def latest(self) -> int:
        """The number of the last version, 0 where there is none."""
        return len(self.drafts)

    @property
    def content(self) -> str | None:
        """The events of the version in force, as JSON."""
        return None if self.active is None else self.drafts[self.active][1]

    @event(Drafted)
    def draft(self, number: int, mode: str, content: str, actor: str) -> None:
        """Writes a version down; `number` follows on the last."""
        self.drafts = {**self.drafts, number: (mode, content)}

    @event(Activated)
    def activate(self, number: int, mode: str, actor: str) -> None:
        """Puts a version in force."""
        self.active = number
        self.mode = mode

    @event(ModeSet)
    def set_mode(self, mode: str, actor: str) -> None:
        """Changes what becomes of violations."""
        self.mode = mode
