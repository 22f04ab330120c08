"""Times in the mapping's format and zone become UTC, whichever way they are read."""

from __future__ import annotations

import pyarrow as pa
import pytest

from cdp.sources.files.cells import Cells
from cdp.sources.files.mapping import Time
from cdp.sources.files.moments import moments
from cdp.sources.rejection import Reason

ISTANBUL = "Europe/Istanbul"


def read(text: str, form: str | None = None, zone: str | None = ISTANBUL, beside: str | None = None) -> str | Reason:
    """What a text says; `beside` stands in the same column and may change the way, not the result."""
    texts = [text] if beside is None else [text, beside]
    found = moments(Time((), form, zone), Cells(pa.array(texts, pa.string())))
    said = found.texts[0].as_py()
    return found.wrong[0] if said is None else said


@pytest.mark.parametrize("beside", [None, "rubbish"])
@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("2024-01-31 12:00:00", None, "2024-01-31T09:00:00Z"),
        ("2024-01-31T12:00", None, "2024-01-31T09:00:00Z"),
        ("2024-01-31", None, "2024-01-30T21:00:00Z"),
        ("2024-01-31 12:00:00.25", None, "2024-01-31T09:00:00.250000Z"),
        ("2024-01-31T12:00:00Z", None, "2024-01-31T12:00:00Z"),
        ("31.01.2024 12:00", "%d.%m.%Y %H:%M", "2024-01-31T09:00:00Z"),
        ("1.2.2024 9:05", "%d.%m.%Y %H:%M", "2024-02-01T06:05:00Z"),
        ("30.02.2024 12:00", "%d.%m.%Y %H:%M", Reason.INVALID_TIME),
        ("31.01.2024 12:00:00.5", "%d.%m.%Y %H:%M:%S.%f", "2024-01-31T09:00:00.500000Z"),
        ("2024-01-31", "%d.%m.%Y", Reason.INVALID_TIME),
        ("2015-10-25 03:30", None, "2015-10-25T00:30:00Z"),
        ("2013-10-27 03:30", None, "2013-10-27T00:30:00Z"),  # this hour came twice: the first
        ("2013-03-31 03:30", None, "2013-03-31T01:30:00Z"),  # this hour was left out: an hour later
        ("yesterday", None, Reason.INVALID_TIME),
    ],
)
def test_times(text: str, form: str | None, expected: str | Reason, beside: str | None) -> None:
    assert read(text, form, beside=beside) == expected


def test_a_time_without_a_zone_is_refused() -> None:
    assert read("2024-01-31 12:00", zone=None) is Reason.TIME_WITHOUT_ZONE
    assert read("2024-01-31 12:00", zone="+03:00") == "2024-01-31T09:00:00Z"
    assert read("2024-01-31 12:00 +0100", "%Y-%m-%d %H:%M %z", None) == "2024-01-31T11:00:00Z"
