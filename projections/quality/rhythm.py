"""A source's own rhythm, and whether its present silence is one that this rhythm does not know.

Pure: the hours with deliveries are given, and so is the present moment. The figures, in this order:

1. *Expected deliveries* by hour of the week, in the configured time zone: a Gamma-Poisson estimate
   (A + 1) / (n + 1/m), where A deliveries came in the n hours of this name and m is the same estimate for the hour of
   the day, shrunk in turn towards the overall mean; scaled so that they sum to what was delivered. Quiet nights and
   closed Sundays so cost nothing.
2. *Silence* is measured in expected deliveries, not in hours: by the time-rescaling theorem gaps measured so come from
   one distribution whatever the hour (Brown, Barbieri, Ventura, Kass and Frank, Neural Computation 14 (2002)).
3. *Regularity* k = 1 / D with the index of dispersion D = Σ(observed − expected)² / Σ expected, where each hour is
   expected from the other weeks only, taken over hours or over days, whichever is larger. For gaps with a Gamma
   distribution of shape k the counts of long windows have D = 1 / k (Cox, "Renewal Theory" (1962), 3.3): a nightly
   export has a large k, a source that comes in bursts a small one and is given more time.
4. *p* = the probability of a gap at least as long as the present one: `tails.gap_tail`.
5. p × gaps a week = how many such silences a week chance alone would bring. Below `RARE` the source is silent.

Not known: holidays, seasons of the year, and what changed within the last weeks. A source with too little history is
never called silent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import NamedTuple
from zoneinfo import ZoneInfo

from projections.quality.tails import gap_tail

HOUR = timedelta(hours=1)
WEEK = timedelta(weeks=1)
HISTORY = 13 * WEEK
"""How far back a rhythm is read."""

LEAST_SPAN = 2 * WEEK
LEAST_DELIVERIES = 10
SHORTEST = timedelta(minutes=5)
"""A shorter silence is never an alarm."""

RARE = 0.01
"""As many such silences a week by chance, about one in two years, are an alarm."""

MOST_REGULAR, LEAST_REGULAR = 24.0, 0.001
_HOURS_A_DAY, _HOURS_A_WEEK = 24, 168


class State(Enum):
    """What is to be said of a source's silence."""

    IN_RHYTHM = "in rhythm"
    SILENT = "silent"
    TOO_LITTLE_HISTORY = "too little history"


class Arrivals(NamedTuple):
    """How many deliveries came in the hour that begins at `hour`."""

    hour: datetime
    deliveries: int


@dataclass(frozen=True)
class Verdict:
    """What a source's rhythm says of its silence.

    `expected` deliveries have not come; `probability` is that of a gap so long, `per_week` how many such gaps a week
    chance brings; None where there is too little history, for which `why` gives the reason.
    """

    state: State
    silence: timedelta
    deliveries: int
    since: datetime
    why: str | None = None
    regularity: float | None = None
    expected: float | None = None
    probability: float | None = None
    per_week: float | None = None


@dataclass(frozen=True)
class Rhythm:
    """Expected deliveries by hour of the week, and what the gaps between them are like.

    `deliveries` came in `hours` hours.
    """

    rates: tuple[float, ...]
    regularity: float
    deliveries: int
    hours: int
    timezone: ZoneInfo

    def expected(self, start: datetime, end: datetime) -> float:
        """How many deliveries were to be expected from `start` to `end`."""
        weeks = max((end - start) // WEEK, 0)
        total = weeks * sum(self.rates)
        at = start + weeks * WEEK
        while at < end:
            following = min(_hour_of(at) + HOUR, end)
            total += self.rates[_slot(at, self.timezone)] * ((following - at) / HOUR)
            at = following
        return total


def judge(arrivals: Sequence[Arrivals], last_received: datetime, now: datetime, timezone: ZoneInfo) -> Verdict:
    """Whether the silence since `last_received` is in the rhythm of the arrivals, which are in order, at least one."""
    arrivals = [each for each in arrivals if each.hour > last_received - HISTORY]
    since, deliveries = arrivals[0].hour, sum(each.deliveries for each in arrivals)
    silence = max(now - last_received, timedelta(0))
    if (why := _too_little(deliveries, last_received - since)) is not None:
        return Verdict(State.TOO_LITTLE_HISTORY, silence, deliveries, since, why)
    rhythm = rhythm_of(arrivals, last_received, timezone)
    expected = rhythm.expected(last_received, now)
    gaps = deliveries - 1
    probability = gap_tail(expected, gaps, gaps, rhythm.regularity)
    per_week = probability * gaps * _HOURS_A_WEEK / rhythm.hours
    silent = per_week < RARE and silence >= SHORTEST
    state = State.SILENT if silent else State.IN_RHYTHM
    return Verdict(state, silence, deliveries, since, None, rhythm.regularity, expected, probability, per_week)


def rhythm_of(arrivals: Sequence[Arrivals], last_received: datetime, timezone: ZoneInfo) -> Rhythm:
    """The rhythm of the hours from the first arrival to the last, the empty ones between them included."""
    observed = _every_hour(arrivals, last_received, timezone)
    counts, hours = _by_slot((each.slot, each.deliveries) for each in observed)
    total = sum(counts)
    priors = _daily_rates(counts, hours, total / len(observed))
    raw = [(count + 1) / (n + 1 / prior) for count, n, prior in zip(counts, hours, priors, strict=True)]
    scale = total / sum(n * rate for n, rate in zip(hours, raw, strict=True))
    regularity = 1 / _dispersion(observed, counts, hours, priors, scale)
    bounded = min(max(regularity, LEAST_REGULAR), MOST_REGULAR)
    return Rhythm(tuple(scale * rate for rate in raw), bounded, total, len(observed), timezone)


class _Observed(NamedTuple):
    """One hour: its place in the week, its day, and how many deliveries it brought."""

    slot: int
    day: date
    deliveries: int


def _too_little(deliveries: int, span: timedelta) -> str | None:
    if deliveries < LEAST_DELIVERIES:
        return f"{deliveries} of the {LEAST_DELIVERIES} deliveries that a rhythm needs"
    if span < LEAST_SPAN:
        return f"{span.days} of the {LEAST_SPAN.days} days that a rhythm needs"
    return None


def _every_hour(arrivals: Sequence[Arrivals], last_received: datetime, timezone: ZoneInfo) -> list[_Observed]:
    found = {each.hour: each.deliveries for each in arrivals}
    hours = (_hour_of(last_received) - arrivals[0].hour) // HOUR + 1
    observed = []
    for number in range(hours):
        hour = arrivals[0].hour + number * HOUR
        local = hour.astimezone(timezone)
        observed.append(_Observed(_slot_of(local), local.date(), found.get(hour, 0)))
    return observed


def _by_slot(hours: Iterable[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """The deliveries and the number of hours of each place in the week."""
    counts, numbers = [0] * _HOURS_A_WEEK, [0] * _HOURS_A_WEEK
    for slot, deliveries in hours:
        counts[slot] += deliveries
        numbers[slot] += 1
    return counts, numbers


def _daily_rates(counts: Sequence[int], hours: Sequence[int], mean: float) -> list[float]:
    """For each place in the week the rate of its hour of the day, shrunk towards the mean."""
    rates = []
    for hour in range(_HOURS_A_DAY):
        came, seen = sum(counts[hour::_HOURS_A_DAY]), sum(hours[hour::_HOURS_A_DAY])
        rates.append((came + 1) / (seen + 1 / mean))
    return [rates[slot % _HOURS_A_DAY] for slot in range(_HOURS_A_WEEK)]


def _dispersion(
    observed: Sequence[_Observed], counts: Sequence[int], hours: Sequence[int], priors: Sequence[float], scale: float
) -> float:
    """Σ(observed − expected)² / Σ expected over hours or over days, whichever is larger, with one pseudo-delivery."""
    squares = total = 0.0
    days: defaultdict[date, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for slot, day, deliveries in observed:
        others = counts[slot] - deliveries
        expected = scale * (others + 1) / (hours[slot] - 1 + 1 / priors[slot])
        squares += (deliveries - expected) ** 2
        total += expected
        days[day][0] += deliveries
        days[day][1] += expected
    by_day = sum((came - expected) ** 2 for came, expected in days.values())
    return (max(squares, by_day) + 1) / (total + 1)


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _slot(moment: datetime, timezone: ZoneInfo) -> int:
    return _slot_of(moment.astimezone(timezone))


def _slot_of(local: datetime) -> int:
    return local.weekday() * _HOURS_A_DAY + local.hour
