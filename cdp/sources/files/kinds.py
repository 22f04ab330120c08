"""Whole columns of texts, checked and written as JSON. Nothing here looks at one value at a time, but for rare ones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Cells, Texts
from cdp.sources.files.mapping import Column, Computed, Condition, Kind, Marks

_JSON_ESCAPED = r'["\\\x00-\x1f]'
_DECIMAL = r"^-?\d{1,24}(\.\d{1,12})?$"
_INTEGER = r"^-?\d{1,18}$"
_EXACT = pa.decimal256(36, 12)
_SPACE = " \t\r\n\u00a0"


class Converted(NamedTuple):
    """JSON texts, null where there is nothing, and where the cell is not what was expected."""

    json: Texts
    wrong: Any
    expected: str


def present(column: Column, cells: Cells) -> Cells:
    """The cells without those that the mapping says mean nothing in this column."""
    if not column.empty:
        return cells
    nothing = pc.is_in(cells.texts, value_set=pa.array(column.empty, pa.string()))
    return cells.with_texts(pc.if_else(nothing, None, cells.texts))


def converted(column: Column, cells: Cells) -> Converted:
    """The cells of a column as the JSON that its kind says."""
    if column.words is not None:
        return _words(column.words, cells.texts)
    return _KINDS[column.kind](column, cells)


def decimals_of(column: Column, cells: Cells) -> tuple[Texts, Any]:
    """Plain decimal texts such as -1234.50, null where there is nothing or no decimal; and where there is none."""
    written = _plain_number(column, cells)
    most = 12 if column.decimals is None else column.decimals
    pattern = _DECIMAL if most == 12 else rf"^-?\d{{1,24}}(\.\d{{1,{most}}})?$" if most else r"^-?\d{1,24}$"
    right = pc.match_substring_regex(written, pattern)
    return pc.if_else(right, written, None), _wrong(right)


def json_texts(texts: Texts) -> Texts:
    """Texts as JSON strings."""
    if len(texts) and pc.any(pc.match_substring_regex(texts, _JSON_ESCAPED)).as_py():
        texts = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
        if pc.any(pc.match_substring_regex(texts, r"[\x00-\x1f]")).as_py():
            texts = _each(texts, lambda text: re.sub(r"[\x00-\x1f]", lambda found: f"\\u{ord(found[0]):04x}", text))
    return joined('"', texts, '"')


def joined(*parts: Texts | str) -> Texts:
    """The parts of each row one after the other; null where one of them is."""
    return pc.binary_join_element_wise(*[pa.scalar(part) if isinstance(part, str) else part for part in parts], "")


def computed(computation: Computed, left: Texts, right: Texts) -> Texts:
    """Decimal texts of an operation on decimal texts, exact."""
    operation: Callable[[Any, Any], Any] = getattr(pc, computation.operator)
    return decimal_texts(operation(left.cast(_EXACT), right.cast(_EXACT)))


def digits_of(decimals: Any) -> Texts:
    """Decimals as texts, never with an exponent, which is how Arrow writes small ones."""
    written = decimals.cast(pa.string())
    if not pc.any(pc.match_substring(written, "E")).as_py():
        return written
    return _each(written, lambda text: format(Decimal(text), "f"))


def decimal_texts(decimals: Any) -> Texts:
    """Decimals in the one form that does not depend on their neighbours: no zeros at the end."""
    written = digits_of(decimals)
    return pc.replace_substring_regex(pc.replace_substring_regex(written, r"(\.\d*?)0+$", r"\1"), r"\.$", "")


def holds(condition: Condition, texts: Texts) -> Any:
    """Where a condition holds; nothing equals nothing."""
    match condition.test:
        case "empty":
            found = pc.is_null(texts)
            return found if condition.operand == ("true",) else pc.invert(found)
        case "equals" | "in":
            found = pc.is_in(texts, value_set=pa.array(condition.operand, pa.string()))
        case "starts_with":
            found = pc.starts_with(texts, condition.operand[0])
        case _:
            found = pc.match_substring_regex(texts, condition.operand[0])
    return pc.fill_null(found, False)


def any_of(masks: Sequence[Any]) -> Any:
    """Where any of the masks is true."""
    first, *others = masks
    for each in others:
        first = pc.or_(first, each)
    return first


def _text(column: Column, cells: Cells) -> Converted:
    texts = joined('"', cells.texts, '"') if cells.all_plain else json_texts(cells.texts)
    return Converted(texts, _never(cells), "")


def _decimal(column: Column, cells: Cells) -> Converted:
    texts, wrong = decimals_of(column, cells)
    return Converted(joined('"', texts, '"'), wrong, decimal_expected(column))


def decimal_expected(column: Column) -> str:
    """What a decimal of this column looks like."""
    sample = "1234.56" if column.marks.decimal == "." else "1234,56"
    if column.marks.thousands:
        sample = f"1{column.marks.thousands}234{column.marks.decimal}56"
    most = "" if column.decimals is None else f" with at most {column.decimals} decimals"
    return f"a decimal such as {sample}{most}"


def _integer(column: Column, cells: Cells) -> Converted:
    written = _plain_number(column, cells)
    if pc.any(pc.match_substring(written, ".")).as_py():
        written = pc.replace_substring_regex(written, r"\.0+$", "")
    right = pc.match_substring_regex(written, _INTEGER)
    whole = pc.if_else(right, written, None)
    if not cells.all_plain:
        whole = whole.cast(pa.int64()).cast(pa.string())  # without zeros in front
    return Converted(whole, _wrong(right), "a whole number such as 12")


def _boolean(column: Column, cells: Cells) -> Converted:
    trimmed = pc.utf8_trim(cells.texts, characters=_SPACE)
    true = pc.is_in(trimmed, value_set=pa.array(column.true, pa.string()))
    false = pc.is_in(trimmed, value_set=pa.array(column.false, pa.string()))
    written = pc.if_else(true, "true", pc.if_else(false, "false", None))
    wrong = pc.and_(pc.is_valid(cells.texts), pc.is_null(written))
    return Converted(written, wrong, f"one of {', '.join((*column.true, *column.false))}")


def _json(column: Column, cells: Cells) -> Converted:
    texts = [text if text is None or _is_json(text) else None for text in cells.texts.to_pylist()]
    found = pa.array(texts, pa.string())
    return Converted(found, pc.and_(pc.is_valid(cells.texts), pc.is_null(found)), "JSON")


def _words(words: Any, texts: Texts) -> Converted:
    place = pc.index_in(texts, value_set=pa.array(list(words), pa.string()))
    found = json_texts(pa.array(list(words.values()), pa.string()).take(place))
    wrong = pc.and_(pc.is_valid(texts), pc.is_null(place))
    return Converted(found, wrong, f"one of {', '.join(words)}")


_KINDS: dict[Kind, Callable[[Column, Cells], Converted]] = {
    Kind.TEXT: _text,
    Kind.DECIMAL: _decimal,
    Kind.INTEGER: _integer,
    Kind.BOOLEAN: _boolean,
    Kind.JSON: _json,
}


def _plain_number(column: Column, cells: Cells) -> Texts:
    """Numbers without marks and plus signs; where the file's own type says that they are, they have none."""
    if cells.all_plain:
        return cells.texts
    trimmed = _without_plus(pc.utf8_trim(cells.texts, characters=_SPACE))
    unmarked = _unmarked(trimmed, column.marks)
    return unmarked if cells.none_plain else pc.if_else(cells.plain_cells(), trimmed, unmarked)


def _unmarked(texts: Texts, marks: Marks) -> Texts:
    """Numbers without what stands around them and between thousands, with a point; others as they are not numbers."""
    for each in marks.without:
        texts = pc.replace_substring(texts, each, "")
    if marks.without:
        texts = _without_plus(pc.utf8_trim(texts, characters=_SPACE))
    decimal, thousands = re.escape(marks.decimal), re.escape(marks.thousands)
    if thousands:
        grouped = rf"^-?(\d+|\d{{1,3}}({thousands}\d{{3}})+)({decimal}\d+)?$"
        right = pc.match_substring_regex(texts, grouped)
        texts = pc.if_else(right, pc.replace_substring(texts, marks.thousands, ""), "?")
    if marks.decimal != ".":
        texts = pc.if_else(pc.match_substring(texts, "."), "?", pc.replace_substring(texts, marks.decimal, "."))
    return texts


def _without_plus(texts: Texts) -> Texts:
    return pc.replace_substring_regex(texts, r"^\+", "")


def _wrong(right: Any) -> Any:
    return pc.fill_null(pc.invert(right), False)


def _never(cells: Cells) -> Any:
    return _all(False, len(cells.texts))


def _all(value: bool, length: int) -> Any:
    return pa.repeat(pa.scalar(value), length)


def _each(texts: Texts, change: Callable[[str], str]) -> Texts:
    return pa.array([None if text is None else change(text) for text in texts.to_pylist()], pa.string())


def _is_json(text: str) -> bool:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return False
    return True


def fraction_text(number: float) -> str:
    """The shortest decimal that is this binary fraction, without an exponent."""
    if number.is_integer():
        return str(int(number))
    return format(Decimal(repr(number)), "f")


def first_true(mask: Any) -> Iterable[int]:
    """The places where a mask is true."""
    places: list[int] = pc.indices_nonzero(mask).to_pylist()
    return places
