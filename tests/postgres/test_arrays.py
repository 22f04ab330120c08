"""Arrays arrive in the database as they are, however they are packed."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cdp.postgres.arrays import Bigints, Texts
from cdp.postgres.databases import Databases

many = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


@many
@example(numbers=[], words=[])
@example(numbers=[-(2**63), 2**63 - 1], words=["", 'a"b', "NULL", "{}", "ığüşöç", "\U0001f600"])
@given(numbers=st.lists(st.integers(-(2**63), 2**63 - 1), max_size=120), words=st.lists(texts, max_size=20))
def test_packed_arrays_are_what_was_given(databases: Databases, numbers: list[int], words: list[str]) -> None:
    query = "select %s::bigint[], %s::text[], cardinality(%s), cardinality(%s)"
    given: list[Any] = [Bigints(numbers), Texts(words), Bigints(numbers), Texts(words)]
    with databases.read.connection() as connection:
        found = connection.execute(query, given).fetchall()
    assert found == [(numbers, words, len(numbers), len(words))]
