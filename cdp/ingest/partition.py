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
        if field == "properties" and value:
            _properties(value, declared, business, content, technical, references)
        elif field == "traits" and value:
            _divide("traits", value, CONTACT_TRAITS, contact, content)
        elif field == "context" and value:
            _context(value, contact, content, technical)
        elif field in CONTACT_FIELDS:
            contact[field] = value
        else:
            content[field] = value
    personal = {CONTACT: contact, CONTENT: content, TECHNICAL: technical}
    return Parts(business, {name: tree for name, tree in personal.items() if tree}, references)


def _divide(field: str, value: Tree, chosen: frozenset[str], into: Tree, rest: Tree) -> None:
    picked = {key: each for key, each in value.items() if key in chosen}
    if picked:
        into[field] = picked
    if len(picked) < len(value):
        rest[field] = {key: each for key, each in value.items() if key not in chosen} if picked else value


def _context(value: Tree, contact: Tree, content: Tree, technical: Tree) -> None:
    mine: Tree = {}
    others: Tree = {}
    rest: Tree = {}
    for key, each in value.items():
        if key == "traits" and isinstance(each, dict) and each:
            _divide("traits", each, CONTACT_TRAITS, mine, others)
        elif key in CONTACT_CONTEXT:
            mine[key] = each
        else:
            rest[key] = each
    for part, tree in ((contact, mine), (content, others), (technical, rest)):
        if tree:
            part["context"] = tree


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
    for part, tree in ((business, facts), (content, rest), (technical, web)):
        if tree:
            part["properties"] = tree


def _lines(products: list[Any]) -> tuple[list[Any] | None, list[Any] | None]:
    """The business side and the rest of a list of product lines, aligned; None where a side has nothing."""
    facts: list[Any] = []
    rest: list[Any] = []
    declared = LINE.get
    for line in products:
        if type(line) is not dict or not line:
            facts.append(None)
            rest.append(line)
            continue
        odd = {key: value for key, value in line.items() if (kind := declared(key)) is None or not fits(kind, value)}
        rest.append(odd or None)
        facts.append({key: value for key, value in line.items() if key not in odd} or None if odd else line)
    has_facts = any(each is not None for each in facts)
    has_rest = not products or any(each is not None for each in rest) or not has_facts
    return (facts if has_facts else None), (rest if has_rest else None)


def fits(kind: Kind, value: Any) -> bool:
    """Whether a value may stay in the clear as this kind."""
    if isinstance(value, bool):
        return kind is Kind.LABEL
    if isinstance(value, int):
        return -_LARGEST < value < _LARGEST
    if isinstance(value, str):
        if kind is Kind.LABEL:
            return len(value) <= LONGEST_LABEL and "@" not in value
        return _DECIMAL_TEXT.fullmatch(value) is not None
    return kind is not Kind.LABEL and isinstance(value, Decimal) and -12 <= value.adjusted() < _DIGITS
