"""The common specification of Segment, which RudderStack's SDKs speak too: one call → one touchpoint."""

from __future__ import annotations

from cdp.sources.connector import Call, Tree
from cdp.sources.specification import read_call


class Segment:
    """Every leaf of the item keeps its place, so nothing is lost."""

    name = "segment"
    version = 1

    def read(self, item: Tree, call: str | None = None) -> Call:
        """Reads a call. Raises `Rejected`."""
        return read_call(item, call)


CONNECTOR = Segment()
