"""Opening archived events: the one place that decides which parts of them workers see.

Sales and whatever else is made of facts that name nobody need no key at all, so workers get none. A declaration that
asks for a personal part nevertheless fails, rather than give other rows than it gives live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn, Protocol

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header
from cdp.log.parts import BUSINESS
from cdp.log.sealing import decode_salted
from cdp.log.touchpoint import TOPIC, Touchpoint, Tree
from pipelines.archive.form import CLEAR


class Opening(Protocol):
    """What turns archived events into touchpoints, on a worker. It is sent there, so it holds no connection."""

    @property
    def columns(self) -> list[str]:
        """The columns of the archive that it needs."""
        ...

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among the events, in order."""
        ...


class PersonalPartNeeded(Exception):
    """A declaration reads personal parts, which workers cannot open."""

    def __init__(self) -> None:
        super().__init__(
            "this projection reads personal parts of touchpoints, and workers get the clear parts only; "
            "rebuild it with the projector: raise its version and run cdp projector"
        )


class _Sealed(Mapping[str, Tree]):
    """Personal parts that nobody here can read: any attempt is an error."""

    def __getitem__(self, name: str) -> NoReturn:
        raise PersonalPartNeeded

    def __iter__(self) -> Iterator[str]:
        raise PersonalPartNeeded

    def __len__(self) -> NoReturn:
        raise PersonalPartNeeded


SEALED = _Sealed()


class ClearParts:
    """Opens headers and business parts. Needs no keys."""

    columns = CLEAR

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among the events, in order, without their personal parts."""
        return [_opened(event) for event in events if event.topic == TOPIC]


def _opened(event: RecordedEvent) -> Touchpoint:
    header = decode_header(event.header)
    withheld = frozenset(flag.partition(":")[2] for flag in header.flags if flag.startswith("withheld:"))
    business: Tree = {}
    if event.business is not None:
        if BUSINESS in event.redacted:
            withheld |= {BUSINESS}
        else:
            business = decode_salted(event.business)
    return Touchpoint(event.position, event.recorded_at, header, business, SEALED, withheld)
