"""What stands in the archive beside the stored bytes: the fields that queries filter, group and sum by, as columns.

They are read from the clear parts and say nothing that is not there. All are null for events of aggregates, and so
is what would stand in a business part that cannot be read: the archive keeps whatever the log has.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from cdp.log.events import RecordedEvent
from cdp.log.header import decode_header
from cdp.log.parts import BUSINESS
from cdp.log.sealing import SALT_BYTES
from cdp.log.touchpoint import TOPIC

MOMENT = pa.timestamp("us", tz="UTC")

OF_HEADER = pa.schema(
    [
        pa.field("source", pa.string()),
        pa.field("channel", pa.string()),
        pa.field("name", pa.string()),
        pa.field("effective_at", MOMENT),
        pa.field("occurred_at", MOMENT),
        pa.field("received_at", MOMENT),
        pa.field("subject", pa.int64()),
    ]
)
"""What is read from the header of a touchpoint."""

OF_BUSINESS = pa.schema(
    [
        pa.field("order_reference", pa.string()),
        pa.field("total", pa.string()),
        pa.field("revenue", pa.string()),
        pa.field("currency", pa.string()),
        pa.field("store", pa.string()),
        pa.field("campaign", pa.string()),
        pa.field("coupon", pa.string()),
    ]
)
"""What is read from its business part, as texts: amounts keep every digit that was sent."""

PROMOTED = pa.schema([*OF_HEADER, *OF_BUSINESS])

_Raw = msgspec.Raw
_ABSENT = _Raw(b"null")
_NOTHING = (None,) * len(PROMOTED)
_NO_BUSINESS = (None,) * len(OF_BUSINESS)


class _References(msgspec.Struct):
    order_id: str | None = None


class _Properties(msgspec.Struct):
    total: _Raw = _ABSENT
    revenue: _Raw = _ABSENT
    currency: _Raw = _ABSENT
    store: _Raw = _ABSENT
    campaign: _Raw = _ABSENT
    coupon: _Raw = _ABSENT


class _Business(msgspec.Struct):
    properties: _Properties = msgspec.field(default_factory=_Properties)
    references: _References = msgspec.field(default_factory=_References)


_decode = msgspec.json.Decoder(_Business).decode


def promoted(event: RecordedEvent) -> tuple[Any, ...]:
    """The values of the promoted columns."""
    if event.topic != TOPIC:
        return _NOTHING
    header = decode_header(event.header)
    moments = (header.effective_at, header.occurred_at, header.received_at)
    return (str(header.source), header.channel, header.name, *moments, header.subject, *_of_business(event))


def _of_business(event: RecordedEvent) -> tuple[str | None, ...]:
    if event.business is None or BUSINESS in event.redacted:
        return _NO_BUSINESS
    try:
        business = _decode(memoryview(event.business)[SALT_BYTES:])
    except msgspec.DecodeError:
        return _NO_BUSINESS
    sent = msgspec.structs.astuple(business.properties)
    return (business.references.order_id, *map(_text, sent))


def _text(sent: msgspec.Raw) -> str | None:
    """A text or a number as it was sent; nothing else is an amount or a name."""
    stored = bytes(sent)
    if stored.startswith(b'"'):
        return msgspec.json.decode(stored, type=str)
    return stored.decode() if stored[:1] in _NUMBER else None


_NUMBER = [b"-", *(b"%d" % digit for digit in range(10))]
