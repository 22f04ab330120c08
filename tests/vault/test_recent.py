"""The bounded map."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cdp.vault.recent import Recent


@given(st.lists(st.lists(st.integers(0, 60), max_size=30), max_size=30), st.integers(1, 40))
def test_holds_at_most_its_limit_and_never_a_wrong_value(batches: list[list[int]], limit: int) -> None:
    recent: Recent[int, str] = Recent(limit)
    for batch in batches:
        found = recent.pick(batch)
        assert found == {key: str(key) for key in found}
        recent.put({key: str(key) for key in batch if key not in found})
        assert len(recent) <= max(limit, 2)


def test_keeps_what_is_used_and_forgets_what_is_not() -> None:
    recent: Recent[int, int] = Recent(20)
    for key in range(200):
        recent.put({key: key})
        recent.pick([0])
    assert recent.pick([0, 1, 199]) == {0: 0, 199: 199}


def test_keeps_nothing_apart_from_a_value() -> None:
    recent: Recent[int, int | None] = Recent(20)
    recent.put({1: None})
    assert recent.pick([1, 2]) == {1: None}
