"""Sums over groups are what exact arithmetic says, however large or fine the amounts are."""

from __future__ import annotations

from decimal import Decimal, localcontext
from itertools import pairwise

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.sources.files.sums import group_sums

AMOUNTS = st.one_of(
    st.none(),
    st.decimals(-(10**6), 10**6, places=2),
    st.decimals(-(10**20), 10**20, places=12),
    st.decimals(-1, 1, places=20),
)


@settings(deadline=None)
@given(st.lists(st.lists(AMOUNTS, min_size=1, max_size=4), min_size=1, max_size=5))
def test_group_sums(groups: list[list[Decimal | None]]) -> None:
    edges = [0]
    for group in groups:
        edges.append(edges[-1] + len(group))
    rows = [None if amount is None else format(amount, "f") for group in groups for amount in group]
    found = group_sums(pa.array(rows, pa.string()), pa.array(edges, pa.int32()))
    with localcontext(prec=60):
        for (start, end), text, count in zip(
            pairwise(edges), found.texts.to_pylist(), found.counts.to_pylist(), strict=True
        ):
            amounts = [Decimal(row) for row in rows[start:end] if row is not None]
            assert count == len(amounts)
            assert (text is None) == (not amounts)
            assert text is None or Decimal(text) == sum(amounts, Decimal(0))
            assert text is None or "E" not in text
            assert text is None or "." not in text or not text.endswith("0")


def test_the_running_sum_may_run_over() -> None:
    rows = pa.array(["9000000000000000000", "9000000000000000000", "1"], pa.string())
    assert group_sums(rows, pa.array([0, 1, 2, 3], pa.int32())).texts.to_pylist() == rows.to_pylist()
