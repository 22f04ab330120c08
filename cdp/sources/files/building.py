"""Items of groups: the common specification's JSON, written column by column, and what could not be made one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from cdp.sources.files.cells import Cells, Texts
from cdp.sources.files.document import Members, Value, json_array, json_lists, json_object, repeated
from cdp.sources.files.draft import Draft, valid_somewhere
from cdp.sources.files.grouping import Grouped
from cdp.sources.files.kinds import joined, json_texts
from cdp.sources.files.mapping import Constant, Field, FileMapping, FoundIdentifier, Key, Node, Time
from cdp.sources.files.moments import moments
from cdp.sources.files.portion import BrokenRow, Portion
from cdp.sources.files.problem import Disagreement, Fault
from cdp.sources.rejection import Reason

DIFFERS = "differs"
"""The member of a line that keeps what it says about the whole, where that is not what the first line says."""

_TOP = {("self", "user_id"): "userId", ("self", "anonymous_id"): "anonymousId", ("account", "group_id"): "groupId"}
_TRAITS = {("self", "email"): "email", ("self", "phone"): "phone"}
_DEVICE = ("self", "device_id")
COLLECTIONS = {"account": "accounts", "agent": "agents", "friend": "friends"}


class Item(NamedTuple):
    """The bytes of an item, the number of its first row, how many rows it is made of, and why it will be refused."""

    data: bytes
    row: int
    rows: int
    fault: Fault | None


class Builder:
    """Makes items. `file` is the file's name, which is kept with refused rows only, where it is encrypted."""

    def __init__(self, mapping: FileMapping, file: str) -> None:
        self._mapping = mapping
        self._file = file

    def contents(self, grouped: Grouped) -> list[bytes]:
        """A digest of each group's rows, for groups without a natural key."""
        columns = [pc.fill_null(grouped.portion.columns[name].texts, "\x00") for name in self._mapping.columns]
        rows = pc.binary_join_element_wise(*columns, "\x1f")
        texts = pc.binary_join(pa.ListArray.from_arrays(grouped.offsets, rows), "\x1e")
        return [blake2b(text, digest_size=16).digest() for text in texts.cast(pa.binary()).to_pylist()]

    def items(self, grouped: Grouped, ordinals: Sequence[int] | None) -> list[Item]:
        """The items in the order of their first rows. `ordinals` count equal groups, where there is no natural key."""
        items = [self._broken(row) for row in grouped.broken]
        if grouped.groups:
            items += self._built(grouped, ordinals)
        if grouped.broken:
            items.sort(key=lambda item: item.row)
        return items

    def _built(self, grouped: Grouped, ordinals: Sequence[int] | None) -> Iterator[Item]:
        draft = Draft(grouped)
        texts = self._documents(draft, self._message_ids(draft, grouped, ordinals))
        ends = grouped.offsets.to_pylist()
        firsts = draft.heads.rows.to_pylist()
        originals = _Originals(grouped.portion) if draft.faults else None
        for at, data in enumerate(texts.cast(pa.binary()).to_pylist()):
            start, end = ends[at], ends[at + 1]
            if originals is not None and at in draft.faults:
                row, fault = draft.faults[at]
                rows = [originals.row(place) for place in range(start, end)]
                refused = self._problem(row, fault, rows, 0 if ordinals is None else ordinals[at])
                yield Item(refused, firsts[at], end - start, fault)
            else:
                yield Item(data, firsts[at], end - start, None)

    def _documents(self, draft: Draft, message_ids: Texts) -> Texts:
        mapping = self._mapping
        type_ = draft.field(mapping.type, True)
        name = None if mapping.name is None else draft.field(mapping.name, True)
        if isinstance(name, pa.Array):
            draft.note(pc.is_null(name), Fault(Reason.MISSING_EVENT, "", "expected the name of an event"), True)
        members: list[tuple[str, Value]] = [
            ("type", type_),
            ("name" if mapping.type in (Constant('"page"'), Constant('"screen"')) else "event", name),
            ("messageId", message_ids),
            ("timestamp", None if mapping.time is None else self._timestamps(draft, mapping.time)),
            ("properties", self._properties(draft)),
            ("traits", draft.node(mapping.traits, True)),
            *self._identified(draft),
        ]
        return repeated(json_object(members), draft.groups)

    def _properties(self, draft: Draft) -> Value:
        members: Members = [(key, draft.member(each, True)) for key, each in self._mapping.properties.items()]
        if self._mapping.lines:
            lines = [(key, draft.member(each, False)) for key, each in self._mapping.lines.items()]
            found = repeated(json_object([*lines, (DIFFERS, self._differing(draft))]), len(draft.rows))
            members = [*members, ("products", json_lists(pc.fill_null(found, "{}"), draft.offsets))]
        return json_object(members)

    def _differing(self, draft: Draft) -> Value:
        first = sorted({each.name for each in self._mapping.head_columns if each.rows is Disagreement.FIRST})
        if draft.single or not first:
            return None
        return json_object([(name, self._difference(draft, name)) for name in first])

    def _difference(self, draft: Draft, name: str) -> Value:
        differs = draft.differing(name)
        if not pc.any(differs).as_py():
            return None
        return pc.if_else(differs, pc.fill_null(json_texts(draft.rows.columns[name].texts), "null"), None)

    def _timestamps(self, draft: Draft, time: Time) -> Texts:
        parts = [draft.cells(column, True) for column in time.columns]
        cells = parts[0] if len(parts) == 1 else _spaced(parts)
        found = moments(time, cells)
        name = " ".join(column.name for column in time.columns)
        for at, reason in found.wrong.items():
            draft.faults.setdefault(at, (draft.heads.rows[at].as_py(), Fault(reason, name, _expected(time))))
        draft.note(pc.is_null(cells.texts), Fault(Reason.MISSING_VALUE, name, "a time"), True)
        return json_texts(found.texts)

    def _identified(self, draft: Draft) -> Iterator[tuple[str, Value]]:
        """The places of the common specification where identifiers stand, the mapping's context among them."""
        found = [(each, draft.text_column(each.value)) for each in self._mapping.identifiers]
        own = valid_somewhere([texts for each, texts in found if each.role == "self"])
        if self._mapping.anonymous:
            yield "anonymous", pc.if_else(own, pa.scalar(None, pa.string()), "true")
        else:
            draft.note(pc.invert(own), Fault(Reason.MISSING_IDENTIFIER, "", self._whose()), True)
        context = dict(self._mapping.context)
        traits = self._members(draft, context.pop("traits", {}))
        device = self._members(draft, context.pop("device", {}))
        external: list[Value] = []
        for identifier, texts in found:
            place = (identifier.role, identifier.type)
            if place in _TOP:
                yield _TOP[place], texts
            elif place in _TRAITS:
                traits.append((_TRAITS[place], texts))
            elif place == _DEVICE:
                device.append(("id", texts))
            else:
                external.append(_external(identifier, texts))
        added = [
            ("traits", json_object(traits)),
            ("device", json_object(device)),
            ("externalIds", json_array(external)),
        ]
        yield "context", json_object([*self._members(draft, context), *added])

    def _members(self, draft: Draft, node: Field | Node) -> list[tuple[str, Value]]:
        return [(key, draft.member(each, True)) for key, each in node.items()] if isinstance(node, Mapping) else []

    def _whose(self) -> str:
        names = ", ".join(each.value.name for each in self._mapping.identifiers if each.role == "self")
        return f"no identifier: nothing in {names}"

    def _message_ids(self, draft: Draft, grouped: Grouped, ordinals: Sequence[int] | None) -> Texts:
        if self._mapping.key is not None:
            return self._natural_ids(draft, self._mapping.key)
        digests = self.contents(grouped)
        counted = ordinals or [0] * len(digests)
        return pa.array([f'"row:{digest.hex()}:{n}"' for digest, n in zip(digests, counted, strict=True)], pa.string())

    def _natural_ids(self, draft: Draft, key: Key) -> Texts:
        for column in key.columns:
            draft.column(column, True)
        texts = [draft.heads.columns[column.name].texts for column in key.columns]
        if len(texts) > 1:
            texts = [pc.replace_substring(pc.replace_substring(each, "\\", "\\\\"), "|", "\\|") for each in texts]
        whole = texts[0] if len(texts) == 1 else pc.binary_join_element_wise(*texts, "|")
        return json_texts(joined(key.prefix, whole) if key.prefix else whole)

    def _broken(self, broken: BrokenRow) -> Item:
        rows = [{"row": broken.row, "text": broken.text}]
        return Item(self._problem(broken.row, broken.fault, rows), broken.row, 1, broken.fault)

    def _problem(self, row: int, fault: Fault, rows: list[dict[str, Any]], ordinal: int = 0) -> bytes:
        problem = {"reason": fault.reason.value, "detail": f"row {row}: {fault.sentence}"}
        item = {"problem": problem, "file": self._file, "rows": rows}
        return msgspec.json.encode(item | {"ordinal": ordinal} if ordinal else item)


def _external(identifier: FoundIdentifier, texts: Texts) -> Value:
    collection = COLLECTIONS.get(identifier.role)
    whose = f',"collection":"{collection}"' if collection else ""
    return joined('{"id":', texts, f',"type":"{identifier.type}"{whose}}}')


class _Originals:
    """Rows as they stand in the file."""

    def __init__(self, portion: Portion) -> None:
        self._numbers = portion.rows.to_pylist()
        self._names = list(portion.columns)
        self._texts = [cells.texts.to_pylist() for cells in portion.columns.values()]
        self._plain = [cells.plain_cells().to_pylist() for cells in portion.columns.values()]

    def row(self, place: int) -> dict[str, Any]:
        """A row's texts, and which of them the file's own type says are numbers or times."""
        values = {name: texts[place] for name, texts in zip(self._names, self._texts, strict=True)}
        plain = [name for name, column in zip(self._names, self._plain, strict=True) if column[place]]
        return {"row": self._numbers[place], "values": values, "plain": plain}


def _spaced(parts: Sequence[Cells]) -> Cells:
    plain = parts[0].plain_cells()
    for part in parts[1:]:
        plain = pc.and_(plain, part.plain_cells())
    return Cells(pc.binary_join_element_wise(*[part.texts for part in parts], " "), plain)


def _expected(time: Time) -> str:
    form = "ISO 8601" if time.format is None else time.format
    return f"a time written {form}" + ("" if time.zone else ", with a zone, or [time] zone in the mapping")
