"""Work counted rather than timed: it is the same on a busy machine. What it takes is measured by the benchmarks."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


def steps(work: Callable[[], Result]) -> tuple[Result, int]:
    """What some work gives, and how many calls of Python's and of C's functions it makes."""
    counted = 0

    def count(frame: object, event: str, function: object) -> None:
        nonlocal counted
        counted += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        result = work()
    finally:
        sys.setprofile(before)
    return result, counted
