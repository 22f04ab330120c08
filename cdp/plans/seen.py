"""What a source sent, read back from the log in the shape in which plans judge it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from cdp.log.opening import Opener
from cdp.log.reader import LogReader
from cdp.log.touchpoint import CONTENT, UNKNOWN_NAME, Touchpoint
from cdp.plans.document import SCHEMAS
from cdp.sources.connector import Call, Tree
from cdp.sources.source import Source

LAST = 10_000
"""How many touchpoints are looked at unless said otherwise."""
_CHUNK = 2_000


class Seen(NamedTuple):
    """A touchpoint as its plan would see it. `complete` is false where keys are destroyed: fields may be missing."""

    type: str
    name: str
    tree: Tree
    complete: bool

    def call(self) -> Call:
        """What the connector said of it, as far as plans look at it."""
        return Call(self.type, self.name, None, None, None, [], self.tree)


def seen(reader: LogReader, opener: Opener, source: Source, last: int = LAST) -> Iterator[Seen]:
    """The last touchpoints of a source, newest first. What was destroyed so far that it has no name is left out."""
    before: int | None = None
    while last > 0 and (events := reader.read_last(source.stream, min(last, _CHUNK), before)):
        yield from (found for each in opener.open(events) if (found := _seen(each)) is not None)
        last, before = last - len(events), events[-1].version


def _seen(touchpoint: Touchpoint) -> Seen | None:
    header = touchpoint.header
    name: Any = header.name
    if name == UNKNOWN_NAME:
        name = touchpoint.personal.get(CONTENT, {}).get("event")
    if not isinstance(name, str):
        return None
    tree = {field: found for field in SCHEMAS.values() if (found := touchpoint.section(field))}
    return Seen(header.type, name, tree, not touchpoint.withheld)
