"""PostgreSQL and Python write the same text for a row, whatever is in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, date
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from cdp.postgres.databases import Databases
from pipelines.canonical import COMPARED, TRIMMED, Digest, Layout, NotComparable, added
from projections.contract import Connected

COLUMNS = {
    "number": "int8",
    "name": "text",
    "day": "date",
    "at": "timestamptz",
    "amount": "numeric",
    "total": TRIMMED,
    "who": "uuid",
    "said": "bool",
    "packed": "bytea",
    "sent": "jsonb",
}
LAYOUT = Layout(COLUMNS, ["number", "name"])

_encode = msgspec.json.Encoder(decimal_format="number").encode


def sent(value: Any) -> Jsonb:
    """A value as projections send it, numbers to the digit."""
    return Jsonb(value, _encode)


texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8)
amounts = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.sampled_from(
    [Decimal("1E+3"), Decimal("-0.00"), Decimal("1.50"), Decimal(7)]
)
moments = st.datetimes(timezones=st.just(UTC))
json = st.recursive(
    st.none() | st.booleans() | st.integers() | amounts | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
plain = (st.integers(-(2**63), 2**63 - 1), texts, st.dates(), moments, amounts, amounts, st.uuids(), st.booleans())
full = (*plain, st.binary(max_size=8))
rows = st.tuples(*(st.none() | each for each in full), st.none() | json.map(sent))


@pytest.fixture
def connection(databases: Databases) -> Iterator[Connected]:
    with databases.read.connection() as connection:
        yield connection


def from_sql(connection: Connected, row: Sequence[Any]) -> tuple[int, int]:
    """The bucket and hash of a row as the database computes them."""
    types = [kind if kind != TRIMMED else "numeric" for kind in COLUMNS.values()]
    values = ", ".join(f"%s::{kind} as {name}" for name, kind in zip(COLUMNS, types, strict=True))
    query = f"select {LAYOUT.bucket_sql}, {LAYOUT.hash_sql} from (select {values}) as given_row"
    found = connection.execute(query, row).fetchone()
    assert found is not None
    return found[0], found[1]


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows)
def test_both_sides_agree(connection: Connected, row: tuple[Any, ...]) -> None:
    [(bucket, digest)] = LAYOUT.digests([row]).items()

    assert (bucket, digest.hashes) == from_sql(connection, row)
    assert 0 <= bucket < COMPARED


def test_rows_that_look_alike_have_different_texts() -> None:
    layout = Layout({"a": "text", "b": "text"}, ["a"])
    pairs = [("x", "y"), ("x|1:y", ""), ("", "x|1:y"), ("~", "y"), (None, "y"), ("", "y"), ("1:x", "y")]

    assert len({layout.text(pair) for pair in pairs}) == len(pairs)


def test_zeros_at_the_end_count_but_where_sums_are_kept_without() -> None:
    row = (1, "a", date(2024, 1, 1), None, Decimal("1.50"), Decimal("1.50"), UUID(int=1), True, b"a", None)
    other = (*row[:4], Decimal("1.5"), Decimal("1.5"), *row[6:])

    assert LAYOUT.differing(row, other) == ["amount"]


def test_digests_add_up() -> None:
    layout = Layout({"a": "int8"}, ["a"])
    numbers = [(number,) for number in range(1_000)]

    whole, parts = layout.digests(numbers), [layout.digests(numbers[:300]), layout.digests(numbers[300:])]

    assert added(*parts) == whole
    assert sum(digest.rows for digest in whole.values()) == 1_000
    assert len(whole) > COMPARED // 2
    assert added({}, {3: Digest(1, 2)}) == {3: Digest(1, 2)}


def test_a_type_without_a_text_is_refused_by_name() -> None:
    with pytest.raises(NotComparable, match="payload has the type box"):
        Layout({"payload": "box"}, ["payload"])
