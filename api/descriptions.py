"""Sources, tokens and the platform's state as plain values: the API's answers and what the commands print."""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any

from cdp.access import ServiceToken
from cdp.ingest.outcomes import OUTCOMES, SourceCounts, read_counts
from cdp.platform import Platform
from cdp.sources.source import Source
from projections.lag import lag


def described_source(source: Source) -> dict[str, Any]:
    """A source with the ids of its write keys, never the keys."""
    return {
        "id": str(source.id),
        "name": source.name,
        "channel": source.channel,
        "brand": source.brand,
        "trust": source.trust,
        "namespaces": dict(source.namespaces),
        "disabled": source.disabled,
        "created_at": source.created_on.isoformat(),
        "created_by": source.created_by,
        "write_keys": [
            {"id": key.credential_id, "valid_until": key.valid_until.isoformat() if key.valid_until else None}
            for key in source.keys
        ],
    }


def described_token(token: ServiceToken) -> dict[str, Any]:
    """A service token without its secret."""
    return {
        "name": token.name,
        "scopes": sorted(token.scopes),
        "revoked": token.revoked,
        "created_at": token.created_on.isoformat(),
        "created_by": token.created_by,
    }


def described_status(platform: Platform) -> dict[str, Any]:
    """The books of every source, the log's head, and every projection's lag in events and seconds."""
    platform.registry.refresh()
    head = platform.reader.head()
    books = [_books(platform, counts) for counts in read_counts(platform.databases.log)]
    return {
        "log": {"position": head.position, "recorded_at": head.recorded_at, "incarnation": str(head.incarnation)},
        "sources": sorted(books, key=itemgetter("source")),
        "projections": [each._asdict() for each in lag(platform.databases.read, platform.reader, datetime.now(UTC))],
    }


def _books(platform: Platform, counts: SourceCounts) -> dict[str, Any]:
    source = platform.registry.source(counts.source_id)
    amounts = {outcome: getattr(counts, outcome) for outcome in ("received", *OUTCOMES)}
    return {"source": source.name if source else str(counts.source_id), **amounts, "balanced": counts.balanced}
