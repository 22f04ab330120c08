"""Whole columns of times as texts, read in the mapping's format and zone, written in ISO 8601 and UTC.

A local time that a change of the clocks makes happen twice is the first of the two; one that it leaves out is an hour
later. Both are what Python's own zones say, whichever way a value is read here.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Cells, Texts
from cdp.sources.files.kinds import joined
from cdp.sources.files.mapping import Time
from cdp.sources.rejection import Reason

_FAST_FORMAT = re.compile(r"(?:[^%]|%[dmYHMS])*")
_MICROSECONDS = pa.timestamp("us")


class Moments(NamedTuple):
    """ISO 8601 texts in UTC, null where there is nothing or something wrong; and the reason by place."""

    texts: Texts
    wrong: dict[int, Reason]


def moments(time: Time, cells: Cells) -> Moments:
    """The times of a column."""
    if time.format is None or cells.all_plain:
        local = _iso(cells.texts)
    else:
        local = _formatted(cells.texts, time.format) if cells.none_plain else None
    found = None if local is None or time.zone is None else _utc(local, time.zone)
    if found is None or found.null_count != cells.texts.null_count:
        return _one_by_one(time, cells)
    return Moments(_written(found), {})


def _iso(texts: Texts) -> Any:
    try:
        return texts.cast(_MICROSECONDS)
    except pa.ArrowInvalid:
        return None


def _formatted(texts: Texts, form: str) -> Any:
    """Local times; None when some cannot be read this fast, or read back differently, as the 30th of February does."""
    if not _FAST_FORMAT.fullmatch(form):
        return None
    found = pc.strptime(texts, format=form, unit="s", error_is_null=True)
    same = pc.equal(pc.strftime(found, form), texts)
    return found.cast(_MICROSECONDS) if pc.all(same).as_py() else None


def _utc(local: Any, zone: str) -> Any:
    try:
        return pc.assume_timezone(local, zone).cast(pa.timestamp("us", "UTC"))
    except pa.ArrowInvalid:
        return None  # the clocks changed there


def _written(utc: Any) -> Texts:
    plain = pc.replace_substring(utc.cast(_MICROSECONDS).cast(pa.string()), ".000000", "")
    return joined(pc.replace_substring(plain, " ", "T"), "Z")


def _one_by_one(time: Time, cells: Cells) -> Moments:
    zone = None if time.zone is None else _zone(time.zone)
    wrong: dict[int, Reason] = {}
    found: list[str | None] = []
    for at, (text, plain) in enumerate(zip(cells.texts.to_pylist(), cells.plain_cells().to_pylist(), strict=True)):
        said = None if text is None else _moment(text, None if plain else time.format, zone)
        if isinstance(said, Reason):
            wrong[at], said = said, None
        found.append(said)
    return Moments(pa.array(found, pa.string()), wrong)


@lru_cache(maxsize=65_536)
def _moment(text: str, form: str | None, zone: tzinfo | None) -> str | Reason:
    try:
        moment = datetime.fromisoformat(text.strip()) if form is None else datetime.strptime(text.strip(), form)  # noqa: DTZ007
    except ValueError:
        return Reason.INVALID_TIME
    if moment.tzinfo is None:
        if zone is None:
            return Reason.TIME_WITHOUT_ZONE
        moment = moment.replace(tzinfo=zone)
    try:
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return Reason.TIME_OUT_OF_RANGE


@lru_cache(maxsize=64)
def _zone(name: str) -> tzinfo:
    if name[0] in "+-":
        return datetime.strptime(name, "%z").tzinfo or UTC
    return ZoneInfo(name)
