"""The rhythm of sources: regular and random ones, nights and weekends, bursts, and too little history."""

from __future__ import annotations

import doctest
import math
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from math import comb
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.quality.rhythm import HOUR, WEEK, Arrivals, State, Verdict, judge, rhythm_of
from projections.quality.tails import gap_tail, incomplete_beta

ISTANBUL = ZoneInfo("Europe/Istanbul")
START = datetime(2026, 1, 5, tzinfo=UTC)
"""A Monday."""

Times = list[datetime]


def arrivals(times: Iterable[datetime]) -> list[Arrivals]:
    """The hours of these deliveries."""
    counts = Counter(each.replace(minute=0, second=0, microsecond=0) for each in times)
    return [Arrivals(*each) for each in sorted(counts.items())]


def verdict(times: Times, silence: timedelta) -> Verdict:
    """What is said this long after the last delivery."""
    return judge(arrivals(times), times[-1], times[-1] + silence, ISTANBUL)


def shop(seed: int, weeks: int = 8, busiest: float = 20.0) -> Times:
    """Deliveries at random, most in the afternoon, hardly any at night, half as many on Sundays."""
    random, times, hours = Random(seed), [], 0.0
    while hours < weeks * 168:
        hours += random.expovariate(busiest)
        local = START + timedelta(hours=hours + 3)
        rate = 0.02 if local.hour < 7 else math.sin((local.hour - 6) / 18 * math.pi)
        if random.random() < rate * (0.5 if local.weekday() == 6 else 1):
            times.append(START + timedelta(hours=hours))
    return times


def nightly(seed: int, weeks: int = 8) -> Times:
    """An export on working days at about three."""
    random = Random(seed)
    days = (START + timedelta(days=day, hours=3) for day in range(weeks * 7) if day % 7 < 5)
    return [day + timedelta(minutes=random.uniform(0, 20)) for day in days]


def bursts(seed: int, weeks: int = 8) -> Times:
    """Many deliveries within half an hour, then none for hours or days."""
    random, times, hours = Random(seed), [], 0.0
    while hours < weeks * 168:
        hours += random.lognormvariate(2, 1.5)
        times += [START + timedelta(hours=hours, minutes=minute / 2) for minute in range(random.randint(1, 60))]
    return sorted(times)


@pytest.mark.parametrize("source", [shop, nightly, bursts])
@pytest.mark.parametrize("seed", range(3))
def test_a_source_in_its_rhythm_is_never_called_silent(source: Callable[[int], Times], seed: int) -> None:
    # Given a history, and its longest gaps after the third week
    times = source(seed)
    gaps = sorted(((after - before, before, after) for before, after in pairwise(times)), reverse=True)
    late = [gap for gap in gaps if gap[1] > START + 3 * WEEK][:15]
    # When each is judged just before it ends, by what came before it
    judged = [judge(arrivals(t for t in times if t <= before), before, after, ISTANBUL) for _, before, after in late]
    # Then none is an alarm
    assert [each.state for each in judged] == [State.IN_RHYTHM] * len(late)


@pytest.mark.parametrize(
    ("source", "last", "in_rhythm", "silent"),
    [
        (shop, datetime(2026, 2, 25, 12, tzinfo=UTC), timedelta(minutes=10), timedelta(hours=2)),
        (shop, datetime(2026, 2, 25, 21, tzinfo=UTC), timedelta(hours=6), timedelta(hours=14)),
        (nightly, datetime(2026, 2, 26, tzinfo=UTC), timedelta(hours=30), timedelta(days=6)),
        (nightly, datetime(2026, 2, 28, tzinfo=UTC), timedelta(days=3), timedelta(days=6)),
    ],
    ids=["a shop at noon", "a shop at midnight", "an export at midweek", "an export before the weekend"],
)
def test_a_source_that_fell_silent_is_noticed_at_the_speed_of_its_own_rhythm(
    source: Callable[[int], Times], last: datetime, in_rhythm: timedelta, silent: timedelta
) -> None:
    times = [each for each in source(7) if each <= last]
    assert verdict(times, in_rhythm).state is State.IN_RHYTHM
    assert verdict(times, silent).state is State.SILENT


def test_a_longer_silence_is_never_more_likely() -> None:
    times = shop(3)
    probabilities = [verdict(times, hours * HOUR).probability or 0.0 for hours in range(0, 400, 7)]
    assert probabilities == sorted(probabilities, reverse=True)
    assert probabilities[0] == 1
    assert all(0 <= each <= 1 for each in probabilities)


def test_regularity_tells_an_export_from_chance_and_from_bursts() -> None:
    found = [rhythm_of(arrivals(times), times[-1], ISTANBUL).regularity for times in (nightly(1), shop(1), bursts(1))]
    assert found[0] > 4
    assert 0.3 < found[1] < 2
    assert found[2] < 0.1


def test_the_expected_deliveries_of_the_history_are_those_that_came() -> None:
    times = shop(5)
    rhythm = rhythm_of(arrivals(times), times[-1], ISTANBUL)
    first = arrivals(times)[0].hour
    expected = rhythm.expected(first, first + rhythm.hours * HOUR)
    assert math.isclose(expected, len(times), rel_tol=1e-9)


@pytest.mark.parametrize(
    ("times", "why"),
    [
        (nightly(1)[:9], "9 of the 10 deliveries that a rhythm needs"),
        (shop(1, weeks=1), "6 of the 14 days that a rhythm needs"),
        ([START], "1 of the 10 deliveries that a rhythm needs"),
    ],
)
def test_with_too_little_history_there_is_no_alarm_but_a_reason(times: Times, why: str) -> None:
    found = verdict(times, 52 * WEEK)
    assert (found.state, found.why, found.probability) == (State.TOO_LITTLE_HISTORY, why, None)


def test_a_silence_of_less_than_five_minutes_is_none() -> None:
    times = [START + timedelta(seconds=second) for second in range(0, 15 * 86_400, 20)]
    assert verdict(times, timedelta(minutes=4)).state is State.IN_RHYTHM
    assert verdict(times, timedelta(minutes=6)).state is State.SILENT


def test_a_moment_before_the_last_delivery_is_no_silence() -> None:
    found = verdict(shop(1), timedelta(hours=-1))
    assert (found.state, found.silence, found.probability) == (State.IN_RHYTHM, timedelta(0), 1)


def test_only_the_last_13_weeks_count() -> None:
    times = shop(1, weeks=16)
    found = verdict(times, timedelta(hours=1))
    assert found.since > times[-1] - 13 * WEEK
    assert found.deliveries < len(times)


@given(st.integers(1, 40), st.integers(1, 40), st.floats(0.001, 0.999))
def test_the_incomplete_beta_function_is_the_tail_of_a_binomial(a: int, b: int, x: float) -> None:
    n = a + b - 1
    binomial = math.fsum(comb(n, k) * x**k * (1 - x) ** (n - k) for k in range(a, n + 1))
    assert math.isclose(incomplete_beta(a, b, x), binomial, rel_tol=1e-8, abs_tol=1e-12)


@given(st.floats(0, 1_000), st.integers(1, 10_000))
def test_the_tail_of_gaps_at_random_is_that_of_lomax(waited: float, gaps: int) -> None:
    lomax = ((1 + gaps) / (1 + gaps + waited)) ** (1 + gaps)
    assert math.isclose(gap_tail(waited, gaps, gaps, 1), lomax, rel_tol=1e-6, abs_tol=1e-250)


@given(st.floats(0.001, 24), st.floats(0, 500), st.floats(0, 500), st.integers(9, 100_000))
def test_a_tail_is_a_probability_that_falls(regularity: float, one: float, other: float, gaps: int) -> None:
    near, far = sorted((one, other))
    assert 0 <= gap_tail(far, gaps, gaps, regularity) <= gap_tail(near, gaps, gaps, regularity) + 1e-9 <= 1 + 1e-8


def test_the_examples_in_the_documentation_are_true() -> None:
    result = doctest.testfile(str(Path("docs/quality.md").absolute()), module_relative=False)
    assert result.attempted > 5
    assert result.failed == 0
