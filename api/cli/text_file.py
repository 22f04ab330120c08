"""Files that people write and give to a command."""

from __future__ import annotations

import sys
from pathlib import Path


class UnreadableFile(ValueError):
    """The file cannot be read."""

    def __init__(self, file: str, error: Exception) -> None:
        super().__init__(f"{file} cannot be read: {error}; expected a TOML file in UTF-8")


def read_text(file: str) -> str:
    """What a file holds, `-` for standard input. Raises `UnreadableFile`."""
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableFile(file, error) from None
