"""Survivorship rules as files: read back as written, and each fault named."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.survivorship.document import (
    InvalidSurvivorship,
    content_of,
    read_survivorship,
    stored_survivorship,
    survivorship_of,
    tree_of,
    write_survivorship,
)
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP, KINDS, NAMING_SOURCES, Rule, Survivorship

names = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)


@st.composite
def rules(draw: st.DrawFn) -> Rule:
    """Any rule."""
    kind = draw(st.sampled_from(KINDS))
    sources = draw(st.lists(names, min_size=1, max_size=3, unique=True)) if kind in NAMING_SOURCES else ()
    ttl = draw(st.none() | st.integers(1, 10**8).map(lambda seconds: timedelta(seconds=seconds)))
    return Rule(kind, tuple(sources), draw(st.booleans()), ttl, draw(st.booleans()))


any_rules = st.builds(Survivorship, rules(), st.dictionaries(names | st.just("address.*"), rules(), max_size=4))


@given(any_rules)
def test_rules_are_read_as_they_were_written(given: Survivorship) -> None:
    assert read_survivorship(write_survivorship(given, "Ours.\nReviewed.")) == given
    assert stored_survivorship(content_of(given)) == given
    assert survivorship_of(tree_of(given)) == given


def test_an_empty_file_is_the_default() -> None:
    assert read_survivorship("") == DEFAULT_SURVIVORSHIP


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[default", "not TOML"),
        ("[defaults]", "'defaults'; expected only default, attributes"),
        ("default = 1", "default is int; expected a table"),
        ("attributes = []", "attributes is a list; expected a table"),
        ('[attributes.email]\nkind = "newest"', "attribute 'email': kind 'newest' is unknown; expected one of last"),
        ('[attributes.email]\nkind = "verified"', "needs sources"),
        ('[attributes.email]\nsources = ["crm"]', "kind 'last updated' takes no sources"),
        ('[attributes.email]\nkind = "verified"\nsources = "crm"', "sources is 'crm'; expected a list"),
        ('[attributes.email]\nkind = "verified"\nsources = ["a", "a"]', "names 'a' twice"),
        ('[attributes.email]\nttl = "soon"', "ttl 'soon' is no length of time; expected a number"),
        ('[attributes.email]\nttl = "0 days"', "ttl '0 days'"),
        ('[attributes.email]\nttl = "999999 weeks"', "at most"),
        ("[attributes.email]\nttl = 5", "ttl 5 is no"),
        ("[attributes.email]\nignore_empty = 1", "ignore_empty is 1; expected true or false"),
        ("[attributes.email]\nmulti = true", "'multi'; expected only kind, sources"),
        ('[attributes.""]\nkind = "first"', "names no attribute"),
        (f'[attributes."{"x" * 201}"]\nkind = "first"', "names no attribute"),
    ],
)
def test_a_fault_is_named_with_its_place_and_remedy(text: str, message: str) -> None:
    with pytest.raises(InvalidSurvivorship) as caught:
        read_survivorship(text)
    assert message in str(caught.value)


def test_the_narrowest_pattern_decides() -> None:
    # Given rules for an attribute, for those like it, and for all
    first, frequent, many = Rule("first"), Rule("most frequent"), Rule(multi_valued=True)
    rules = Survivorship(Rule(), {"*": many, "address.*": first, "address.c*": frequent, "address.zip": many})
    # Then its own rule goes before any pattern, and a longer pattern before a shorter
    assert rules.of("address.zip") is many
    assert rules.of("address.city") is frequent
    assert rules.of("address.street.name") is first
    assert rules.of("name") is many
    assert Survivorship(first, {"a.*": many}).of("a") is first
