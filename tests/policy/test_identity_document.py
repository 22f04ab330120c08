"""Identity rules as documents: back and forth, complete, and each fault told with value, expectation and remedy."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cdp.identity.comparison import differences
from cdp.identity.document import InvalidRules, content_of, rules_of, stored_rules, tree_of
from cdp.identity.duration import InvalidDuration, read_duration, written_duration
from cdp.identity.normalise import LONGEST
from cdp.identity.pattern import InvalidPattern, compile_pattern
from cdp.identity.rules import DEFAULT_RULES, FAN_OUT_OF_SHAREABLE, RuleSet
from cdp.identity.toml_form import read_rules, write_rules

PATTERNS = st.sampled_from([r"0+", r"(?i)guest\d{1,4}", "x'y", 'say "no"', r"\[none\]", "a\tb", "ü.*"])
COUNTS = st.none() | st.integers(1, 1_000_000)
WINDOWS = st.none() | st.builds(timedelta, seconds=st.integers(1, 3_000_000_000))
NAMES = st.from_regex(r"[a-z][a-zA-Z0-9_.-]{0,12}", fullmatch=True)


@st.composite
def type_trees(draw: st.DrawFn) -> dict[str, Any]:
    exclusive = draw(st.booleans())
    tree: dict[str, Any] = {"exclusive": exclusive, "priority": draw(st.integers(0, 999)), "fan_out": draw(COUNTS)}
    if exclusive:
        tree["limit"] = draw(COUNTS)
    elif window := draw(WINDOWS):
        tree["window"] = written_duration(window)
    return tree | {"blocked": draw(st.lists(PATTERNS, max_size=3))}


RULES = st.builds(
    lambda types, other, size, anonymous, trust, blocked: rules_of(
        {"types": types, "other": other, "size_cap": size, "anonymous": anonymous, "trust": trust, "blocked": blocked}
    ),
    st.dictionaries(NAMES, type_trees(), max_size=4),
    type_trees(),
    st.integers(2, 20_000),
    st.sampled_from(["last authenticated", "stays anonymous"]),
    st.dictionaries(NAMES, st.sampled_from(["server", "public"]), max_size=3),
    st.lists(PATTERNS, max_size=3),
)


@settings(max_examples=40)
@given(RULES)
def test_what_is_written_is_read_as_the_same_rules(rules: RuleSet) -> None:
    assert read_rules(write_rules(rules, "A heading\nof two lines")) == rules
    assert stored_rules(content_of(rules)) == rules
    assert rules_of(tree_of(rules)) == rules
    assert write_rules(read_rules(write_rules(rules))) == write_rules(rules)


@settings(max_examples=40)
@given(RULES, RULES)
def test_rules_differ_where_their_documents_do(before: RuleSet, after: RuleSet) -> None:
    assert differences(before, before) == []
    assert bool(differences(before, after)) == (_unordered(before) != _unordered(after))


def _unordered(rules: RuleSet) -> Any:
    def sort(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: sort(each) for key, each in value.items()}
        return sorted(set(value)) if isinstance(value, list) else value

    return sort(tree_of(rules))


def test_what_a_document_leaves_out_is_as_built_in() -> None:
    assert rules_of({}) == read_rules("") == DEFAULT_RULES
    rules = read_rules('[types.phone]\nwindow = "90 days"\n[types.national_id]\npriority = 1\nlimit = 1\n')
    assert rules.of("phone").window == timedelta(days=90)
    assert rules.of("phone").blocked == DEFAULT_RULES.of("phone").blocked
    assert rules.of("national_id").fan_out == DEFAULT_RULES.other.fan_out
    assert rules.of("email") == DEFAULT_RULES.of("email")


def test_a_type_that_becomes_shareable_has_no_limit_any_more() -> None:
    email = rules_of({"types": {"email": {"exclusive": False}}}).of("email")
    assert (email.exclusive, email.limit, email.fan_out) == (False, None, FAN_OUT_OF_SHAREABLE)
    phone = rules_of({"types": {"phone": {"exclusive": True}}}).of("phone")
    assert (phone.exclusive, phone.limit, phone.window) == (True, DEFAULT_RULES.other.limit, None)


def test_none_lifts_a_bound() -> None:
    rules = rules_of({"types": {"user_id": {"limit": "none", "fan_out": None}}})
    assert (rules.of("user_id").limit, rules.of("user_id").fan_out) == (None, None)


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ([], "the rules are a list; expected a table of size_cap"),
        ({"sizecap": 5}, "the rules has 'sizecap'; expected only size_cap"),
        ({"size_cap": 1}, "size_cap is 1; expected a whole number from 2 to 20000"),
        ({"size_cap": True}, "size_cap is True; expected a whole number"),
        ({"anonymous": "never"}, "anonymous is 'never'; expected 'last authenticated' or 'stays anonymous'"),
        ({"anonymous": []}, r"anonymous is \[\]; expected"),
        ({"trust": {"site": "some"}}, "trust.site is 'some'; expected 'server' or 'public'"),
        ({"trust": "public"}, "trust is the text 'public'; expected a table"),
        ({"types": {"E Mail": {}}}, "types has 'E Mail'; expected identifier types such as user_id"),
        ({"types": {"email": 5}}, "types.email is 5; expected a table of exclusive"),
        ({"types": {"email": {"limits": 5}}}, "types.email has 'limits'; expected only exclusive"),
        ({"types": {"email": {"exclusive": "yes"}}}, "types.email.exclusive is 'yes'; expected true or false"),
        ({"types": {"email": {"priority": -1}}}, "types.email.priority is -1; expected a whole number from 0 to 999"),
        ({"types": {"email": {"limit": 0}}}, "types.email.limit is 0; expected .* or 'none'"),
        ({"types": {"email": {"window": "1 day"}}}, "window is '1 day', but only shareable types have a window"),
        ({"types": {"phone": {"limit": 3}}}, "limit is 3, but only exclusive types have a limit; leave it out"),
        ({"types": {"phone": {"window": "3 moons"}}}, "window: '3 moons' is no length of time; expected .*, or 'none'"),
        ({"types": {"phone": {"window": 3}}}, "window: 3 is no length of time"),
        ({"other": {"fan_out": 2.5}}, "other.fan_out is 2.5; expected a whole number"),
        ({"blocked": "x"}, "blocked is the text 'x'; expected a list of regular expressions"),
        ({"blocked": [1]}, "blocked is a list; expected a list of regular expressions, each a text"),
        ({"blocked": ["x"] * 201}, "blocked has 201 expressions; expected at most 200"),
        ({"blocked": ["("]}, r"blocked: '\(' is no regular expression: missing \)"),
        ({"types": {"email": {"blocked": ["(a+)+"]}}}, r"types.email.blocked: '\(a\+\)\+' may take too long"),
    ],
)
def test_a_fault_is_told_with_what_was_expected(tree: Any, said: str) -> None:
    with pytest.raises(InvalidRules, match=said):
        rules_of(tree)


@pytest.mark.parametrize(("text", "said"), [("types = [", "the rules are not TOML"), ("#" * 1_000_001, "bytes")])
def test_a_file_that_is_no_document_is_told(text: str, said: str) -> None:
    with pytest.raises(InvalidRules, match=said):
        read_rules(text)


def test_all_of_many_long_expressions_are_too_much() -> None:
    with pytest.raises(InvalidRules, match="bytes; expected at most 200000"):
        rules_of({"types": {f"t{at}": {"blocked": [f"{'x' * 1_900}{at}"]} for at in range(120)}})


@given(st.integers(1, 3_153_600_000))
def test_a_length_of_time_is_written_as_it_is_read(seconds: int) -> None:
    assert read_duration(written_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("text", "days"), [("2 weeks", 14), ("1 day", 1), ("48 hours", 2), ("36500 days", 36_500)])
def test_lengths_of_time(text: str, days: int) -> None:
    assert read_duration(text) == timedelta(days=days)


@pytest.mark.parametrize("text", ["", "0 days", "36501 days", "-1 day", "1day", "1.5 days", "9" * 10 + " weeks", None])
def test_what_is_no_length_of_time_is_refused(text: Any) -> None:
    with pytest.raises(InvalidDuration):
        read_duration(text)


SLOW = ["(a+)+$", "(a|a)*b", "(a|ab)*c", "(.*)*", "a?" * 30 + "a" * 30, ".*.*.*x", "(?:x.*){4}", r"(a*)\1{9}(b*)*c"]


@pytest.mark.parametrize("text", SLOW)
def test_what_could_take_long_on_some_value_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern, match=r"may take too long on some values.*write several simpler"):
        compile_pattern(text)


@pytest.mark.parametrize("text", ["", "x" * 2_001, "[", "*", "(?P<a", r"\1"])
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(InvalidPattern):
        compile_pattern(text)


PARTS = st.sampled_from(
    ["a", "[ab]", ".", "a?", "a*", ".*", "(?:a|b)", "(?:ab|a)?", "(a)\\1?", "a{1,3}", "(?!b)", "b+"]
)


@given(st.lists(PATTERNS | PARTS, min_size=1, max_size=6).map("".join), st.sampled_from(["a", "ab", "ba", "b"]))
def test_what_is_accepted_ends_soon_on_any_value(text: str, filler: str) -> None:
    try:
        pattern = compile_pattern(text)
    except (InvalidPattern, re.error):
        return
    value = (filler * LONGEST)[: LONGEST - 1] + "!"
    before = time.process_time()
    pattern.fullmatch(value)
    assert time.process_time() - before < 30  # a guard: one that goes through all ways to match does not end
