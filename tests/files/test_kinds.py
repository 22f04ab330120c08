"""Texts of cells become JSON of the kind that the mapping says, and what is none is found."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.sources.files.cells import Cells
from cdp.sources.files.kinds import computed, converted, holds
from cdp.sources.files.mapping import Column, Computed, Condition, Kind, Marks

TURKISH = Marks(",", ".")


def read(column: Column, *texts: str | None, plain: bool = False) -> list[Any]:
    cells = Cells(pa.array(texts, pa.string()), plain)
    found = converted(column, cells)
    wrong = found.wrong.to_pylist()
    values = found.json.to_pylist()
    return [
        "WRONG" if wrong[at] else None if value is None else msgspec.json.decode(value)
        for at, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("marks", "text", "expected"),
    [
        (Marks(), "12.50", "12.50"),
        (Marks(), " -3 ", "-3"),
        (Marks(), "+3.1", "3.1"),
        (Marks(), "12,50", "WRONG"),
        (Marks(), "1.234.567", "WRONG"),
        (Marks(), "1e5", "WRONG"),
        (Marks(), "", "WRONG"),
        (Marks(), ".5", "WRONG"),
        (TURKISH, "1.234,56", "1234.56"),
        (TURKISH, "1234,5", "1234.5"),
        (TURKISH, "1.234", "1234"),
        (TURKISH, "1.23", "WRONG"),
        (TURKISH, "12.34,5", "WRONG"),
        (TURKISH, "-0,05", "-0.05"),
        (Marks(","), "1.5", "WRONG"),
        (Marks(",", ".", ("TL", "₺")), "₺1.234,56 TL", "1234.56"),
        (Marks(".", ","), "1,234,567.8", "1234567.8"),
        (Marks(".", " "), "12 345", "12345"),
    ],
)
def test_decimals(marks: Marks, text: str, expected: str) -> None:
    assert read(Column("x", Kind.DECIMAL, marks), text, None) == [expected, None]


def test_a_number_that_the_file_knows_to_be_one_needs_no_marks() -> None:
    assert read(Column("x", Kind.DECIMAL, TURKISH), "1.5", plain=True) == ["1.5"]


def test_more_decimals_than_the_mapping_allows_are_wrong() -> None:
    assert read(Column("x", Kind.DECIMAL, decimals=2), "1.25", "1.255") == ["1.25", "WRONG"]


def test_whole_numbers() -> None:
    column = Column("x", Kind.INTEGER, TURKISH)
    assert read(column, "007", "+5", "1.234", "13085,0", "x", None, "-0") == [7, 5, 1234, 13085, "WRONG", None, 0]


def test_words_and_truth_values() -> None:
    column = Column("x", Kind.BOOLEAN, true=("Evet",), false=("Hayır",))
    assert read(column, "Evet", "Hayır", "Belki", None) == [True, False, "WRONG", None]
    assert read(Column("x", words={"Satış": "track"}), "Satış", "İade", None) == ["track", "WRONG", None]


def test_json() -> None:
    assert read(Column("x", Kind.JSON), '{"a": [1]}', "{", None) == [{"a": [1]}, "WRONG", None]


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=20), max_size=5))
def test_texts_stay_as_they_are(texts: list[str | None]) -> None:
    assert read(Column("x"), *texts) == texts


@given(st.lists(st.tuples(*[st.decimals(-(10**9), 10**9, places=4)] * 2), min_size=1, max_size=5))
def test_products_and_sums_are_exact(pairs: list[tuple[Decimal, Decimal]]) -> None:
    left, right = (pa.array([format(pair[at], "f") for pair in pairs], pa.string()) for at in (0, 1))
    with localcontext(prec=60):
        for operator, exact in (("multiply", Decimal.__mul__), ("add", Decimal.__add__), ("subtract", Decimal.__sub__)):
            found = computed(Computed(operator, Column("a"), Column("b")), left, right).to_pylist()
            assert [Decimal(text) for text in found] == [exact(*pair) for pair in pairs]
            assert not any("E" in text or ("." in text and text.endswith("0")) for text in found)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (Condition("x", "equals", ("C1",)), [True, False, False]),
        (Condition("x", "in", ("C1", "D")), [True, True, False]),
        (Condition("x", "starts_with", ("C",)), [True, False, False]),
        (Condition("x", "matches", ("^[CD]",)), [True, True, False]),
        (Condition("x", "empty", ("true",)), [False, False, True]),
        (Condition("x", "empty", ("",)), [True, True, False]),
    ],
)
def test_conditions(condition: Condition, expected: list[bool]) -> None:
    assert holds(condition, pa.array(["C1", "D", None], pa.string())).to_pylist() == expected
