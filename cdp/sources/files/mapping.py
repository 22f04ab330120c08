"""A mapping: how the rows of a file become touchpoints. `notation` reads it from TOML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from cdp.sources.files.problem import Disagreement

DECIMAL_POINT = "."


class Kind(Enum):
    """What a column holds."""

    TEXT = "text"
    DECIMAL = "decimal"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    JSON = "json"


class Marks(NamedTuple):
    """How numbers are written in text: the decimal mark, what stands between thousands, and what may stand around."""

    decimal: str = DECIMAL_POINT
    thousands: str = ""
    without: tuple[str, ...] = ()


PLAIN = Marks()


@dataclass(frozen=True)
class Column:
    """The value of a column.

    `decimals` rounds binary fractions and is the most that a decimal text may have. `words` translates texts; one that
    it does not name is a fault. What `empty` lists means nothing. Of a group's rows all must say the `SAME`, or the
    `FIRST` counts.
    """

    name: str
    kind: Kind = Kind.TEXT
    marks: Marks = PLAIN
    decimals: int | None = None
    words: Mapping[str, str] | None = None
    true: tuple[str, ...] = ()
    false: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    required: bool = False
    rows: Disagreement = Disagreement.SAME


@dataclass(frozen=True)
class Constant:
    """The same for every touchpoint; `json` is its JSON text."""

    json: str


@dataclass(frozen=True)
class Computed:
    """An exact decimal: `multiply`, `add` or `subtract` of two columns."""

    operator: str
    left: Column
    right: Column


@dataclass(frozen=True)
class Sum:
    """An exact decimal: what a column, or what is computed, adds up to over the rows of a group."""

    of: Column | Computed


@dataclass(frozen=True)
class Condition:
    """Whether a row's column is as said: `equals`, `in`, `starts_with`, `matches` or `empty`."""

    column: str
    test: str
    operand: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cases:
    """The value of the first condition that holds, else `otherwise`, else nothing."""

    cases: tuple[tuple[Condition, Constant], ...]
    otherwise: Constant | None


Field = Column | Constant | Computed | Sum | Cases
Node = Mapping[str, "Field | Node"]


@dataclass(frozen=True)
class Time:
    """When it happened: columns joined by a space, their format (ISO 8601 without one), the zone of what names none."""

    columns: tuple[Column, ...]
    format: str | None
    zone: str | None


@dataclass(frozen=True)
class Key:
    """The natural key: what makes two rows mean the same touchpoint, also in another file."""

    columns: tuple[Column, ...]
    prefix: str


@dataclass(frozen=True)
class Group:
    """Rows that say the same in `by` and lie at most `within` rows apart are one touchpoint of at most `most` rows."""

    by: tuple[str, ...]
    within: int = 1
    most: int = 10_000


@dataclass(frozen=True)
class FoundIdentifier:
    """An identifier: where it is, of which type, and whose."""

    value: Column
    type: str
    role: str = "self"


@dataclass(frozen=True)
class Skip:
    """Rows that are left out when all conditions hold, counted under a sentence."""

    conditions: tuple[Condition, ...]
    because: str


@dataclass(frozen=True)
class FileForm:
    """How the file is to be read; None where the file itself says it."""

    format: str | None = None
    encoding: str | None = None
    separator: str | None = None
    quote: str = '"'
    columns: tuple[str, ...] | None = None
    sheet: str | None = None
    header_row: int = 1
    empty: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class FileMapping:
    """All of it. `digest` is that of the TOML text, `anonymous` whether rows may name nobody."""

    text: str
    digest: bytes
    file: FileForm
    type: Field
    name: Field | None
    anonymous: bool
    time: Time | None
    key: Key | None
    group: Group | None
    identifiers: tuple[FoundIdentifier, ...]
    properties: Node
    traits: Node
    context: Node
    lines: Node
    skips: tuple[Skip, ...]
    ignored: frozenset[str] = field(default_factory=frozenset)

    @property
    def columns(self) -> list[str]:
        """Every column that it reads, sorted."""
        found = {column.name for column in self.all_columns()}
        found.update(self.group.by if self.group else ())
        found.update(condition.column for condition in self._conditions())
        return sorted(found)

    @property
    def decimals(self) -> dict[str, int]:
        """To how many decimals the binary fractions of a column are rounded."""
        return {column.name: column.decimals for column in self.all_columns() if column.decimals is not None}

    @property
    def head_columns(self) -> list[Column]:
        """The columns that speak of a whole group."""
        return [each for part in self._head_parts() for each in _columns(part)]

    def all_columns(self) -> Iterator[Column]:
        """Every column, as often as it is used."""
        yield from self.head_columns
        yield from _columns(self.lines)
        for node in (self.properties, self.traits, self.context):
            yield from _columns(node, summed=True)

    def _head_parts(self) -> Iterator[Field | Node | None]:
        yield from (self.type, self.name, self.properties, self.traits, self.context)
        yield from self.time.columns if self.time else ()
        yield from self.key.columns if self.key else ()
        yield from (identifier.value for identifier in self.identifiers)

    def _conditions(self) -> Iterator[Condition]:
        for skip in self.skips:
            yield from skip.conditions
        for part in (self.type, self.name, self.properties, self.traits, self.context, self.lines):
            yield from _conditions(part)

    @property
    def head_conditions(self) -> list[str]:
        """The columns on which the cases of a whole group depend."""
        parts = (self.type, self.name, self.properties, self.traits, self.context)
        return sorted({condition.column for part in parts for condition in _conditions(part)})


def _columns(part: Field | Node | None, summed: bool = False) -> Iterator[Column]:
    """The columns of a part: those that speak of the whole, or with `summed` those that are added up."""
    match part:
        case Column():
            if not summed:
                yield part
        case Computed():
            if not summed:
                yield from (part.left, part.right)
        case Sum():
            if summed:
                yield from _columns(part.of)
        case Mapping():
            for each in part.values():
                yield from _columns(each, summed)
        case _:
            pass


def _conditions(part: Field | Node | None) -> Iterator[Condition]:
    match part:
        case Cases():
            yield from (condition for condition, _ in part.cases)
        case Mapping():
            for each in part.values():
                yield from _conditions(each)
        case _:
            pass
