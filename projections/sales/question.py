"""A question about sales: which measures, broken down by what, of which time, under which filters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from projections.sales.dimensions import DIMENSIONS, NONE, TIMES
from projections.sales.measures import MEASURES, Measure, in_money, parts
from projections.sales.rows import first_of_month, first_of_split_week, first_of_year
from projections.sales.tables import MONTH, SPLIT_WEEK, Family
from projections.sales.views.judging import UNJUDGED, Judging

LARGEST_LIMIT = 100_000
PREVIOUS, YEAR = "previous", "year"
COMPARISONS = (PREVIOUS, YEAR)
T = TypeVar("T")


class InvalidQuestion(ValueError):
    """A question that cannot be answered; the message says what was asked, what can be, and what to do."""


@dataclass(frozen=True)
class Period:
    """Calendar days in a time zone, both included; None means without end."""

    first: date | None
    last: date | None

    def __post_init__(self) -> None:
        if self.first is not None and self.last is not None and self.last < self.first:
            raise InvalidQuestion(f"the time ends on {self.last}, before it begins on {self.first}: turn them round")

    @property
    def whole_months(self) -> bool:
        """Whether no month is cut."""
        begins = self.first is None or self.first.day == 1
        return begins and (self.last is None or (self.last + timedelta(days=1)).day == 1)

    def whole(self, width: str) -> Period | None:
        """The longest stretch of it that is made of whole split weeks, months or years; None if it has none."""
        first = None if self.first is None else _next_begin(self.first, width)
        last = None if self.last is None else began(width, self.last + timedelta(days=1)) - timedelta(days=1)
        return None if first is not None and last is not None and last < first else Period(first, last)

    def without(self, inner: Period | None) -> list[Period]:
        """What is left of it at both ends of a stretch."""
        if inner is None:
            return [self]
        day, rest = timedelta(days=1), []
        if inner.first is not None and inner.first != self.first:
            rest.append(Period(self.first, inner.first - day))
        if inner.last is not None and inner.last != self.last:
            rest.append(Period(inner.last + day, self.last))
        return rest

    def nearest(self, day: date) -> date:
        """The day of it that is nearest to a day."""
        return min(max(day, self.first or day), self.last or day)

    def instants(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """When the first day begins and when the last one is over, in UTC."""
        return (
            _midnight(self.first, zone) if self.first else None,
            _midnight(self.last + timedelta(days=1), zone) if self.last else None,
        )

    def before(self, comparison: str) -> Period:
        """The period to compare with: as many days directly before, or the same days of the year before."""
        if self.first is None or self.last is None:
            raise InvalidQuestion(f"compare={comparison} needs a first and a last day: give from and to")
        if comparison == YEAR:
            return Period(_year_before(self.first), _year_before(self.last))
        if self.whole_months:
            months = (self.last.year - self.first.year) * 12 + self.last.month - self.first.month + 1
            return Period(_months_before(self.first, months), self.first - timedelta(days=1))
        days = (self.last - self.first).days + 1
        return Period(self.first - timedelta(days=days), self.first - timedelta(days=1))


@dataclass(frozen=True)
class Question:
    """What is asked. `filters` gives for each dimension the values that may be; `convert` the currency to convert to.

    `order` names measures and dimensions, a minus in front turns one round. `judging` says by what customers are put
    into groups. Raises `InvalidQuestion`.
    """

    measures: tuple[str, ...]
    by: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    period: Period = Period(None, None)
    zone: ZoneInfo | None = None
    convert: str | None = None
    order: tuple[str, ...] = ()
    limit: int = 1_000
    judging: Judging = UNJUDGED

    def __post_init__(self) -> None:
        if not self.measures:
            raise InvalidQuestion(f"no measure is asked for; expected one or more of {', '.join(MEASURES)}")
        _known("measure", self.measures, MEASURES)
        _known("dimension", (*self.by, *self.filters), DIMENSIONS)
        _once("measure", self.measures)
        _once("dimension", self.by)
        for name in self.by:
            if DIMENSIONS[name].condition is not None:
                raise InvalidQuestion(f"{name} is a filter only, as an order has many: ask {name}=VALUE")
        if {"tier", "definition"} & {*self.by, *self.filters} and self.judging.definition is None:
            raise InvalidQuestion("tiers need a value pyramid: name one, such as pyramid=value@1")
        for measure in self.chosen:
            self._check(measure)
        for name, values in self.filters.items():
            for value in values:
                _readable(name, value)
        sortable = [*self.measures, *self.keys]
        _known("column to order by", [each.removeprefix("-") for each in self.order], sortable)
        if not 1 <= self.limit <= LARGEST_LIMIT:
            raise InvalidQuestion(
                f"limit={self.limit}; expected 1 to {LARGEST_LIMIT}: break a larger answer into parts"
            )

    @property
    def chosen(self) -> list[Measure]:
        """The measures asked for."""
        return [MEASURES[name] for name in self.measures]

    @property
    def families(self) -> list[Family]:
        """Where they come from, each once."""
        return list(dict.fromkeys(part.family for measure in self.chosen for part in parts(measure)))

    @property
    def money(self) -> bool:
        """Whether amounts are asked for."""
        return any(map(in_money, self.chosen))

    @property
    def keys(self) -> tuple[str, ...]:
        """The columns that tell the rows of the answer apart. Amounts are told apart by currency unless converted."""
        apart = self.money and self.convert is None and "currency" not in self.by
        return (*self.by, "currency") if apart else self.by

    @property
    def ordering(self) -> tuple[str, ...]:
        """The columns that rows go by: as asked; else time, and where there is none the first measure."""
        times = tuple(name for name in self.by if name in TIMES)
        return self.order or times or (f"-{self.measures[0]}",)

    def _check(self, measure: Measure) -> None:
        for part in parts(measure):
            offered = part.family.base.dimensions
            for name in (*self.by, *self.filters):
                if name not in TIMES and name not in offered:
                    similar = [each.name for each in MEASURES.values() if name in each.family.base.dimensions]
                    raise InvalidQuestion(
                        f"{measure.name} is not known by {name}, only by time and {', '.join(sorted(offered))}; "
                        f"by {name} ask for one of {', '.join(similar)}"
                    )


def began(time: str, day: date) -> date:
    """The first day of the week, split week, month, quarter or year that a day is in; of a day or an hour itself."""
    match time:
        case "split_week":
            return first_of_split_week(day)
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return first_of_month(day)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case "year":
            return first_of_year(day)
        case _:
            return day


def _next_begin(day: date, width: str) -> date:
    """The first day of a split week, month or year that is not before it."""
    if day == began(width, day):
        return day
    if width == SPLIT_WEEK:
        return min(began("week", day) + timedelta(days=7), _months_before(day, -1))
    return _months_before(day, -1) if width == MONTH else date(day.year + 1, 1, 1)


def hours_apart(zone: ZoneInfo, other: ZoneInfo) -> bool:
    """Whether hours begin at the same moments in both time zones, looked at twice a year."""
    moments = [datetime(year, month, 1, tzinfo=UTC) for year in range(1990, 2041) for month in (1, 7)]
    return all(_minutes(zone, at) == _minutes(other, at) for at in moments)


def _minutes(zone: ZoneInfo, at: datetime) -> int:
    return at.astimezone(zone).minute


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), zone).astimezone(UTC)


def _year_before(day: date) -> date:
    """The same day a year earlier; 29 February becomes 28 February."""
    return day.replace(year=day.year - 1, day=28 if (day.month, day.day) == (2, 29) else day.day)


def _months_before(day: date, months: int) -> date:
    number = day.year * 12 + day.month - 1 - months
    return date(number // 12, number % 12 + 1, 1)


def _known(what: str, given: Sequence[str], known: Collection[str]) -> None:
    for name in given:
        if name not in known:
            raise InvalidQuestion(f"{name!r} is no {what}; expected one of {', '.join(known)}")


def _readable(name: str, value: str) -> None:
    """Refuses a filter's value that its dimension cannot have."""
    read, expected = _READERS[DIMENSIONS[name].type]
    if value != NONE:
        try:
            read(value)
        except ValueError:
            raise InvalidQuestion(f"{name}={value!r}; expected {expected}, or {NONE} where it is not known") from None


_READERS: Mapping[str, tuple[Callable[[str], object], str]] = {
    "text": (str, "a text"),
    "uuid": (UUID, "the id of a source"),
    "integer": (int, "a whole number"),
    "date": (date.fromisoformat, "a day such as 2024-12-31"),
    "timestamptz": (datetime.fromisoformat, "a moment such as 2024-12-31T12:00:00+03:00"),
}


def _once(what: str, given: Sequence[str]) -> None:
    for name in _repeated(given):
        raise InvalidQuestion(f"the {what} {name} is asked for twice: name it once")


def _repeated(given: Sequence[T]) -> Iterator[T]:
    return (each for at, each in enumerate(given) if each in given[:at])
