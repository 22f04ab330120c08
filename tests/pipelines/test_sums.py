"""Sums made in parts are those of all rows together."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from pipelines.sums import Sums
from projections.rollups import Figure, Rollup, trimmed
from tests.projections.plainly import table_of


class Sale(NamedTuple):
    """A row with what rollups are made of; `doubled` is computed, as a row may."""

    day: date
    channel: str | None
    amount: Decimal | None
    units: int
    buyer: str | None

    @property
    def doubled(self) -> int:
        """Twice the units."""
        return 2 * self.units


ROLLUP = Rollup(
    table="daily",
    source="sales",
    keys={"day": "date", "channel": "text"},
    count="sales",
    sums={"amount": "numeric", "doubled": "bigint"},
    least={"smallest": Figure("amount", "numeric")},
    greatest={"most": Figure("units", "bigint")},
    distinct={"buyers": Figure("buyer", "text")},
)
rows = st.lists(
    st.builds(
        Sale,
        st.sampled_from([date(2024, 1, 1), date(2024, 2, 29)]),
        st.sampled_from(["web", "", None]),
        st.none() | st.decimals(-(10**20), 10**20, allow_nan=False, allow_infinity=False, places=3),
        st.integers(-9, 9),
        st.sampled_from(["1", "2", None]),
    ),
    max_size=30,
)


@given(rows, st.integers(1, 8))
def test_parts_add_up_to_the_whole(sales: list[Sale], size: int) -> None:
    # Given rows that several workers sum up, each some of them
    merged = Sums(ROLLUP)
    for start in range(0, len(sales), size):
        part = Sums(ROLLUP)
        part.add(sales[start : start + size])
        for _, packed in part.parts():
            merged.merge([packed])
    # Then the table is that of all rows, to the last digit
    whole = [(*group, *figures) for group, figures in table_of(ROLLUP, sales).items()]
    assert sorted(repr(tuple(map(trimmed, row))) for row in merged.rows()) == sorted(map(repr, whole))


@given(rows)
def test_values_of_a_distinct_figure_are_counted(sales: list[Sale]) -> None:
    sums = Sums(ROLLUP)
    sums.add(sales)

    counted = {row[:-1]: row[-1] for row in sums.value_rows("buyers")}

    assert counted == {
        (day, channel, buyer): len([each for each in sales if (each.day, each.channel, each.buyer) == key])
        for key in {(each.day, each.channel, each.buyer) for each in sales if each.buyer is not None}
        for day, channel, buyer in [key]
    }


@given(rows)
def test_all_parts_of_a_group_go_to_one_bucket(sales: list[Sale]) -> None:
    first, second = Sums(ROLLUP), Sums(ROLLUP)
    first.add(sales)
    second.add(reversed(sales))

    assert {bucket for bucket, _ in first.parts()} == {bucket for bucket, _ in second.parts()}
