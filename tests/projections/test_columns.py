"""Sums by columns are those of the rows, whatever their groups are made of."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from projections.columns import Columns
from projections.rollups import Rollup


class Sale(NamedTuple):
    """A row with a group of every kind and a sum that may be null."""

    source: UUID | None
    store: str | None
    amount: Decimal | None

    @property
    def large(self) -> bool:
        """Not a field: rollups read it all the same."""
        return self.amount is not None and self.amount > 5


BY_SOURCE = Rollup(
    "by_source",
    "sales",
    keys={"source": "uuid", "store": "text", "large": "boolean"},
    count="sales",
    sums={"amount": "numeric"},
)
sales = st.lists(
    st.builds(
        Sale,
        st.sampled_from([None, UUID(int=1), UUID(int=2)]),
        st.sampled_from([None, "north"]),
        st.sampled_from([None, Decimal("1.50"), Decimal("7"), Decimal("1E+2"), Decimal("0.000000000001")]),
    )
)


@given(sales, sales)
def test_what_goes_is_taken_off_and_what_comes_is_added(old: list[Sale], new: list[Sale]) -> None:
    expected: defaultdict[tuple[object, ...], list[object]] = defaultdict(lambda: [0, Decimal(0)])
    for rows, sign in ((old, -1), (new, 1)):
        for row in rows:
            sums = expected[row.source, row.store, row.large]
            sums[0] += sign  # type: ignore[operator]
            sums[1] += sign * (row.amount or 0)  # type: ignore[operator]
    assert BY_SOURCE.difference(old, new) == expected
    changed = {row[:3]: [*row[3:]] for row in BY_SOURCE.changed(Columns(old), Columns(new))}
    assert changed == {group: sums for group, sums in expected.items() if any(sums)}


def test_a_column_is_read_once() -> None:
    columns = Columns([Sale(UUID(int=1), "north", Decimal(1)), Sale(None, None, None)])
    assert columns["large"] == [False, False] and columns["large"] is columns["large"]
    assert [*columns.numbers("source")] == [1, None]
    assert len(columns) == 2 and [*columns] == columns.rows
