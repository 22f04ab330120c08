"""Which part of the log a question is about: what was true at a moment, as it was known at a position."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple


class Selection(NamedTuple):
    """Touchpoints whose effective time is at most `at` and whose position is at most `position`; None takes all."""

    at: datetime | None = None
    position: int | None = None


EVERYTHING = Selection()
