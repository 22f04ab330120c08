"""The clocks: corrected for the sender's skew, never silently wrong."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cdp.ingest.clocks import correct
from cdp.sources.rejection import Reason, Rejected

RECEIVED = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def test_a_clock_that_is_an_hour_slow_is_corrected() -> None:
    clocks = correct("2026-11-21T10:30:00Z", "2026-11-21T11:00:00Z", RECEIVED)
    assert clocks.occurred_at == RECEIVED - timedelta(minutes=30)
    assert clocks.flags == ("clock_corrected",)


def test_a_right_clock_costs_only_the_way() -> None:
    clocks = correct("2026-11-21T11:30:00+00:00", "2026-11-21T11:59:59.500Z", RECEIVED)
    assert clocks.occurred_at == datetime(2026, 11, 21, 11, 30, 0, 500_000, tzinfo=UTC)
    assert clocks.flags == ()


def test_without_a_time_of_sending_the_sender_is_believed() -> None:
    clocks = correct("2017-01-01T14:53:26+03:00", None, RECEIVED)
    assert clocks.occurred_at == datetime(2017, 1, 1, 11, 53, 26, tzinfo=UTC)


def test_without_a_time_it_happened_when_it_was_received() -> None:
    clocks = correct(None, "2026-11-21T11:00:00Z", RECEIVED)
    assert (clocks.occurred_at, clocks.flags) == (RECEIVED, ("time_missing",))


def test_the_future_is_kept_and_flagged() -> None:
    clocks = correct("2099-01-01T00:00:00Z", None, RECEIVED)
    assert clocks.occurred_at.year == 2099
    assert clocks.flags == ("future",)


@pytest.mark.parametrize("sent", ["yesterday", 17, "2026-11-21T11:00:00", "9999-01-01T00:00:00Z"])
def test_an_unusable_time_of_sending_only_costs_the_correction(sent: Any) -> None:
    clocks = correct("2026-11-21T10:30:00Z", sent, RECEIVED)
    assert clocks.occurred_at == datetime(2026, 11, 21, 10, 30, tzinfo=UTC)
    assert clocks.flags == ("sent_at_unusable",)


@pytest.mark.parametrize(
    ("original", "reason"),
    [
        ("2026-11-21T10:30:00", Reason.TIME_WITHOUT_ZONE),
        ("2026-11-21", Reason.TIME_WITHOUT_ZONE),
        ("9999-12-31T23:59:59Z", Reason.TIME_OUT_OF_RANGE),
        ("9999-12-31T23:59:59-10:00", Reason.TIME_OUT_OF_RANGE),
        ("0001-01-01T00:00:00+10:00", Reason.TIME_OUT_OF_RANGE),
        ("1969-12-31T23:59:59Z", Reason.TIME_OUT_OF_RANGE),
        ("soon", Reason.INVALID_TIME),
        ("", Reason.INVALID_TIME),
        (1_700_000_000, Reason.INVALID_TIME),
        ({"at": 1}, Reason.INVALID_TIME),
    ],
)
def test_an_unusable_time_is_refused_with_its_reason(original: Any, reason: Reason) -> None:
    with pytest.raises(Rejected) as rejected:
        correct(original, None, RECEIVED)
    assert rejected.value.reason is reason


def test_a_correction_out_of_range_is_refused() -> None:
    with pytest.raises(Rejected) as rejected:
        correct("2199-12-31T23:59:59Z", "1970-01-02T00:00:00Z", RECEIVED)
    assert rejected.value.reason is Reason.TIME_OUT_OF_RANGE
