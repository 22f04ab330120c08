"""Objects of JSON text, whole columns of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Texts
from cdp.sources.files.kinds import joined

Value = Texts | str | None
"""JSON texts by row, null where there is nothing; or one text for all rows; or nothing at all."""

Members = Sequence[tuple[str, Value]]


def json_object(members: Members) -> Value:
    """The objects that have these members; null where a row has none."""
    present = [(_key(key), value) for key, value in members if value is not None]
    if not present:
        return None
    present.sort(key=lambda member: not _always(member[1]))
    if not _always(present[0][1]):
        return _possibly_empty(present)
    parts: list[Any] = []
    for at, (key, value) in enumerate(present):
        if _always(value):
            _add(parts, ("," if at else "{") + key)
            _add(parts, value)
        else:
            parts.append(pc.coalesce(joined(f",{key}", value), pa.scalar("")))
    return _whole([*parts, "}"])


def json_array(values: Sequence[Value]) -> Value:
    """Arrays of what is there of these values; null where a row has none."""
    present = [value for value in values if value is not None]
    if not present:
        return None
    if len(present) == 1:
        return _whole(["[", present[0], "]"])
    found = _after_comma([joined(",", value) if not isinstance(value, str) else f",{value}" for value in present])
    return _whole(["[", found, "]"])


def json_lists(texts: Texts, offsets: Any) -> Texts:
    """One array for each group of texts."""
    lists = pa.ListArray.from_arrays(offsets, texts)
    return joined("[", pc.binary_join(lists, ","), "]")


def repeated(value: Value, length: int) -> Texts:
    """A value as a column."""
    if value is None:
        return pa.nulls(length, pa.string())
    return pa.repeat(pa.scalar(value), length) if isinstance(value, str) else value


def _possibly_empty(members: list[tuple[str, Any]]) -> Texts:
    found = _after_comma([joined(f",{key}", value) for key, value in members])
    return joined("{", found, "}")


def _after_comma(parts: Sequence[Any]) -> Texts:
    """Texts that each begin with a comma, one after the other without the first comma; null where there is none."""
    whole = pc.binary_join_element_wise(
        *[pa.scalar(part) if isinstance(part, str) else part for part in parts],
        "",
        null_handling="replace",
        null_replacement="",
    )
    whole = pc.utf8_slice_codeunits(whole, 1)
    return pc.if_else(pc.equal(whole, ""), None, whole)


def _whole(parts: Sequence[Any]) -> Value:
    if all(isinstance(part, str) for part in parts):
        return "".join(parts)
    return joined(*parts)


def _always(value: Any) -> bool:
    return isinstance(value, str) or not value.null_count


def _add(parts: list[Any], part: Any) -> None:
    if parts and isinstance(parts[-1], str) and isinstance(part, str):
        parts[-1] += part
    else:
        parts.append(part)


def _key(key: str) -> str:
    return msgspec.json.encode(key).decode() + ":"
