"""Opening archived events: the one place that decides which parts of them workers see.

Sales and whatever else is made of facts that name nobody need no key at all, so workers get none. A declaration that
asks for a personal part without saying so fails, rather than give other rows than it gives live.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import ClassVar, NoReturn, Protocol

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header
from cdp.log.parts import BUSINESS
from cdp.log.sealing import decode_salted
from cdp.log.touchpoint import TOPIC, Touchpoint, Tree
from cdp.platform import Platform
from cdp.settings import Settings
from pipelines.archive.form import CLEAR, STORED


class Opener(Protocol):
    """What turns events into touchpoints."""

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among the events, in order."""
        ...


class Opening(Protocol):
    """How workers come by an opener. It is sent to them, so it holds no connection."""

    @property
    def columns(self) -> list[str]:
        """The columns of the archive that the opener needs."""
        ...

    def opened(self) -> AbstractContextManager[Opener]:
        """An opener on the worker where this is called, for as long as the block."""
        ...


class PersonalPartNeeded(Exception):
    """A declaration reads personal parts, which workers cannot open."""

    def __init__(self) -> None:
        super().__init__(
            "a projection reads personal parts of touchpoints and does not say so, so that workers got the clear ones "
            "only; declare it with personal=True, or read `touchpoint.business` alone"
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
    """Workers see headers and business parts, and have no keys."""

    columns = CLEAR

    @contextmanager
    def opened(self) -> Iterator[Opener]:
        """An opener that leaves personal parts sealed."""
        yield self

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints among the events, in order, without their personal parts."""
        return [_opened(event) for event in events if event.topic == TOPIC]


@dataclass(frozen=True)
class WithVault:
    """Workers open everything by the vault that the settings name: for workers on this machine only."""

    settings: Settings
    columns: ClassVar[list[str]] = STORED.names

    @contextmanager
    def opened(self) -> Iterator[Opener]:
        """The opener that runs live."""
        with Platform.open(self.settings) as platform:
            yield platform.opener


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
