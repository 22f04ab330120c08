"""Why somebody decided something, in words of their own."""

from __future__ import annotations

LONGEST = 1_000


class InvalidReason(ValueError):
    """A decision needs a reason that others can read later."""

    def __init__(self, size: int) -> None:
        super().__init__(
            f"the reason has {size} characters; expected 1 to {LONGEST}, in words that others understand later"
        )


def checked_reason(reason: str, needed: bool = True) -> str:
    """The reason without blanks around it. Raises `InvalidReason`."""
    text = reason.strip()
    if len(text) > LONGEST or (needed and not text):
        raise InvalidReason(len(text))
    return text
