"""Sums by columns are those of the rows, whatever their groups are made of."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, date, datetime
from decimal import Decimal, localcontext
from typing import Any, NamedTuple
from unittest.mock import patch
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections import tallies
from projections.columns import Columns, NotExact
from projections.rollups import EXACT, Figure, Rollup


class Sale(NamedTuple):
    """A row with a group of every kind and sums that may be null."""

    source: UUID | None
    store: str | None
    day: date | None
    hour: datetime | None
    place: Decimal | None
    amount: Decimal | None
    pieces: int | None

    @property
    def large(self) -> bool | None:
        """Not a field: rollups read it all the same."""
        return None if self.amount is None else self.amount > 5


SALES = Rollup(
    "by_source",
    "sales",
    keys={
        "source": "uuid",
        "store": "text",
        "day": "date",
        "hour": "timestamptz",
        "place": "numeric",
        "large": "boolean",
    },
    count="sales",
    sums={"amount": "numeric", "pieces": "bigint"},
)
SMALLEST, GREATEST = Decimal(1).scaleb(-24), Decimal("9" * 40)
AMOUNTS = [None, Decimal("1.50"), Decimal("1E+2"), Decimal("0.1"), SMALLEST, GREATEST, GREATEST.copy_negate()]
sales = st.lists(
    st.builds(
        Sale,
        st.sampled_from([None, UUID(int=1), UUID(int=2**128 - 1)]),
        st.sampled_from([None, "", "İzmir"]),
        st.sampled_from([None, date(2024, 2, 29), date.min]),
        st.sampled_from([None, datetime(2024, 2, 29, 23, 59, 59, 999_999, UTC), datetime.max.replace(tzinfo=UTC)]),
        st.sampled_from([None, Decimal("1.5"), Decimal("1.50")]),
        st.sampled_from(AMOUNTS),
        st.sampled_from([None, 0, -7, 2**40]),
    )
)


@given(sales, sales, st.booleans())
def test_what_goes_is_taken_off_and_what_comes_is_added(old: list[Sale], new: list[Sale], columns: bool) -> None:
    expected: defaultdict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, Decimal(0), 0])
    with localcontext(EXACT):
        for rows, sign in ((old, -1), (new, 1)):
            for row in rows:
                sums = expected[row.source, row.store, row.day, row.hour, row.place, row.large]
                sums[:] = [sums[0] + sign, sums[1] + sign * (row.amount or 0), sums[2] + sign * (row.pieces or 0)]
    with patch.object(tallies, "FEW", 0 if columns else 500):
        assert SALES.difference(Columns(old), Columns(new)) == expected
        changed = {row[:6]: [*row[6:]] for row in SALES.changed(Columns(old), Columns(new))}
    assert changed == {group: sums for group, sums in expected.items() if any(sums)}


@given(sales, sales, st.booleans())
def test_values_are_counted_by_how_many_rows_more_have_them(old: list[Sale], new: list[Sale], columns: bool) -> None:
    rollup = Rollup("pieces", "sales", {"store": "text"}, "sales")
    expected: defaultdict[tuple[Any, Any], int] = defaultdict(int)
    for rows, sign in ((old, -1), (new, 1)):
        for row in rows:
            if row.pieces is not None:
                expected[(row.store,), row.pieces] += sign
    with patch.object(tallies, "FEW", 0 if columns else 500):
        found = rollup.values(Figure("pieces", "bigint"), Columns(old), Columns(new))
    assert found == {each: change for each, change in expected.items() if change}


@pytest.mark.parametrize("few", [0, 500])
@pytest.mark.parametrize("amount", [Decimal("1E-25"), Decimal("1E+40")])
def test_a_number_that_no_sum_can_hold_is_named(amount: Decimal, few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "FEW", few)
    sale = Sale(None, None, None, None, None, amount, None)
    with pytest.raises(NotExact, match=r"the column amount of the type numeric .* at most 40 digits"):
        SALES.changed(Columns(()), Columns([sale]))


def test_a_group_that_many_rows_share_is_found_on_several_processors_too() -> None:
    rows = [Sale(None, str(number % 7), None, None, None, Decimal("0.01"), 1) for number in range(70_000)]
    changed = SALES.changed(Columns(()), Columns(rows))
    assert sorted((row[1], *row[6:]) for row in changed) == [(str(n), 10_000, 100, 10_000) for n in range(7)]


def test_a_column_is_read_once() -> None:
    columns = Columns([Sale(UUID(int=1), "north", None, None, None, Decimal(1), None), Sale(*[None] * 7)])
    assert columns["large"] == [False, None] and columns["large"] is columns["large"]
    assert columns.arrow("source", "uuid") is columns.arrow("source", "uuid")
    assert len(columns) == 2 and [*columns] == columns.rows
