"""Profile ids: a reversible writing of the number of the identifier after which the profile is named.

Because an id carries its identifier's number, the id of a profile that was merged away still leads to the profile that
holds the identifier now, and no table of aliases is needed.
"""

from __future__ import annotations

from collections.abc import Iterator

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32, in lower case: no i, l, o and u, so that an id survives being read aloud."""

PREFIX = "p"
DIGITS = 13
_BITS = 63
_MEANT = str.maketrans("ilo", "110")
_VALUE = {digit: value for value, digit in enumerate(ALPHABET)}


class InvalidProfileId(ValueError):
    """A text that cannot be the id of a profile."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} is not a profile id: expected {PREFIX!r} and {DIGITS} digits of {ALPHABET}. "
            "Find a profile by an identifier instead, such as an e-mail address."
        )


def profile_id(number: int) -> str:
    """The id of the profile named after this identifier number (63 bits, not negative)."""
    return PREFIX + "".join(_digits(number))


def _digits(number: int) -> Iterator[str]:
    for place in reversed(range(DIGITS)):
        yield ALPHABET[number >> 5 * place & 31]


def identifier_number(text: str) -> int:
    """The identifier number that a profile id carries; upper case and the digits i, l, o are understood.

    Raises InvalidProfileId.
    """
    folded = text.strip().lower()
    digits = folded[1:].translate(_MEANT)
    if not folded.startswith(PREFIX) or len(digits) != DIGITS or not set(digits) <= set(ALPHABET):
        raise InvalidProfileId(text)
    number = 0
    for digit in digits:
        number = number << 5 | _VALUE[digit]
    if number >> _BITS:
        raise InvalidProfileId(text)
    return number
