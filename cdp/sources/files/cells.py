"""A column's cells as the file has them; their texts are made when somebody asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

Texts = Any
"""A `pyarrow.StringArray`; null is nothing."""


class Cells:
    """Cells of one column, null where there is nothing.

    Where `plain` is true the file's own type says that a cell is a number or a time, so its text needs no marks: it is
    1234.5, or ISO 8601. `render` makes such texts of what the file has; without it that is text already.
    """

    __slots__ = ("_render", "_texts", "plain", "raw")

    def __init__(self, raw: Any, plain: Any = False, render: Callable[[Any], Texts] | None = None) -> None:
        self.raw = raw
        self.plain = plain
        self._render = render
        self._texts: Texts | None = None

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def texts(self) -> Texts:
        """The cells as texts."""
        if self._texts is None:
            self._texts = self.raw if self._render is None else self._render(self.raw)
        return self._texts

    @property
    def all_plain(self) -> bool:
        """Whether no cell was written by a person."""
        return self.plain if isinstance(self.plain, bool) else bool(pc.all(self.plain).as_py())

    @property
    def none_plain(self) -> bool:
        """Whether all cells were written by persons."""
        return not (self.plain if isinstance(self.plain, bool) else pc.any(self.plain).as_py())

    def with_texts(self, texts: Texts) -> Cells:
        """Other texts in the same places."""
        return Cells(texts, self.plain)

    def take(self, indices: Any) -> Cells:
        """The cells at these places."""
        plain = self.plain if isinstance(self.plain, bool) else self.plain.take(indices)
        return Cells(self.raw.take(indices), plain, self._render)

    def slice(self, start: int, length: int) -> Cells:
        """The cells of a range."""
        plain = self.plain if isinstance(self.plain, bool) else self.plain.slice(start, length)
        return Cells(self.raw.slice(start, length), plain, self._render)

    def after(self, earlier: Cells) -> Cells:
        """These after earlier cells of the same column."""
        same = isinstance(self.plain, bool) and self.plain is earlier.plain
        plain = self.plain if same else pa.concat_arrays([earlier.plain_cells(), self.plain_cells()])
        return Cells(pa.concat_arrays([earlier.raw, self.raw]), plain, self._render)

    def plain_cells(self) -> Any:
        """For each cell whether it is plain."""
        return pa.repeat(pa.scalar(self.plain), len(self.raw)) if isinstance(self.plain, bool) else self.plain

    def differ(self, others: Cells) -> Any:
        """Where these cells are not what the others are; nothing is what nothing is."""
        unequal = pc.not_equal(self.raw, others.raw)
        if not unequal.null_count:
            return unequal
        return pc.if_else(pc.is_valid(unequal), unequal, pc.xor(pc.is_null(self.raw), pc.is_null(others.raw)))
