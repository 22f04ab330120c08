"""Regular expressions that people write into rules, held to what surely ends soon on any value.

Python's `re` tries one way after another. `paths` bounds from above how many ways there are through an expression on
the longest value an identifier can have; what may have too many is refused when it is written, so that no sender can
hold up ingest or a projector with a value made for it.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate, repeat
from operator import mul
from re import Pattern
from typing import Any

from cdp.identity.normalise import LONGEST

LONGEST_PATTERN = 2_000
MOST_PATHS = 1_000_000
"""Two `.*` and a few choices. The worst value then takes some hundredths of a second."""

_parser: Any = importlib.import_module("re._parser")
_ONE_WAY = frozenset({"LITERAL", "NOT_LITERAL", "IN", "ANY", "AT", "CATEGORY", "RANGE", "GROUPREF"})
_REPEATS = frozenset({"MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT"})


class InvalidPattern(ValueError):
    """The regular expression cannot be used; the message says why and what to write instead."""


@lru_cache(maxsize=1_024)
def compile_pattern(text: str) -> Pattern[str]:
    """The expression, ready to match whole values. Raises `InvalidPattern`."""
    if not 0 < len(text) <= LONGEST_PATTERN:
        raise InvalidPattern(
            f"the expression has {len(text)} characters; expected 1 to {LONGEST_PATTERN}: write several"
        )
    try:
        compiled = re.compile(text)
        tree = _parser.parse(text)
    except (re.error, OverflowError, RecursionError) as error:
        raise InvalidPattern(f"{text!r} is no regular expression: {error}; expected Python's notation") from None
    if paths(tree) > MOST_PATHS:
        raise InvalidPattern(
            f"{text!r} may take too long on some values; expected at most two '*' or '+', each of one character or "
            "class and none inside another: write several simpler expressions"
        )
    return compiled


def paths(tree: Iterable[tuple[Any, Any]]) -> int:
    """How many ways there are at most through a parsed expression; counting ends past `MOST_PATHS`."""
    ways = 1
    for operation, argument in tree:
        ways *= _ways(str(operation), argument)
        if ways > MOST_PATHS:
            return MOST_PATHS + 1
    return ways


def _ways(operation: str, argument: Any) -> int:
    if operation in _ONE_WAY:
        return 1
    if operation == "BRANCH":
        return sum(paths(branch) for branch in argument[1])
    if operation == "SUBPATTERN":
        return paths(argument[3])
    if operation == "ATOMIC_GROUP":
        return paths(argument)
    if operation in ("ASSERT", "ASSERT_NOT"):
        return paths(argument[1])
    if operation in _REPEATS:
        return _repeated(*argument)
    return MOST_PATHS + 1


def _repeated(least: int, most: int, tree: Any) -> int:
    """The sum over every number of rounds; each round has all ways of what is repeated."""
    least, most, ways = min(least, LONGEST), min(most, LONGEST), paths(tree)
    total = 0
    for rounds, found in enumerate(accumulate(repeat(ways, most), mul, initial=1)):
        total += found if rounds >= least else 0
        if max(total, found) > MOST_PATHS:
            return MOST_PATHS + 1
    return total
