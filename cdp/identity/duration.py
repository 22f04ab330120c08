"""Lengths of time as people write them in rules: `30 days`, `12 hours`, `1 day 6 hours`."""

from __future__ import annotations

import re
from datetime import timedelta

LONGEST = timedelta(days=36_500)
_SECONDS = {"week": 604_800, "day": 86_400, "hour": 3_600, "minute": 60, "second": 1}
_PART = r"\d{1,10} ?(?:weeks?|days?|hours?|minutes?|seconds?)"
_FORM = re.compile(rf"{_PART}(?: {_PART}){{0,4}}")
_COUNT = re.compile(r"(\d+) ?([a-z]+?)s?(?: |\Z)")


class InvalidDuration(ValueError):
    """The text is no length of time, or one past all reason."""

    def __init__(self, value: object) -> None:
        super().__init__(f"{value!r} is no length of time; expected such as '30 days', '12 hours' or '1 day 6 hours'")


def read_duration(text: object) -> timedelta:
    """The length of time that a text says: more than nothing, at most a hundred years. Raises `InvalidDuration`."""
    if not isinstance(text, str) or not _FORM.fullmatch(text):
        raise InvalidDuration(text)
    seconds = sum(int(count) * _SECONDS[unit] for count, unit in _COUNT.findall(text))
    if not 0 < seconds <= LONGEST.total_seconds():
        raise InvalidDuration(text)
    return timedelta(seconds=seconds)


def written_duration(duration: timedelta) -> str:
    """The one text that is written for a length of time in whole seconds, in days and below."""
    rest, parts = int(duration.total_seconds()), []
    for unit in ("day", "hour", "minute", "second"):
        count, rest = divmod(rest, _SECONDS[unit])
        if count:
            parts.append(f"{count} {unit}{'s' if count > 1 else ''}")
    return " ".join(parts)
