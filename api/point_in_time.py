"""The point in time that a question is about: what was true at a moment, as it was known at a position of the log."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from cdp.log.moments import position_at
from cdp.platform import Platform
from projections.identity.selection import Selection

_POSITION = re.compile(r"[0-9]{1,18}")


class InvalidMoment(ValueError):
    """A text that names no moment."""

    def __init__(self, name: str, text: str, also: str = "") -> None:
        super().__init__(
            f"{name} {text!r} is no moment; expected {also}a time such as 2024-03-01T12:00:00+03:00 or a day such as "
            "2024-03-01, which is its beginning; in a URL write + as %2B"
        )


class PointInTime(NamedTuple):
    """What was true at `as_of`, as known at the position `known_at`; None is the present.

    `known_when` is the time that was asked for where `known_at` was found by one.
    """

    as_of: datetime | None = None
    known_at: int | None = None
    known_when: datetime | None = None

    @property
    def selection(self) -> Selection:
        """The touchpoints that it selects."""
        return Selection(self.as_of, self.known_at)

    @property
    def present(self) -> bool:
        """Whether it is about now."""
        return self.as_of is None and self.known_at is None


PRESENT = PointInTime()


def point_in_time(platform: Platform, as_of: str | None, known_at: str | None, side: str = "") -> PointInTime:
    """The point in time that texts name; `side` comes before the parameters' names in an error.

    `known_at` is a position, or a time: then the last position recorded by it. Raises `InvalidMoment`.
    """
    zone = ZoneInfo(platform.settings.timezone)
    moment = None if as_of is None else read_moment(f"{side}as_of", as_of, zone)
    if known_at is None:
        return PointInTime(moment)
    if _POSITION.fullmatch(known_at):
        return PointInTime(moment, int(known_at))
    when = read_moment(f"{side}known_at", known_at, zone, "a position of the log, ")
    return PointInTime(moment, position_at(platform.reader, when), when)


def read_moment(name: str, text: str, zone: ZoneInfo, also: str = "") -> datetime:
    """A moment by its ISO 8601 text; one without an offset is in this zone. Raises `InvalidMoment`."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidMoment(name, text, also) from error
