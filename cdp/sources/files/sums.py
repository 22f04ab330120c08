"""Exact sums of decimals over groups of rows."""

from __future__ import annotations

from decimal import Context, Decimal
from itertools import pairwise
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Texts
from cdp.sources.files.kinds import decimal_texts

_EXACT = pa.decimal256(36, 12)
_MOST_DECIMALS = 12
_LARGEST = 2**63
_CONTEXT = Context(prec=100)


class GroupSums(NamedTuple):
    """For each group the sum as text, null where no row has an amount; and of how many rows it is the sum."""

    texts: Texts
    counts: Any


def group_sums(texts: Texts, offsets: Any) -> GroupSums:
    """What the decimal texts of rows `offsets[i]` up to `offsets[i + 1]` add up to."""
    counts = _sums(pc.is_valid(texts).cast(pa.int64()), offsets)
    sums = _by_integers(texts, offsets)
    if sums is None:
        sums = _one_by_one(texts, offsets)
    return GroupSums(pc.if_else(pc.greater(counts, 0), sums, None), counts)


def _by_integers(texts: Texts, offsets: Any) -> Texts | None:
    """The sums in units of the smallest decimal; None where one might not fit into 64 bits."""
    decimals = _decimals(texts)
    if decimals > _MOST_DECIMALS:
        return None
    unit = pa.scalar(Decimal(10) ** decimals, pa.decimal256(13, 0))
    whole = pc.multiply(texts.cast(_EXACT), unit)
    bounds = pc.min_max(whole).as_py()
    most = max(abs(bounds["min"] or 0), abs(bounds["max"] or 0))
    if most * (pc.max(_sizes(offsets)).as_py() or 0) >= _LARGEST:
        return None
    sums = _sums(pc.fill_null(whole.cast(pa.int64()), 0), offsets)
    fraction = pa.scalar(Decimal(1).scaleb(-decimals), pa.decimal256(13, decimals))
    return decimal_texts(pc.multiply(sums.cast(pa.decimal256(19, 0)), fraction))


def _sums(integers: Any, offsets: Any) -> Any:
    """Differences of the running sum, which may run over: the differences are right all the same."""
    ends = pc.cumulative_sum(integers).take(pc.subtract(offsets.slice(1), 1))
    return pc.subtract(ends, pa.concat_arrays([pa.array([0], pa.int64()), ends.slice(0, len(ends) - 1)]))


def _one_by_one(texts: Texts, offsets: Any) -> Texts:
    values, edges = texts.to_pylist(), offsets.to_pylist()
    sums = []
    for start, end in pairwise(edges):
        total = Decimal(0)
        for value in values[start:end]:
            total = _CONTEXT.add(total, Decimal(value or 0))
        sums.append(format(total, "f"))
    return pa.array([text.rstrip("0").rstrip(".") if "." in text else text for text in sums], pa.string())


def _decimals(texts: Texts) -> int:
    """How many decimals the longest of the texts has."""
    point = pc.find_substring(texts, ".")
    digits = pc.if_else(pc.less(point, 0), 0, pc.subtract(pc.subtract(pc.binary_length(texts), point), 1))
    most: int | None = pc.max(digits).as_py()
    return most or 0


def _sizes(offsets: Any) -> Any:
    return pc.subtract(offsets.slice(1), offsets.slice(0, len(offsets) - 1))
