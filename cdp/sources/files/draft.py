"""A portion's groups while they become items: the fields of a mapping as JSON columns, and what is wrong with whom."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Cells, Texts
from cdp.sources.files.document import Value, json_object, repeated
from cdp.sources.files.grouping import Grouped
from cdp.sources.files.kinds import (
    any_of,
    computed,
    converted,
    decimal_expected,
    decimals_of,
    first_true,
    holds,
    joined,
    present,
)
from cdp.sources.files.mapping import Cases, Column, Computed, Constant, Field, Kind, Node, Sum
from cdp.sources.files.portion import Portion
from cdp.sources.files.problem import Disagreement, Fault
from cdp.sources.files.sums import group_sums
from cdp.sources.rejection import Reason

Faults = dict[int, tuple[int, Fault]]
"""By group: the number of a row, and what is wrong with it."""


class Draft:
    """`whole` fields are those of a group, taken from its first row; the others are those of each row."""

    def __init__(self, grouped: Grouped) -> None:
        self.rows = grouped.portion
        self.offsets = grouped.offsets
        self.groups = grouped.groups
        self.faults: Faults = {}
        self.firsts: Any = self.offsets.slice(0, self.groups)
        self.single = len(self.rows) == self.groups
        self.heads: Portion = self.rows if self.single else self.rows.take(self.firsts)
        self._agreed: set[str] = set()
        self._numbers: dict[Any, Texts] = {}

    def node(self, node: Node, whole: bool) -> Value:
        """An object of fields."""
        return json_object([(key, self.member(each, whole)) for key, each in node.items()])

    def member(self, member: Field | Node, whole: bool) -> Value:
        """A field, or an object of fields."""
        return self.node(member, whole) if isinstance(member, Mapping) else self.field(member, whole)

    def field(self, field: Field, whole: bool) -> Value:
        """A field's JSON texts."""
        match field:
            case Constant():
                return field.json
            case Column():
                return self.column(field, whole)
            case Computed():
                return _quoted(self._computed(field, whole))
            case Sum():
                return _quoted(self._sum(field))
            case Cases():
                return self._cases(field, whole)

    def column(self, column: Column, whole: bool) -> Texts:
        """A column's JSON texts; notes what is no value of its kind, and rows of a group that disagree."""
        if column.kind is Kind.DECIMAL and column.words is None and not column.required:
            return _quoted(self._decimals(column, whole))
        cells = self.cells(column, whole)
        found = converted(column, cells)
        self.note(found.wrong, Fault(Reason.INVALID_VALUE, column.name, found.expected), whole)
        if column.required:
            self.note(pc.is_null(cells.texts), Fault(Reason.MISSING_VALUE, column.name, "a value"), whole)
        return found.json

    def text_column(self, column: Column) -> Texts:
        """A column of groups as JSON strings, whole numbers too."""
        found = self.column(column, True)
        return _quoted(found) if column.kind is Kind.INTEGER else found

    def cells(self, column: Column, whole: bool) -> Cells:
        """A column's cells; of whole groups, those of the first rows."""
        if whole:
            self._check_agreement(column)
        return present(column, (self.heads if whole else self.rows).columns[column.name])

    def note(self, mask: Any, fault: Fault, whole: bool) -> None:
        """Marks the groups where the mask is true; the first fault of a group stays."""
        if not pc.any(mask).as_py():
            return
        portion = self.heads if whole else self.rows
        for place in first_true(mask):
            group = place if whole else self.owner[place].as_py()
            self.faults.setdefault(group, (portion.rows[place].as_py(), fault))

    @cached_property
    def owner(self) -> Any:
        """For each row its group."""
        if self.single:
            return pa.array(range(self.groups), pa.int64())
        starts = pc.is_in(pa.array(range(len(self.rows)), pa.int32()), value_set=self.firsts)
        return pc.subtract(pc.cumulative_sum(starts.cast(pa.int64())), 1)

    def differing(self, name: str) -> Any:
        """Where a row says something else than the first row of its group."""
        return self.rows.columns[name].differ(self.heads.columns[name].take(self.owner))

    def _check_agreement(self, column: Column) -> None:
        if self.single or column.rows is Disagreement.FIRST or column.name in self._agreed:
            return
        self._agreed.add(column.name)
        expected = "the same in all rows of a group"
        self.note(self.differing(column.name), Fault(Reason.ROWS_DISAGREE, column.name, expected), False)

    def _decimals(self, column: Column, whole: bool) -> Texts:
        """Its plain decimal texts; often wanted twice, for a line and for the sum over lines."""
        key = (column.name, column.marks, column.decimals, column.empty, whole)
        if key not in self._numbers:
            texts, wrong = decimals_of(column, self.cells(column, whole))
            self.note(wrong, Fault(Reason.INVALID_VALUE, column.name, decimal_expected(column)), whole)
            self._numbers[key] = texts
        return self._numbers[key]

    def _computed(self, field: Computed, whole: bool) -> Texts:
        return computed(field, self._decimals(field.left, whole), self._decimals(field.right, whole))

    def _sum(self, field: Sum) -> Texts:
        summand = field.of
        if isinstance(summand, Computed):
            texts, name = self._computed(summand, False), summand.left.name
        else:
            texts, name = self._decimals(summand, False), summand.name
        sums = group_sums(texts, self.offsets)
        sizes = pc.subtract(self.offsets.slice(1), self.firsts)
        partly = pc.and_(pc.greater(sums.counts, 0), pc.less(sums.counts, sizes))
        self.note(partly, Fault(Reason.MISSING_VALUE, name, "a value in each row that is added up"), True)
        return sums.texts

    def _cases(self, field: Cases, whole: bool) -> Value:
        portion = self.heads if whole else self.rows
        found = repeated(None if field.otherwise is None else field.otherwise.json, len(portion))
        for condition, constant in reversed(field.cases):
            cells = self.cells(Column(condition.column), whole)
            found = pc.if_else(holds(condition, cells.texts), constant.json, found)
        return found


def _quoted(texts: Texts) -> Texts:
    return joined('"', texts, '"')


def valid_somewhere(columns: list[Texts]) -> Any:
    """Where any of the columns has something."""
    return any_of([pc.is_valid(each) for each in columns])
