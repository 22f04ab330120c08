"""A table of figures: printed, and kept in a document together with the machine that they were measured on."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from pathlib import Path

import psutil
from rich.table import Table

from cdp.postgres.programs import programs

ROOT = Path(__file__).parent.parent


class Report:
    """Rows under headings, for the terminal and for the part of a document between two marks."""

    def __init__(self, document: str, headings: tuple[str, ...], place: str = "figures") -> None:
        self._document = ROOT / document
        self._headings = headings
        self._begin, self._end = f"<!-- {place}: begin -->", f"<!-- {place}: end -->"
        self._rows: list[tuple[str, ...]] = []

    def add(self, *cells: str) -> None:
        """One row."""
        self._rows.append(cells)

    def table(self) -> Table:
        """For the terminal."""
        table = Table(*self._headings, caption=machine())
        for row in self._rows:
            table.add_row(*row)
        for column in table.columns[1:]:
            column.justify = "right"
        return table

    def markdown(self) -> str:
        """For a document."""
        lines = [self._headings, ("---", *("---:" for _ in self._headings[1:])), *self._rows]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"{self._begin}\n{table}\n\nMeasured on {machine()}.\n{self._end}"

    def write(self) -> None:
        """Replaces what stands between the document's marks."""
        text = self._document.read_text()
        found = re.compile(f"{re.escape(self._begin)}.*{re.escape(self._end)}", re.DOTALL)
        if not found.search(text):
            raise SystemExit(
                f"{self._document} has no lines {self._begin} and {self._end}; put them where the table belongs"
            )
        self._document.write_text(found.sub(lambda _: self.markdown(), text))


def machine() -> str:
    """What the figures were measured on."""
    version = subprocess.run([programs() / "postgres", "--version"], capture_output=True, text=True, check=True)
    memory = round(psutil.virtual_memory().total / 2**30)
    return (
        f"{os.cpu_count()} cores, {memory} GiB of memory, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, PostgreSQL {version.stdout.split()[-1]}"
    )
