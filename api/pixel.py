"""RudderStack's pixel: a call in the query, dotted names for nested fields."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import msgspec

from cdp.ingest.item import DEEPEST
from cdp.ingest.split import Split
from cdp.sources.rejection import Reason, Rejected, Stage

MOST_FIELDS = 200

Tree = dict[str, Any]


def divide(query: bytes) -> tuple[bytes, Split | Rejected]:
    """The bytes as which a query is kept, and the one item in it: the item, or the query where it is none."""
    try:
        item = msgspec.json.encode(_item(query.decode("latin-1")))
    except Rejected as rejected:
        return query, rejected
    return item, Split([item], {}, None)


def _item(query: str) -> Tree:
    try:
        fields = parse_qsl(query, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise _refused(Reason.TOO_LARGE, f"the query has more than {MOST_FIELDS} fields; send them as JSON") from None
    item: Tree = {}
    for name, value in fields:
        if name != "writeKey":
            _put(item, name.split("."), value)
    return item


def _put(item: Tree, path: list[str], value: str) -> None:
    if len(path) > DEEPEST:
        raise _refused(Reason.TOO_DEEP, f"a field's name has {len(path)} levels; expected at most {DEEPEST}")
    for parent in path[:-1]:
        item = item.setdefault(parent, {})
        if not isinstance(item, dict):
            raise _ambiguous()
    if isinstance(item.get(path[-1]), dict):
        raise _ambiguous()
    item[path[-1]] = value


def _ambiguous() -> Rejected:
    return _refused(Reason.WRONG_TYPE, "a field has a text and fields below it as well; expected one of them")


def _refused(reason: Reason, detail: str) -> Rejected:
    return Rejected(reason, detail, Stage.SPLIT)
