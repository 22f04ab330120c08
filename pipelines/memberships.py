"""Whose a subject's touchpoints are, as workers look it up: which profile at which moment."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from cdp.identity.resolution import Membership

Turn = tuple[datetime | None, str, str]
"""From when (None: from the beginning) and which event, the profile to which the subject's touchpoints belong."""

Turns = dict[int, list[Turn]]


class Memberships:
    """The turns of each subject, in order; a turn ends where the next one begins."""

    def __init__(self, turns: Mapping[int, Sequence[Turn]]) -> None:
        self._turns = turns

    @classmethod
    def load(cls, path: str | None) -> Memberships:
        """Reads what `save_memberships` wrote; none without a path."""
        if path is None:
            return cls({})
        return cls(msgspec.msgpack.decode(Path(path).read_bytes(), type=Turns))

    def profile(self, row: Any) -> str | None:
        """The profile to which a row's subject belonged at the row's moment; None for nobody's."""
        turns = self._turns.get(row.subject)
        if not turns:
            return None
        if len(turns) == 1 and turns[0][0] is None:
            return turns[0][2]
        place = bisect_right(turns, (row.effective_at, row.event_id), key=_start)
        return turns[place - 1][2] if place else None


def save_memberships(path: Path, memberships: Iterable[Membership]) -> None:
    """Writes memberships for workers. Those of one subject have no gaps between them, but may begin late."""
    turns: Turns = {}
    for each in memberships:
        start = each.start
        turns.setdefault(each.subject, []).append((start and start.at, start.event if start else "", each.profile))
    for several in turns.values():
        several.sort(key=_start)
    path.write_bytes(msgspec.msgpack.encode(turns))


_BEGINNING = datetime.fromisoformat("0001-01-01T00:00:00+00:00")


def _start(turn: Turn) -> tuple[datetime, str]:
    return (turn[0] or _BEGINNING, turn[1])
