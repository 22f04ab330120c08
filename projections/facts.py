"""The first kind of projection: facts, a pure function of one touchpoint that gives typed rows.

Fact rows belong to their touchpoint and are never rewritten; what depends on the profile joins them to the subject's
memberships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from cdp.log.touchpoint import Touchpoint
from projections.contract import Surroundings

Row = tuple[Any, ...]
"""A row: a named tuple whose fields are the table's columns, in order. Times in it are aware and in UTC."""

Extract = Callable[[Touchpoint, Surroundings], Iterable[Row]]


class Facts(NamedTuple):
    """A table of facts: `row` is the named tuple of its columns, `extract` gives the rows of one touchpoint."""

    table: str
    row: Any
    extract: Extract

    def rows(self, touchpoints: Iterable[Touchpoint], surroundings: Surroundings) -> list[Row]:
        """The rows of touchpoints, in their order."""
        extract = self.extract
        return [row for touchpoint in touchpoints for row in extract(touchpoint, surroundings)]
