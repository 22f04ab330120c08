"""Lengths of time as people write them in rules: `30 days`, `12 hours`."""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(days=36_500)
UNITS = {
    "week": timedelta(weeks=1),
    "day": timedelta(days=1),
    "hour": timedelta(hours=1),
    "minute": timedelta(minutes=1),
    "second": timedelta(seconds=1),
}
_FORM = re.compile(rf"([1-9]\d{{0,9}}) ({'|'.join(UNITS)})s?")


class InvalidDuration(ValueError):
    """The text is no length of time, or one past all reason."""

    def __init__(self, value: object) -> None:
        super().__init__(
            f"{value!r} is no length of time; expected a number and a unit of {', '.join(UNITS)}, such as '30 days', "
            f"at most {LONGEST.days} days"
        )


def read_duration(text: object) -> timedelta:
    """The length of time that a text says. Raises `InvalidDuration`."""
    found = _FORM.fullmatch(text) if isinstance(text, str) else None
    if found is None or int(found[1]) > LONGEST // UNITS[found[2]]:
        raise InvalidDuration(text)
    return int(found[1]) * UNITS[found[2]]


def written_duration(duration: timedelta) -> str:
    """The one text that is written for a length of time: in the largest unit that divides it."""
    unit, length = next((unit, length) for unit, length in UNITS.items() if not duration % length)
    count = duration // length
    return f"{count} {unit}{'s' if count > 1 else ''}"
