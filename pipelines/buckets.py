"""Buckets: how rows travel between the steps of a pipeline, many in one element.

Rows of one key always meet in the same bucket, on whatever machine they were made: the bucket is a CRC-32, never
Python's own hash, which differs from process to process.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Generic, NewType, TypeVar
from zlib import crc32

import msgspec
import pyarrow as pa
from psycopg.types.json import Jsonb

from pipelines.json_text import json_text

BUCKETS = 64

T = TypeVar("T")
Packed = NewType("Packed", bytes)
"""Values in MessagePack: texts for decimals and UUIDs, so that each digit survives."""


def _in_text(value: Any) -> str:
    """JSON is sent as text."""
    if isinstance(value, Jsonb):
        return json_text(value.obj)
    raise NotImplementedError(f"a value of the type {type(value)} cannot travel")


_encode = msgspec.msgpack.Encoder(decimal_format="string", enc_hook=_in_text).encode


def bucket_of(key: object) -> int:
    """The bucket of a key: a text, number, date, UUID, or a tuple of such."""
    return crc32(_encode(key)) % BUCKETS


def bucketed(values: Iterable[T], key: Callable[[T], object]) -> dict[int, list[T]]:
    """The values by the bucket of their key."""
    buckets: dict[int, list[T]] = {}
    for value in values:
        buckets.setdefault(bucket_of(key(value)), []).append(value)
    return buckets


class Codec(Generic[T]):
    """Lists of values of one type, a named tuple for instance, to bytes and back."""

    def __init__(self, kind: Any) -> None:
        self._decoder: msgspec.msgpack.Decoder[list[T]] = msgspec.msgpack.Decoder(list.__class_getitem__(kind))

    @staticmethod
    def pack(values: Sequence[T]) -> Packed:
        """The bytes of values."""
        return Packed(_encode(values))

    def unpack(self, packed: bytes | memoryview) -> list[T]:
        """The values again, in their types."""
        return self._decoder.decode(packed)

    def unpack_all(self, many: Iterable[bytes]) -> Iterator[T]:
        """The values of several, one after the other."""
        for packed in many:
            yield from self._decoder.decode(packed)


def packed_table(table: pa.Table) -> bytes:
    """The bytes of columns."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


def unpacked_table(packed: bytes) -> pa.Table:
    """The columns again."""
    return pa.ipc.open_stream(packed).read_all()
