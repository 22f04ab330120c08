"""What is said of rows that differ: which row it is, what differs, and how many there are, however many that is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines import comparison
from pipelines.canonical import Layout
from pipelines.comparison import Compared, compare, differences
from pipelines.output import Output, Rebuilt, write_parts

LINES = Layout({"order_key": "text", "kind": "text", "line": "int8", "amount": "numeric"}, ["order_key"])
"""Product lines have no key of their own, only that of their order."""

Row = tuple[str, str, int, Decimal]


def line(order: str, number: int, amount: str = "1.50", kind: str = "sale") -> Row:
    return (order, kind, number, Decimal(amount))


def compared(live: list[Row], batch: list[Row], folder: Path) -> tuple[Compared, list[set[int]]]:
    """Rows as they would stand in a database against those that a rebuild wrote; the buckets looked at, in turns."""

    def rows(table: str, buckets: Collection[int]) -> Iterator[Row]:
        asked.append(set(buckets))
        return (row for row in live if LINES.bucket(row) in buckets)

    asked: list[set[int]] = []
    output = Output(str(folder), "lines", "1", LINES)
    output.add(batch)
    write_parts(str(folder), output.close())
    sides: Any = SimpleNamespace(layouts={"lines": LINES}, digests=lambda table: LINES.digests(live), rows=rows)
    return compare(sides, Rebuilt(folder), "lines"), asked


def test_a_row_without_a_key_of_its_own_is_named_by_what_tells_it_from_the_others() -> None:
    # Given an order whose second line was altered on one side, beside one that was not
    batch = [line("a", 1), line("a", 2), line("a", 1, kind="refund"), line("b", 1)]
    live = [line("a", 2, "1.51"), *batch[:1], *batch[2:]]
    # When they are compared
    [found] = differences("lines", LINES, live, batch)
    # Then it is one difference, of that line, in that column
    assert found.key == {"order_key": "a", "kind": "sale", "line": 2}
    assert found.columns == ["amount"]
    assert found.live == {**found.key, "amount": Decimal("1.51")}
    assert found.batch == {**found.key, "amount": Decimal("1.50")}


def test_the_key_alone_names_a_row_that_is_the_only_one() -> None:
    [found] = differences("lines", LINES, [line("a", 1, "2")], [line("a", 1)])

    assert found.key == {"order_key": "a"}


lines = st.lists(
    st.builds(line, st.sampled_from("ab"), st.integers(1, 2), st.sampled_from(["1", "2"]), st.just("sale")), max_size=6
)


@given(lines, lines)
def test_what_is_named_is_exactly_what_one_side_has_more_of(live: list[Row], batch: list[Row]) -> None:
    found = list(differences("lines", LINES, live, batch))

    mine, others = Counter(live), Counter(batch)
    assert Counter(tuple(each.live.values()) for each in found if each.live) == mine - others
    assert Counter(tuple(each.batch.values()) for each in found if each.batch) == others - mine


def test_however_many_differ_all_are_counted_and_few_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Given room for few rows, and two tables of which every row differs
    monkeypatch.setattr(comparison, "NAMED", 10)
    monkeypatch.setattr(comparison, "AT_ONCE", 20)
    batch = [line(str(number), 1) for number in range(300)]
    live = [line(str(number), 1, "9") for number in range(299)]
    # When they are compared, a few buckets at a time
    found, asked = compared(live, batch, tmp_path)
    # Then all are counted, and the first ones named
    assert len(asked) > 5
    assert (found.live_rows, found.batch_rows, found.differing, len(found.differences)) == (299, 300, 300, 10)


def test_equal_tables_are_not_looked_at_row_by_row(tmp_path: Path) -> None:
    rows = [line(str(number), 1) for number in range(50)]

    found, asked = compared(rows, rows[::-1], tmp_path)

    assert (found.differing, found.differences, asked) == (0, [], [])
