"""What declared functions may ask for on a worker: the time zone. The vault and what was decided are not at hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from zoneinfo import ZoneInfo

from cdp.identity.identifier import Identifier
from projections.contract import Surroundings


class NotOnWorkers(Exception):
    """A declared function asks for something that is not sent to workers."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"a declared function asks for {what}, and workers have the clear parts of touchpoints and the time zone "
            "only; make its rows depend on these alone"
        )


def batch_surroundings(timezone: str) -> Surroundings:
    """The surroundings of declared functions on a worker."""
    return Surroundings(ZoneInfo(timezone), _no_values)


def _no_values(numbers: Iterable[int]) -> Mapping[int, Identifier | None]:
    raise NotOnWorkers("the values of identifiers")
