"""The built-in rules, and that their documentation says what the function does."""

from __future__ import annotations

import doctest
from pathlib import Path

import pytest

from cdp.identity.identifier import Identifier
from cdp.identity.rules import DEFAULT_RULES


@pytest.mark.parametrize(
    ("identifier_type", "value"),
    [
        ("user_id", "0"),
        ("user_id", "000-000"),
        ("user_id", "NULL"),
        ("user_id", "'undefined'"),
        ("anonymous_id", "[object Object]"),
        ("email", "test@test.com"),
        ("email", "noreply@shop.com"),
        ("phone", "+905555555555"),
        ("phone", "+12222222222"),
    ],
)
def test_what_programs_and_people_write_for_nobody_is_blocked(identifier_type: str, value: str) -> None:
    assert DEFAULT_RULES.blocks(Identifier(identifier_type, "shop", value))


@pytest.mark.parametrize(
    ("identifier_type", "value"),
    [
        ("user_id", "42"),
        ("user_id", "1000"),
        ("email", "jan@jan.com"),
        ("email", "ada@example.com"),
        ("phone", "+905321234567"),
        ("household_card", "1"),
    ],
)
def test_real_values_are_not_blocked(identifier_type: str, value: str) -> None:
    assert not DEFAULT_RULES.blocks(Identifier(identifier_type, "shop", value))


def test_types_that_the_rules_do_not_name_are_exclusive() -> None:
    assert DEFAULT_RULES.exclusive("passport")
    assert not DEFAULT_RULES.exclusive("household_card")


def test_the_documentation_says_what_the_function_does() -> None:
    result = doctest.testfile(str(Path("docs/identity.md").absolute()), module_relative=False)
    assert result.attempted
    assert not result.failed
