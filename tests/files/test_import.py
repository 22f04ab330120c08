"""Files become touchpoints: each once, every row accounted for, interrupted imports taken up again."""

from __future__ import annotations

from decimal import Decimal

import pytest

from cdp.imports import chunk
from cdp.imports.ledger import ByOutcome, ImportRunning, Ledger
from cdp.imports.storing import Storing
from cdp.setup import InvalidSetup
from tests.files.importing import HEADER, KEYLESS, ROWS, SALES, Desk


def test_rows_of_one_order_become_one_touchpoint(desk: Desk) -> None:
    books = desk.sales()
    assert books.balanced
    assert (books.rows, books.of_rows, books.of_items) == (4, ByOutcome(4, 0, 0), ByOutcome(3, 0, 0))
    first = desk.touchpoints()[0]
    assert first.header.name == "Order Completed"
    assert first.header.connector == "files"
    assert first.header.occurred_at.isoformat() == "2024-01-31T09:00:00+00:00"
    properties = first.section("properties")
    assert (properties["total"], properties["currency"], properties["order_id"]) == ("28.1", "TRY", "1")
    assert properties["products"] == [
        {"product_id": "tea", "price": "12.50", "quantity": 2},
        {"product_id": "cup", "price": "3.10", "quantity": 1},
    ]
    assert [each.type for each in first.header.identifiers] == ["loyalty_card"]


def test_the_same_file_again_does_nothing(desk: Desk) -> None:
    desk.sales()
    head = desk.platform.reader.head().position
    result = desk.take(desk.write("renamed.csv", HEADER, *ROWS))
    assert result.earlier is not None
    assert result.books.of_items == ByOutcome(3, 0, 0)
    assert desk.platform.reader.head().position == head


def test_a_deliberate_repetition_and_a_longer_file_add_only_what_is_new(desk: Desk) -> None:
    desk.sales()
    path = desk.write("sales.csv", HEADER, *ROWS)
    assert desk.take(path, again=True).books.of_items == ByOutcome(0, 3, 0)
    longer = desk.sales("0,2024-01-01,K9,pie,1,1,", *ROWS)
    assert longer.of_items == ByOutcome(1, 3, 0)
    assert longer.balanced


def test_equal_rows_without_a_key_are_told_apart_by_their_ordinal(desk: Desk) -> None:
    rows = ["a,2024-01-01 10:00,x", "b,2024-01-01 10:00,x", "a,2024-01-01 10:00,x", "a,2024-01-01 10:00,x"]
    path = desk.write("views.csv", "who,when,what", *rows)
    assert desk.take(path, KEYLESS).books.of_items == ByOutcome(4, 0, 0)
    shuffled = desk.write("other.csv", "who,when,what", *reversed(rows), "c,2024-01-01 10:00,x")
    assert desk.take(shuffled, KEYLESS).books.of_items == ByOutcome(1, 4, 0)


def test_bad_rows_go_to_quarantine_with_their_row_and_the_rest_is_taken(desk: Desk) -> None:
    books = desk.sales(
        ROWS[0],
        ROWS[1].replace("3.10", "3,10"),  # eight columns, so a row of its own
        "2,2024-01-31 12:05:00,K2,tea,much,1,c",
        "3,yesterday,K1,jam,7.25,3,d",
        "4,2024-02-01 09:00:00,,jam,7.25,3,d",
        "5,2024-02-01 09:00:00,K1,jam,7.25,3,d",
        "5,2024-02-01 09:00:00,K2,jam,7.25,3,d",
        ",2024-02-01 09:00:00,K2,jam,7.25,3,d",
        "6,2024-02-01 09:00:00,K2,jam,7.25,3,d",
    )
    assert books.balanced
    assert books.of_items == ByOutcome(2, 0, 6)
    assert books.of_rows == ByOutcome(2, 0, 7)
    assert sorted(desk.quarantined()) == [
        ("parse", "invalid_time"),
        ("parse", "invalid_value"),
        ("parse", "missing_identifier"),
        ("parse", "missing_value"),
        ("parse", "rows_disagree"),
        ("parse", "wrong_columns"),
    ]


def test_what_is_in_quarantine_has_its_rows_as_they_stand_in_the_file(desk: Desk) -> None:
    desk.sales(ROWS[0], "2,2024-01-31 12:05:00,K2,tea,much,1,c")
    ledger = Ledger(desk.platform.databases.log)
    with desk.platform.databases.log.connection() as connection:
        row = connection.execute("select delivery_id, item from quarantine").fetchone()
    assert row is not None
    origin = ledger.origin(*row)
    assert origin is not None
    assert (origin.row, origin.rows) == (3, 1)
    touchpoint = desk.touchpoints()[0]
    accepted = ledger.origin(touchpoint.header.delivery, touchpoint.header.item)
    assert accepted is not None
    assert (accepted.row, accepted.file_digest) == (2, origin.file_digest)


def test_filters_and_empty_rows_are_counted(desk: Desk) -> None:
    mapping = SALES + '\n[[skip]]\nbecause = "tests"\ncolumn = "card"\nstarts_with = "T"\n'
    path = desk.write("sales.csv", HEADER, *ROWS, "9,2024-02-01 09:00:00,T1,jam,7.25,3,d", "", ",,,,,,")
    result = desk.take(path, mapping)
    assert (result.books.rows, result.books.skipped, result.books.blank) == (7, 1, 2)
    assert result.books.balanced
    assert result.skipped == {"tests": 1}


def test_an_interrupted_import_goes_on_where_it_stopped(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chunk, "ITEMS", 1)
    stored = Storing.store

    def failing(self: Storing, each: chunk.Chunk) -> chunk.Stored:
        if each.number == 2:
            raise KeyboardInterrupt
        return stored(self, each)

    path = desk.write("sales.csv", HEADER, *ROWS)
    monkeypatch.setattr(Storing, "store", failing)
    with pytest.raises(KeyboardInterrupt):
        desk.take(path)
    assert len(desk.touchpoints()) == 2
    monkeypatch.setattr(Storing, "store", stored)
    result = desk.take(path)
    assert result.resumed
    assert result.books.of_items == ByOutcome(3, 0, 0)
    assert result.books.balanced


def test_two_processes_cannot_import_the_same_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.write("sales.csv", HEADER, *ROWS)
    stored = Storing.store

    def meeting(self: Storing, each: chunk.Chunk) -> chunk.Stored:
        with pytest.raises(ImportRunning):
            desk.take(path)
        return stored(self, each)

    monkeypatch.setattr(Storing, "store", meeting)
    assert desk.take(path).books.of_items.accepted == 3


def test_a_chunk_that_an_orphaned_process_stored_is_not_stored_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = Storing.store

    def orphan(self: Storing, each: chunk.Chunk) -> chunk.Stored:
        stored(self, each)
        return stored(self, each)

    monkeypatch.setattr(Storing, "store", orphan)
    books = desk.sales()
    assert (books.of_items, books.balanced) == (ByOutcome(3, 0, 0), True)
    with desk.platform.databases.log.connection() as connection:
        assert connection.execute("select received, accepted from outcome_count").fetchall() == [(3, 3)]


@pytest.mark.slow
def test_other_processes_store_too(desk: Desk) -> None:
    path = desk.write("sales.csv", HEADER, *ROWS)
    assert desk.take(path, workers=1).books.of_items == ByOutcome(3, 0, 0)
    assert len(desk.touchpoints()) == 3


def test_a_disabled_source_takes_nothing(desk: Desk) -> None:
    desk.platform.sources.disable("till", actor="test")
    with pytest.raises(InvalidSetup, match="disabled"):
        desk.sales()


def test_the_first_rows_word_counts_where_the_mapping_says_so_and_others_are_kept(desk: Desk) -> None:
    mapping = SALES.replace('column = "when"', 'column = "when"\nrows = "first"')
    path = desk.write("sales.csv", HEADER, ROWS[0], ROWS[1].replace("12:00:00", "12:01:00"))
    assert desk.take(path, mapping).books.of_items == ByOutcome(1, 0, 0)
    lines = desk.touchpoints()[0].section("properties")["products"]
    assert [line.get("differs") for line in lines] == [None, {"when": "2024-01-31 12:01:00"}]


def test_amounts_are_exact(desk: Desk) -> None:
    desk.sales("1,2024-01-31,K1,tea,0.1,3,", "1,2024-01-31,K1,tea,99999999999999.99,1,")
    (touchpoint,) = desk.touchpoints()
    assert Decimal(touchpoint.section("properties")["total"]) == Decimal("100000000000000.29")


def test_names_of_files_are_only_kept_encrypted(desk: Desk) -> None:
    desk.sales("1,never,K1,tea,1,1,", name="ayse-yilmaz.csv")
    with desk.platform.databases.log.connection() as connection:
        rows = connection.execute("select row_to_json(q)::text from quarantine q").fetchall()
        rows += connection.execute("select row_to_json(i)::text from file_import i").fetchall()
    assert rows and not any("yilmaz" in row or "tea" in row for (row,) in rows)
