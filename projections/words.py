"""Names in the form in which they are searched for: folded words, so that «ayse yil» finds «Ayşe Yılmaz». Pure."""

from __future__ import annotations

import re
from functools import lru_cache

from cdp.identity.normalise import name_key

LONGEST_WORD = 60
LONGEST = 200
"""Characters of a word, and of a whole name, that count: an index can hold them whatever letters they are."""

_WORD = re.compile(r"[^\W_]+")


@lru_cache(maxsize=65_536)
def words(text: str) -> tuple[str, ...]:
    """The folded words of a name, or of what was typed to find one: letters and digits only."""
    return tuple(word[:LONGEST_WORD] for word in _WORD.findall(name_key(text[:LONGEST])))


def folded(text: str) -> str:
    """A name in the form in which it is ordered and compared as a whole."""
    return " ".join(words(text))[:LONGEST]


def after(prefix: str) -> str:
    """The first text, by code points, that comes after all those that begin with a prefix; "" gives the last of all."""
    for end in range(len(prefix), 0, -1):
        last = ord(prefix[end - 1])
        if last < LAST:
            return prefix[: end - 1] + chr(FIRST_AFTER_SURROGATES if last + 1 == FIRST_SURROGATE else last + 1)
    return chr(LAST)


FIRST_SURROGATE, FIRST_AFTER_SURROGATES, LAST = 0xD800, 0xE000, 0x10FFFF
