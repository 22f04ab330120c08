"""Rows are grouped by a plain rule, however the file is cut into portions."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.sources.files import grouping
from cdp.sources.files.cells import Cells
from cdp.sources.files.grouping import Grouped, Grouping
from cdp.sources.files.mapping import Group
from cdp.sources.files.portion import BrokenRow, Portion
from cdp.sources.files.problem import Fault, FileProblem
from cdp.sources.rejection import Reason

PATH = Path("sales.csv")


def portion(keys: list[str | None], first: int) -> Portion:
    rows = pa.array(range(first, first + len(keys)), pa.int64())
    return Portion({"order": Cells(pa.array(keys, pa.string()))}, rows)


def groups(group: Group, keys: list[str | None], cuts: list[int]) -> list[list[int]]:
    """The row numbers of each group, in the order in which they come out."""
    grouper, found = Grouping(PATH, group), []
    edges = [0, *sorted(cut for cut in cuts if cut < len(keys)), len(keys)]
    for start, end in pairwise(edges):
        found += numbers(grouper.take(portion(keys[start:end], start + 1)))
    last = grouper.finish()
    return found + (numbers(last) if last else [])


def numbers(grouped: Grouped) -> list[list[int]]:
    rows, offsets = grouped.portion.rows.to_pylist(), grouped.offsets.to_pylist()
    return [rows[start:end] for start, end in pairwise(offsets)]


def plain_rule(within: int, keys: list[str | None]) -> list[list[int]]:
    """A row joins the latest group with its key if that group's last row is near enough."""
    found: list[list[int]] = []
    latest: dict[str, list[int]] = {}
    for row, key in enumerate(keys, 1):
        group = latest.get(key) if key is not None else None
        if group is not None and row - group[-1] <= within:
            group.append(row)
            continue
        found.append([row])
        if key is not None:
            latest[key] = found[-1]
    return found


@given(
    st.integers(1, 4),
    st.lists(st.sampled_from(["a", "b", "c", None]), max_size=30),
    st.lists(st.integers(0, 30), max_size=4),
)
def test_groups_are_what_the_plain_rule_says(within: int, keys: list[str | None], cuts: list[int]) -> None:
    assert groups(Group(("order",), within), keys, cuts) == plain_rule(within, keys)


def test_groups_that_are_too_large_stop_the_import(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileProblem, match="row 2: a group of more than 2 rows"):
        groups(Group(("order",), 1, most=2), ["a", "b", "b", "b"], [])
    monkeypatch.setattr(grouping, "WIDEST", 3)
    with pytest.raises(FileProblem, match="row 1: a group spread over more than 3 rows"):
        groups(Group(("order",), 2), ["a", "b", "a", "b", "a"], [])


def test_broken_rows_come_out_in_their_place() -> None:
    grouper = Grouping(PATH, Group(("order",)))
    broken = [BrokenRow(row, "x", Fault(Reason.WRONG_COLUMNS, "", "x")) for row in (2, 5)]
    first = grouper.take(Portion(portion(["a", "a"], 1).columns, pa.array([1, 4], pa.int64()), broken))
    assert (numbers(first), first.broken) == ([], [])
    second = grouper.take(portion(["b"], 6))
    assert (numbers(second), [each.row for each in second.broken]) == ([[1, 4]], [2, 5])
