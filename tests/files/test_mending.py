"""Refused rows are mapped once more after the mapping or a cell was corrected, and end where they would have been."""

from __future__ import annotations

import pytest

from cdp.imports.ledger import Ledger
from cdp.imports.mending import Remapping
from cdp.quarantine import desk as quarantine
from cdp.quarantine.change import Patch, Unfit
from cdp.quarantine.selection import Selection
from cdp.sources.files.notation import read_mapping
from tests.files.importing import HEADER, KEYLESS, ROWS, SALES, Desk

EVERYTHING = Selection()


def outcome(desk: Desk) -> tuple[int, ...]:
    with desk.platform.databases.log.connection() as connection:
        query = "select received, accepted, duplicate, quarantined from outcome_count"
        return tuple(connection.execute(query).fetchone() or ())


def test_rows_that_a_wrong_mapping_refused_are_taken_by_the_right_one(desk: Desk) -> None:
    commas = [row.replace(",", ";").replace(".", ",") for row in ROWS]
    path = desk.write("sales.csv", HEADER.replace(",", ";"), *commas)
    assert desk.take(path).books.of_items.quarantined == 3
    mending = quarantine.Desk(desk.platform)
    right = read_mapping(SALES + '[numbers]\ndecimal = ","\n')
    mending.fix(EVERYTHING, Remapping(right), actor="test")
    mending.replay(EVERYTHING, actor="test")
    assert outcome(desk) == (3, 3, 0, 0)
    first = min(desk.touchpoints(), key=lambda each: each.header.item)
    assert first.section("properties")["total"] == "28.1"
    origin = Ledger(desk.platform.databases.log).origin(first.header.delivery, first.header.item)
    assert origin is not None
    assert (origin.row, origin.rows) == (2, 2)


def test_a_cell_can_be_corrected_first(desk: Desk) -> None:
    desk.sales("2,2024-01-31 12:05:00,K2,tea,much,1,c")
    mending = quarantine.Desk(desk.platform)
    mending.fix(EVERYTHING, Patch({"rows.0.values.price": "12.50"}), actor="test")
    mending.fix(EVERYTHING, Remapping(read_mapping(SALES)), actor="test")
    mending.replay(EVERYTHING, actor="test")
    assert outcome(desk) == (1, 1, 0, 0)
    assert desk.sales("2,2024-01-31 12:05:00,K2,tea,12.50,1,c").of_items.duplicate == 1


def test_equal_rows_stay_apart(desk: Desk) -> None:
    rows = ["a,31.01.2024,x"] * 3
    assert desk.take(desk.write("views.csv", "who,when,what", *rows), KEYLESS).books.of_items.quarantined == 3
    right = KEYLESS.replace("zone =", 'format = "%d.%m.%Y"\nzone =')
    mending = quarantine.Desk(desk.platform)
    mending.fix(EVERYTHING, Remapping(read_mapping(right)), actor="test")
    mending.replay(EVERYTHING, actor="test")
    assert outcome(desk) == (3, 3, 0, 0)
    assert desk.take(desk.write("views.csv", "who,when,what", *rows), right).books.of_items.duplicate == 3


@pytest.mark.parametrize(
    ("raw", "says"),
    [
        (b"{}", "keeps no rows"),
        (b"\xff", "keeps no rows"),
        (b'{"problem": {}, "file": "x", "rows": [{"row": 4, "text": "a;b"}]}', "row 4 could not be cut"),
        (b'{"problem": {}, "file": "x", "rows": [{"row": 4, "values": {"order": "1"}}]}', "without the column 'card'"),
    ],
)
def test_what_keeps_no_fitting_rows_is_left_alone(raw: bytes, says: str) -> None:
    with pytest.raises(Unfit, match=says):
        Remapping(read_mapping(SALES)).apply(raw)
