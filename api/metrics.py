"""What the API process tells Prometheus: its own requests, and from the databases what all processes did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from prometheus_client import Counter, Histogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from cdp.ingest.batcher import Batcher
from cdp.ingest.outcomes import OUTCOMES, read_counts
from cdp.platform import Platform
from projections.lag import lag
from projections.quality.queries import read_sources, read_verdicts
from projections.quality.rhythm import State
from projections.reading import NotBuilt, snapshot

REQUEST_SECONDS = Histogram("cdp_collect_seconds", "Time from a collection request to its answer, commit included.")
REFUSED = Counter("cdp_collect_refused_total", "Collection requests not answered with 200, by status.", ["status"])


class PlatformMetrics(Collector):
    """Read from the databases at each scrape, so that they are the same whichever worker answers."""

    def __init__(self, platform: Platform, batcher: Batcher[Any]) -> None:
        self._platform = platform
        self._batcher = batcher

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """No names in advance: collecting needs the databases."""
        return iter(())

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Counts by source and outcome, the log's head, how far projections lag, and the queue of this process."""
        meaning = "Items by source and outcome; received is the sum of the others."
        items = GaugeMetricFamily("cdp_items", meaning, labels=["source", "outcome"])
        for counts in read_counts(self._platform.databases.log):
            source = self._platform.registry.source(counts.source_id)
            name = source.name if source else str(counts.source_id)
            for outcome in ("received", *OUTCOMES):
                items.add_metric([name, outcome], getattr(counts, outcome))
        yield items
        yield GaugeMetricFamily("cdp_log_position", "The last position.", value=self._platform.reader.head().position)
        yield GaugeMetricFamily("cdp_queue_items", "Items waiting for their commit.", value=self._batcher.items)
        yield GaugeMetricFamily("cdp_queue_bytes", "Bytes waiting for their commit.", value=self._batcher.bytes)
        events = GaugeMetricFamily("cdp_projection_lag_events", "Events behind the log.", labels=["projection"])
        seconds = GaugeMetricFamily("cdp_projection_lag_seconds", "Seconds behind the log.", labels=["projection"])
        for each in lag(self._platform.databases.read, self._platform.reader, datetime.now(UTC)):
            events.add_metric([each.projection], each.events)
            seconds.add_metric([each.projection], each.seconds)
        yield events
        yield seconds
        yield from _silence(self._platform)


def _silence(platform: Platform) -> Iterator[GaugeMetricFamily]:
    """Which sources fell silent; nothing before a projector ran."""
    silent = GaugeMetricFamily("cdp_source_silent", "1 for a source silent against its own rhythm.", labels=["source"])
    seconds = GaugeMetricFamily("cdp_source_silence_seconds", "Seconds since its last delivery.", labels=["source"])
    try:
        with snapshot(platform.databases.read) as connection:
            verdicts = read_verdicts(
                connection, read_sources(connection), datetime.now(UTC), ZoneInfo(platform.settings.timezone)
            )
    except NotBuilt:
        return
    for source_id, verdict in verdicts.items():
        source = platform.registry.source(source_id)
        if source is not None and not source.disabled:
            silent.add_metric([source.name], verdict.state is State.SILENT)
            seconds.add_metric([source.name], verdict.silence.total_seconds())
    yield silent
    yield seconds
