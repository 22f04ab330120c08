"""Waiting until the projections have seen everything that the demo sent."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from cdp.platform import Platform
from projections.discovery import found_projections
from projections.lag import Lag, lag

POLL_SECONDS = 0.2
PATIENCE = 120.0


class Stalled(Exception):
    """The projections stopped moving before they had seen everything."""

    def __init__(self, behind: str) -> None:
        super().__init__(
            f"The projections have not moved for {PATIENCE:.0f} seconds ({behind}). What was sent is safe in the log. "
            "The projector's messages say what keeps it; mend that and start again: it goes on where it stopped"
        )


def await_projections(platform: Platform, seen: Callable[[int, int], object]) -> list[Lag]:
    """Returns once every projection is at the head of the log as it is now, and says how far each is.

    `seen` hears the head and the lowest position again and again. Raises `Stalled`.
    """
    expected = {projection.name for projection in found_projections()}
    head = platform.reader.head().position
    last_move, furthest = time.monotonic(), -1
    while True:
        lags = lag(platform.databases.read, platform.reader, datetime.now(UTC))
        lowest = min((each.position for each in lags), default=0) if expected <= _names(lags) else 0
        seen(head, min(lowest, head))
        if lowest >= head:
            return lags
        if lowest > furthest:
            last_move, furthest = time.monotonic(), lowest
        elif time.monotonic() - last_move > PATIENCE:
            raise Stalled(
                ", ".join(f"{each.projection}: {each.events:,} events behind" for each in lags) or "none runs"
            )
        time.sleep(POLL_SECONDS)


def _names(lags: list[Lag]) -> set[str]:
    return {each.projection for each in lags}
