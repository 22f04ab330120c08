"""Rows for COPY in PostgreSQL's binary format, packed at once: for the tables that grow with nearly every touchpoint.

A row is its number of fields, then for each field its length in bytes and its value, all big-endian.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from struct import Struct
from uuid import UUID

from cdp.identity.evidence import Moment
from cdp.identity.findings import Membership
from cdp.postgres.arrays import packed
from projections.contract import Connected

BEGINNING, END = -(2**63), 2**63 - 1
"""PostgreSQL's -infinity and infinity as it takes times: microseconds since `EPOCH`. Python's times cannot say them."""

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)

_HEADER = b"PGCOPY\n\xff\r\n\x00" + b"\x00" * 8
_TRAILER = b"\xff\xff"
_LENGTH = Struct(">i").pack
_LINK = Struct(">hiqiq").pack
_AUTHENTICATION = Struct(">hiqiqi").pack
_SIGHTING = Struct(">hiqi16si").pack
_MOMENT = Struct(">iqi").pack
_MEMBERSHIP = Struct(">hiqiqi").pack


def microseconds(at: datetime) -> int:
    """A time as PostgreSQL stores it."""
    return (at - EPOCH) // MICROSECOND


def link(number: int, subject: int) -> bytes:
    """A row of `links`."""
    return _LINK(2, 8, number, 8, subject)


def authentication(subject: int, moment: Moment) -> bytes:
    """A row of `authentications`."""
    event = moment.event.encode()
    return _AUTHENTICATION(3, 8, subject, 8, microseconds(moment.at), len(event)) + event


def sighting(subject: int, source: UUID, numbers: Sequence[int], first: Moment) -> bytes:
    """A row of `sightings`."""
    event, array = first.event.encode(), packed(numbers)
    head = _SIGHTING(5, 8, subject, 16, source.bytes, len(array))
    return head + array + _MOMENT(8, microseconds(first.at), len(event)) + event


def membership(each: Membership) -> bytes:
    """A row of `memberships`."""
    from_at, from_event = _bound(each.start, BEGINNING)
    to_at, to_event = _bound(each.end, END)
    profile = each.profile.encode()
    head = _MEMBERSHIP(6, 8, each.subject, 8, from_at, len(from_event)) + from_event
    return head + _MOMENT(8, to_at, len(to_event)) + to_event + _LENGTH(len(profile)) + profile


def copy_packed(connection: Connected, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
    """Copies packed rows into a table; nothing is sent where there are none."""
    together = b"".join(rows)
    if together:
        statement = f"copy {table} ({', '.join(columns)}) from stdin (format binary)"
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            copy.write(_HEADER + together + _TRAILER)


def _bound(moment: Moment | None, otherwise: int) -> tuple[int, bytes]:
    return (otherwise, b"") if moment is None else (microseconds(moment.at), moment.event.encode())
