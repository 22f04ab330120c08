"""Python's garbage collector, told what work in batches is like."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

THRESHOLDS = (2_000_000, 50, 100)


@contextlib.contextmanager
def fewer_collections() -> Iterator[None]:
    """Has Python look for reference cycles seldom: a batch is a million objects, and none of them is in a cycle."""
    before = gc.get_threshold()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
