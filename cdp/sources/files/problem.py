"""What can be wrong with a file as a whole, or with single rows of it."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import NamedTuple

from cdp.sources.rejection import Reason


class FileProblem(Exception):
    """The file cannot be imported as it is; the message names the file, the row where there is one, and the remedy."""

    def __init__(self, path: Path, what: str, remedy: str, row: int | None = None) -> None:
        place = f"{path}" if row is None else f"{path}, row {row}"
        super().__init__(f"{place}: {what}. {remedy}")
        self.row = row


class Fault(NamedTuple):
    """What is wrong with a row: the reason for quarantine, which column, what was expected there."""

    reason: Reason
    column: str
    expected: str

    @property
    def sentence(self) -> str:
        """For people; holds no value of the row."""
        return f"{self.column}: expected {self.expected}" if self.column else self.expected


class Disagreement(Enum):
    """What to do when the rows of one group say different things about the whole."""

    SAME = "same"
    FIRST = "first"
