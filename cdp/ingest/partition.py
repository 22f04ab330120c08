"""Putting every leaf of an item into exactly one part: business, or one field class of the personal part.

Laid over each other the parts give the item back (`cdp.log.touchpoint.merge`), so the mapping loses nothing and the
original bytes need not be kept a second time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from cdp.ingest.catalogue import LINE, Kind, Properties
from cdp.log.touchpoint import CONTACT, CONTENT, TECHNICAL

Tree = dict[str, Any]

CONTACT_FIELDS = frozenset({"userId", "anonymousId", "previousId", "groupId"})
CONTACT_TRAITS = frozenset(
    {
        *("email", "phone", "mobile", "name", "firstName", "lastName", "middleName", "username", "birthday", "avatar"),
        *("address", "city", "postalCode", "street", "website", "first_name", "last_name", "full_name"),
    }
)
CONTACT_CONTEXT = frozenset({"externalIds"})
TECHNICAL_PROPERTIES = frozenset({"url", "path", "referrer", "search", "ip", "userAgent", "user_agent"})

_LINE_KEYS = LINE.keys()
_LINE_LABELS = frozenset(key for key, kind in LINE.items() if kind is Kind.LABEL)

LONGEST_LABEL = 200
_DECIMAL_TEXT = re.compile(r"[+-]?\d{1,24}(\.\d{1,12})?")
_LARGEST = 10**24
_DIGITS = 24


class Parts(NamedTuple):
    """The parts of one item. `references` are the external ids by property: personal here, keyed hashes in business."""

    business: Tree
    personal: dict[str, Tree]
    references: Mapping[str, str]


def partition(item: Tree, declared: Properties) -> Parts:
    """Splits an item in the shape of the common specification; `declared` are its event's business properties."""
    contact: Tree = {}
    content: Tree = {}
    technical: Tree = {}
    business: Tree = {}
    references: dict[str, str] = {}
    for field, value in item.items():
        if field in CONTACT_FIELDS:
            contact[field] = value
        elif field == "properties" and value:
            _properties(value, declared, business, content, technical, references)
        elif field == "context" and value:
            _context(value, contact, content, technical)
        elif field == "traits" and value:
            _traits(value, contact, content)
        else:
            content[field] = value
    personal = ((CONTACT, contact), (CONTENT, content), (TECHNICAL, technical))
    return Parts(business, {name: tree for name, tree in personal if tree}, references)


def _traits(value: Tree, contact: Tree, content: Tree) -> None:
    """Traits that reach a person are contact, the others content."""
    reaching: Tree = {}
    others: Tree = {}
    for key, each in value.items():
        (reaching if key in CONTACT_TRAITS else others)[key] = each
    if reaching:
        contact["traits"] = reaching
    if others:
        content["traits"] = others


def _context(value: Tree, contact: Tree, content: Tree, technical: Tree) -> None:
    """The context is technical, but for the traits in it and the identifiers beside them."""
    mine: Tree = {}
    others: Tree = {}
    rest: Tree = {}
    for key, each in value.items():
        if key == "traits" and each and type(each) is dict:
            _traits(each, mine, others)
        elif key in CONTACT_CONTEXT:
            mine[key] = each
        else:
            rest[key] = each
    if rest:
        technical["context"] = rest
    if mine:
        contact["context"] = mine
    if others:
        content["context"] = others


def _properties(
    value: Tree, declared: Properties, business: Tree, content: Tree, technical: Tree, references: dict[str, str]
) -> None:
    facts: Tree = {}
    rest: Tree = {}
    web: Tree = {}
    for key, each in value.items():
        kind = declared.get(key)
        if kind is None:
            if key == "products" and declared and type(each) is list:
                lines, others = _lines(each)
                if lines is not None:
                    facts[key] = lines
                if others is not None:
                    rest[key] = others
            elif key in TECHNICAL_PROPERTIES:
                web[key] = each
            else:
                rest[key] = each
        elif kind is Kind.REFERENCE:
            rest[key] = each
            if type(each) in (str, int):
                references[key] = str(each)
        elif fits(kind, each):
            facts[key] = each
        else:
            rest[key] = each
    if facts:
        business["properties"] = facts
    if rest:
        content["properties"] = rest
    if web:
        technical["properties"] = web


def _lines(products: list[Any]) -> tuple[list[Any] | None, list[Any] | None]:
    """The business side and the rest of a list of product lines, aligned; None where a side has nothing."""
    facts: list[Any] = []
    rest: list[Any] = []
    for line in products:
        if type(line) is not dict or not line:
            facts.append(None)
            rest.append(line)
        elif _all_fit(line):
            facts.append(line)
            rest.append(None)
        else:
            odd = {
                key: value for key, value in line.items() if (kind := LINE.get(key)) is None or not fits(kind, value)
            }
            facts.append({key: value for key, value in line.items() if key not in odd} or None)
            rest.append(odd)
    has_facts = any(each is not None for each in facts)
    has_rest = not has_facts or any(each is not None for each in rest)
    return (facts if has_facts else None), (rest if has_rest else None)


def _all_fit(line: Tree) -> bool:
    """Whether a whole product line is business: what `fits` says of each property, without a call for each."""
    if not line.keys() <= _LINE_KEYS:
        return False
    for key, value in line.items():
        if type(value) is not str or key not in _LINE_LABELS:
            if not fits(LINE[key], value):
                return False
        elif len(value) > LONGEST_LABEL or "@" in value:
            return False
    return True


def fits(kind: Kind, value: Any) -> bool:
    """Whether a value may stay in the clear as this kind."""
    type_ = type(value)
    if type_ is str:
        if kind is Kind.LABEL:
            return len(value) <= LONGEST_LABEL and "@" not in value
        return _DECIMAL_TEXT.fullmatch(value) is not None
    if type_ is int:
        return bool(-_LARGEST < value < _LARGEST)
    if type_ is bool:
        return kind is Kind.LABEL
    return type_ is Decimal and kind is not Kind.LABEL and -12 <= value.adjusted() < _DIGITS
