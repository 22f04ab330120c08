"""Errors as the logs may name them."""

from __future__ import annotations

import traceback


def described(error: BaseException) -> str:
    """The error's type and the places in the code, without its message: that may quote somebody's data."""
    places = (f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(error.__traceback__))
    return f"{type(error).__name__} at {' > '.join(places)}"
