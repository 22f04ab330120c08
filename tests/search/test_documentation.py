"""The examples of docs/search.md and docs/accounts.md are true."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from projections.search import facets, names, plan

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["search.md", "accounts.md"])
def test_the_examples_do_what_they_say(name: str) -> None:
    result = doctest.testfile(str(DOCS / name), module_relative=False)
    assert result.attempted
    assert not result.failed


def test_the_limits_and_the_traits_are_those_that_hold() -> None:
    text = (DOCS / "search.md").read_text()
    for limit in (plan.FEW, plan.MANY, plan.LOOKED_AT):
        assert f"{limit:,}" in text
    assert f"the {facets.MOST_CITIES} most" in text.replace("\n", " ")
    for attribute in names.ATTRIBUTES:
        assert f"`{attribute}`" in text
