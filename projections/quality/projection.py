"""Quality: what each source sends, how complete, how late and in which rhythm."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from cdp.log.touchpoint import Header, Touchpoint
from projections.contract import Batch, Connected, Surroundings, Writer
from projections.quality.freshness import freshness_of, last_deliveries, write_freshness
from projections.quality.shape import Shape, shape_id, shape_of
from projections.quality.tallies import DAILY, HOURS, write_shapes

_QUARTER = 900
"""Seconds in which no time zone changes its offset or its day: each offset is a multiple of a quarter of an hour."""


class QualityProjection:
    """Its rows depend on the time zone, in which a day is counted."""

    name = "quality"
    version = 1
    requires: tuple[str, ...] = ()

    def configuration(self, surroundings: Surroundings) -> str:
        """The time zone."""
        return f"timezone={surroundings.timezone.key}"

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        """A writer that has counted nothing yet."""
        return QualityWriter(schemas[self.name], surroundings.timezone)


PROJECTION = QualityProjection()


class QualityWriter:
    """Counts a batch in memory, shape by shape, and adds the counts up in a few statements."""

    def __init__(self, schema: str, timezone: ZoneInfo) -> None:
        self._schema = schema
        self._timezone = timezone
        self._days: dict[int, date] = {}
        self._last_delivery: dict[UUID, UUID] = {}

    def write(self, batch: Batch, connection: Connected) -> frozenset[str]:
        """Adds the batch to the counts. No row that others build upon changes."""
        if batch.touchpoints:
            self._count_shapes(batch, connection)
            self._count_deliveries(batch, connection)
        return frozenset()

    def _count_shapes(self, batch: Batch, connection: Connected) -> None:
        shapes: Counter[tuple[int, date, str, Shape]] = Counter()
        for touchpoint in batch.touchpoints:
            header = touchpoint.header
            shapes[header.source.int, self._day(header.effective_at), header.name, shape_of(touchpoint)] += 1
        fields = {shape: shape.fields() for shape in {shape for *_, shape in shapes}}
        ids = {shape: shape_id(names) for shape, names in fields.items()}
        daily: Counter[tuple[UUID, date, str, bytes]] = Counter()
        for (source, day, name, shape), count in shapes.items():
            daily[UUID(int=source), day, name, ids[shape]] += count
        write_shapes(connection, self._schema, {ids[shape]: names for shape, names in fields.items()})
        DAILY.add(connection, self._schema, daily)

    def _count_deliveries(self, batch: Batch, connection: Connected) -> None:
        """Touchpoints of one delivery are neighbours among those of their source, even where batches part them."""
        known, by_source = self._last_delivery, _by_source(batch.touchpoints)
        if not by_source.keys() <= known.keys():
            known |= last_deliveries(connection, self._schema, by_source.keys() - known.keys())
        hours: Counter[tuple[UUID, datetime]] = Counter()
        for source, headers in by_source.items():
            for header in headers:
                if known.get(source) != header.delivery:
                    known[source] = header.delivery
                    hours[source, header.received_at.replace(minute=0, second=0, microsecond=0)] += 1
        HOURS.add(connection, self._schema, hours)
        write_freshness(connection, self._schema, [freshness_of(headers) for headers in by_source.values()])

    def _day(self, moment: datetime) -> date:
        quarter = int(moment.timestamp()) // _QUARTER
        day = self._days.get(quarter)
        if day is None:
            at = datetime.fromtimestamp(quarter * _QUARTER, UTC)
            day = self._days[quarter] = at.astimezone(self._timezone).date()
        return day


def _by_source(touchpoints: Iterable[Touchpoint]) -> dict[UUID, list[Header]]:
    """The headers of each source's touchpoints, in order."""
    found: defaultdict[int, list[Header]] = defaultdict(list)
    for touchpoint in touchpoints:
        found[touchpoint.header.source.int].append(touchpoint.header)
    return {UUID(int=source): headers for source, headers in found.items()}
