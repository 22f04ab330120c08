"""What the log holds, read back by another process than the one that wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cdp.ingest.outcomes import SourceCounts, read_counts
from cdp.log.touchpoint import CONTENT, Touchpoint
from cdp.platform import Platform

_GAPS = """
select
    (select position from log_head) - count(*),
    coalesce(max(position), 0) - count(*),
    (
        select count(*)
        from (
            select recorded_at < lag(recorded_at) over (order by position) as back
            from event
        ) as following
        where back
    )
from event
"""
_VERSION_GAPS = """
select originator_id, min(originator_version), max(originator_version), count(*)
from event
group by originator_id
having min(originator_version) <> 1 or max(originator_version) <> count(*)
"""


def touchpoints(platform: Platform) -> Iterator[Touchpoint]:
    """All touchpoints in the order of the log, opened. Raises `LogCorrupt` where a position is missing."""
    position = 0
    while events := platform.reader.read(position, 5_000):
        yield from platform.opener.open(events)
        position = events[-1].position


def message_ids(platform: Platform) -> Counter[str]:
    """How often each message id is stored, as its sender wrote it, which only the keys of the vault can tell."""
    return Counter(each.personal[CONTENT]["messageId"] for each in touchpoints(platform))


def assert_gapless(platform: Platform) -> None:
    """Positions and the versions of every stream rise by one from 1, the head is the last, no clock goes back."""
    with platform.databases.log.connection() as connection:
        assert connection.execute(_GAPS).fetchone() == (0, 0, 0)
        assert connection.execute(_VERSION_GAPS).fetchall() == []


def books(platform: Platform, name: str) -> SourceCounts:
    """What was received of a source and what became of it."""
    platform.registry.refresh()
    (source,) = (each for each in platform.registry.sources() if each.name == name)
    return next(
        (counts for counts in read_counts(platform.databases.log) if counts.source_id == source.id),
        SourceCounts(source.id, 0, 0, 0, 0, 0, 0),
    )
