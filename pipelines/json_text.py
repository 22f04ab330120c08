"""The text that PostgreSQL gives a `jsonb` value: what is equal there has the same text here."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_SPECIAL = re.compile(r'["\\\x00-\x1f]')


def json_text(value: Any) -> str:
    """Keys by their length in bytes, then by their bytes; numbers to the digit; only what must be escaped is."""
    if isinstance(value, dict):
        keys = sorted(value, key=_place)
        return "{" + ", ".join([f"{_quoted(key)}: {json_text(value[key])}" for key in keys]) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(json_text, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return _number(value if isinstance(value, Decimal) else Decimal(str(value)))


def _number(value: Decimal) -> str:
    return format(abs(value) if value.is_zero() else value, "f")


def _quoted(text: str) -> str:
    return f'"{_SPECIAL.sub(_escaped, text)}"'


def _escaped(found: re.Match[str]) -> str:
    return _ESCAPES.get(found[0]) or f"\\u{ord(found[0]):04x}"


def _place(key: str) -> tuple[int, bytes]:
    encoded = key.encode()
    return len(encoded), encoded
