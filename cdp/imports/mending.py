"""Refused rows of a file, mapped once more: after the mapping was corrected, or a cell of theirs."""

from __future__ import annotations

from typing import Any

import msgspec
import pyarrow as pa

from cdp.quarantine.change import Unfit
from cdp.sources.files.building import Builder
from cdp.sources.files.cells import Cells
from cdp.sources.files.grouping import Grouped
from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.portion import Portion


class _Row(msgspec.Struct):
    row: int
    values: dict[str, str | None] | None = None
    plain: list[str] = []


class _Refused(msgspec.Struct):
    rows: list[_Row]
    file: str
    problem: Any
    ordinal: int = 0


class Remapping:
    """A change of held items: what this mapping makes of the rows that they keep."""

    def __init__(self, mapping: FileMapping) -> None:
        self._mapping = mapping

    def apply(self, raw: bytes) -> bytes:
        """The item that the rows become; one with a problem again, where the mapping does not fit them either."""
        try:
            refused = msgspec.json.decode(raw, type=_Refused)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise Unfit("the item keeps no rows of a file, so no mapping can be applied to it") from None
        columns = {name: _cells(name, refused.rows) for name in self._mapping.columns}
        numbers = pa.array([each.row for each in refused.rows], pa.int64())
        grouped = Grouped(Portion(columns, numbers), pa.array([0, len(refused.rows)], pa.int32()), ())
        (item,) = Builder(self._mapping, refused.file).items(grouped, [refused.ordinal])
        return item.data

    def described(self) -> dict[str, Any]:
        """Which mapping, by its digest."""
        return {"mapping": self._mapping.digest.hex()}


def _cells(name: str, rows: list[_Row]) -> Cells:
    texts, plain = [], []
    for each in rows:
        if each.values is None:
            raise Unfit(f"row {each.row} could not be cut into columns; correct the file and import it again")
        if name not in each.values:
            raise Unfit(f"the rows were kept without the column {name!r}; import the file again with this mapping")
        texts.append(each.values[name])
        plain.append(name in each.plain)
    return Cells(pa.array(texts, pa.string()), pa.array(plain, pa.bool_()))
