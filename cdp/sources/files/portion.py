"""A portion of a file: some rows as columns of text, with their numbers, and the rows that are none."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from cdp.sources.files.cells import Cells
from cdp.sources.files.problem import Fault


class BrokenRow(NamedTuple):
    """A row that could not be read as one, as it stands in the file."""

    row: int
    text: str
    fault: Fault


@dataclass(frozen=True, slots=True)
class Portion:
    """`columns` are the mapped ones by name; `rows` numbers them as an editor of the file does, a header included."""

    columns: Mapping[str, Cells]
    rows: Any
    broken: Sequence[BrokenRow] = ()
    blank: int = 0

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, indices: Any) -> Portion:
        """The rows at these places, without the broken ones."""
        return Portion({name: cells.take(indices) for name, cells in self.columns.items()}, self.rows.take(indices))

    def slice(self, start: int, length: int) -> Portion:
        """The rows of a range, without the broken ones."""
        columns = {name: cells.slice(start, length) for name, cells in self.columns.items()}
        return Portion(columns, self.rows.slice(start, length))

    def after(self, earlier: Portion) -> Portion:
        """Its rows after those of an earlier portion."""
        columns = {name: cells.after(earlier.columns[name]) for name, cells in self.columns.items()}
        return Portion(columns, pa.concat_arrays([earlier.rows, self.rows]), self.broken, self.blank)


class Progress(NamedTuple):
    """How much of a file has been read, in bytes or rows; `total` is None where the file does not say it."""

    done: int
    total: int | None


class FileReader(Protocol):
    """A format. `portions` can be asked for more than once, and gives the same each time."""

    def portions(self) -> Generator[Portion, None, None]:
        """The rows in order. Raises `FileProblem`."""

    @property
    def progress(self) -> Progress:
        """Of the latest call of `portions`."""
