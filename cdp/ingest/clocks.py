"""The clocks of a touchpoint: when it happened, was sent, was received; the log adds when it was recorded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from cdp.sources.rejection import Reason, Rejected

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2200, 1, 1, tzinfo=UTC)
SKEWED = timedelta(minutes=1)
FUTURE = timedelta(minutes=1)


class Clocks(NamedTuple):
    """`occurred_at` is corrected for the sender's clock. All are aware, in UTC."""

    occurred_at: datetime
    sent_at: datetime | None
    received_at: datetime
    flags: tuple[str, ...]


def correct(original: Any, sent: Any, received_at: datetime) -> Clocks:
    """occurred = received - (sent - original), after Segment's specification; without `sent`, as the sender says.

    `original` and `sent` are ISO 8601 texts with a zone, or None. Without `original` it happened when it was
    received. An unusable `sent` only costs the correction and is flagged; an unusable `original` raises `Rejected`.
    """
    flags: list[str] = []
    sent_at = _sent(sent, flags)
    if original is None:
        return Clocks(received_at, sent_at, received_at, (*flags, "time_missing"))
    occurred_at = _moment("timestamp", original)
    if sent_at is not None:
        skew = received_at - sent_at
        occurred_at += skew
        if abs(skew) > SKEWED:
            flags.append("clock_corrected")
    if not EARLIEST <= occurred_at < LATEST:
        raise _out_of_range("timestamp")
    if occurred_at > received_at + FUTURE:
        flags.append("future")
    return Clocks(occurred_at, sent_at, received_at, tuple(flags))


def _sent(value: Any, flags: list[str]) -> datetime | None:
    if value is None:
        return None
    try:
        return _moment("sentAt", value)
    except Rejected:
        flags.append("sent_at_unusable")
        return None


def _moment(field: str, value: Any) -> datetime:
    if not isinstance(value, str):
        raise Rejected(Reason.INVALID_TIME, f"{field} is not a text; expected ISO 8601 such as 2026-01-31T12:00:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        detail = f"{field} cannot be read; expected ISO 8601 such as 2026-01-31T12:00:00Z"
        raise Rejected(Reason.INVALID_TIME, detail) from None
    if moment.tzinfo is None:
        raise Rejected(Reason.TIME_WITHOUT_ZONE, f"{field} has no zone; add Z or an offset such as +03:00")
    if not EARLIEST.year <= moment.year < LATEST.year:
        raise _out_of_range(field)
    return moment.astimezone(UTC)


def _out_of_range(field: str) -> Rejected:
    expected = f"expected {EARLIEST.year} to {LATEST.year - 1}"
    return Rejected(Reason.TIME_OUT_OF_RANGE, f"{field} is out of range; {expected}: check the sender's clock")
