"""Arrays of numbers and texts as parameters of statements, packed at once: a tenth of the time that element by element
takes.

In PostgreSQL's binary format an array is its number of dimensions, whether it has nulls, the type of its elements, its
length and its lower bound, then each element with its length, all big-endian.
"""

from __future__ import annotations

from collections.abc import Sequence
from struct import Struct

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

OID_OF_BIGINT = 20
OID_OF_BIGINTS = 1016
BYTES_OF_BIGINT = 8
OID_OF_TEXT = 25
OID_OF_TEXTS = 1009

_HEAD = Struct(">iiiii").pack
_NOTHING = Struct(">iii").pack
_LENGTH = Struct(">i").pack
_SHORT = [Struct(">" + "iq" * length).pack for length in range(51)]


class Bigints(list[int]):
    """Numbers for a parameter that is a `bigint[]`."""


class BigintsDumper(Dumper):
    """Gives them to psycopg."""

    format = Format.BINARY
    oid = OID_OF_BIGINTS

    def dump(self, obj: Sequence[int]) -> bytes:
        """The array in the binary format."""
        return packed(obj)


class Texts(list[str]):
    """Texts for a parameter that is a `text[]`."""


class TextsDumper(Dumper):
    """Gives them to psycopg."""

    format = Format.BINARY
    oid = OID_OF_TEXTS

    def dump(self, obj: Sequence[str]) -> bytes:
        """The array in the binary format."""
        if not obj:
            return _NOTHING(0, 0, OID_OF_TEXT)
        parts = [_HEAD(1, 0, OID_OF_TEXT, len(obj), 1)]
        for text in obj:
            encoded = text.encode()
            parts += _LENGTH(len(encoded)), encoded
        return b"".join(parts)


def packed(numbers: Sequence[int]) -> bytes:
    """An array of bigint."""
    length = len(numbers)
    if not length:
        return _NOTHING(0, 0, OID_OF_BIGINT)
    elements = [BYTES_OF_BIGINT] * (2 * length)
    elements[1::2] = numbers
    pack = _SHORT[length] if length < len(_SHORT) else Struct(">" + "iq" * length).pack
    return _HEAD(1, 0, OID_OF_BIGINT, length, 1) + pack(*elements)


psycopg.adapters.register_dumper(Bigints, BigintsDumper)
psycopg.adapters.register_dumper(Texts, TextsDumper)
