"""Profile ids: a reversible writing of the number of the identifier after which the profile is named.

Because an id carries its identifier's number, the id of a profile that was merged away still leads to the profile that
holds the identifier now, and no table of aliases is needed.
"""

from __future__ import annotations

import re

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, in lower case: no i, l, o and u, so that an id survives being read aloud."""

PREFIX = "p"
DIGITS = 13
_BITS = 63
_FORM = re.compile(f"{PREFIX}[{ALPHABET}]{{{DIGITS}}}")
_MEANT = str.maketrans("ilo", "110")
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)
_TO_PYTHON = str.maketrans(ALPHABET, "0123456789abcdefghijklmnopqrstuv")


class InvalidProfileId(ValueError):
    """A text that cannot be the id of a profile."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not a profile id: expected {PREFIX!r} and {DIGITS} digits of {ALPHABET}. "
            "Find a profile by an identifier instead, such as an e-mail address."
        )


def profile_id(number: int) -> str:
    """The id of the profile named after this identifier number (63 bits, not negative)."""
    n, of = number, _PAIRS
    first, rest = ALPHABET[n >> 60], f"{of[n >> 20 & 1023]}{of[n >> 10 & 1023]}{of[n & 1023]}"
    return f"{PREFIX}{first}{of[n >> 50 & 1023]}{of[n >> 40 & 1023]}{of[n >> 30 & 1023]}{rest}"


def identifier_number(text: str) -> int:
    """The identifier number that a profile id carries; upper case and the digits i, l, o are understood.

    Raises InvalidProfileId.
    """
    folded = text if _FORM.fullmatch(text) else text.strip().lower().translate(_MEANT)
    if not _FORM.fullmatch(folded):
        raise InvalidProfileId(text)
    number = int(folded[1:].translate(_TO_PYTHON), 32)
    if number >> _BITS:
        raise InvalidProfileId(text)
    return number
