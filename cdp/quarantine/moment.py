"""Moments and ages as operators write them: `2026-03-01`, `2026-03-01T12:00:00Z`, `36h`, `90d`."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

_AGE = re.compile(r"(\d{1,5})([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class InvalidMoment(ValueError):
    """A text that says no moment."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} cannot be read; expected a day such as 2026-03-01, a time such as 2026-03-01T12:00:00Z, "
            "or how long ago: 30m, 36h, 90d"
        )


def age(text: str) -> timedelta:
    """A number of minutes, hours or days."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise InvalidMoment(text)
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def moment(text: str, now: datetime, zone: str) -> datetime:
    """The moment that a text says, in UTC. A day, and a time without an offset, is one of `zone`."""
    if _AGE.fullmatch(text.strip()):
        return now - age(text)
    try:
        day = date.fromisoformat(text)
    except ValueError:
        pass
    else:
        return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidMoment(text) from None
    if found.tzinfo is None:
        found = found.replace(tzinfo=ZoneInfo(zone))
    return found.astimezone(UTC)
