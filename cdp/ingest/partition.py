"""Putting every leaf of an item into exactly one part: business, or one field class of the personal part.

Laid over each other the parts give the item back (`cdp.log.touchpoint.merge`), so the mapping loses nothing and the
original bytes need not be kept a second time.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from cdp.ingest.catalogue import Declared, Kind, Lines
from cdp.log.touchpoint import CONTACT, CONTENT, TECHNICAL, merge

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
NUMBERS = (Kind.AMOUNT, Kind.COUNT)
_CODE = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_DECIMAL_TEXT = re.compile(r"[+-]?\d{1,24}(\.\d{1,12})?")
_LARGEST = 10**24
_DIGITS = 24


class Parts(NamedTuple):
    """The parts of one item. `references` are the external ids by property: personal here, keyed hashes in business."""

    business: Tree
    personal: dict[str, Tree]
    references: Mapping[str, str]


def partition(item: Tree, declared: Declared) -> Parts:
    """Splits an item in the shape of the common specification by what is declared of its event."""
    contact: Tree = {}
    content: Tree = {}
    technical: Tree = {}
    business: Tree = {}
    references: dict[str, str] = {}
    own: dict[str, Tree] = {}
    for field, value in item.items():
        if field in CONTACT_FIELDS:
            contact[field] = value
        elif field == "properties" and value:
            _properties(value, declared, business, content, technical, own, references)
        elif field == "context" and value:
            _context(value, declared, contact, content, technical, own)
        elif field == "traits" and value:
            _traits(value, declared.traits, contact, content, own)
        else:
            content[field] = value
    personal = {CONTACT: contact, CONTENT: content, TECHNICAL: technical}
    for name, tree in own.items():
        _lay(personal, name, tree)
    return Parts(business, {name: tree for name, tree in personal.items() if tree}, references)


def _traits(value: Tree, declared: Mapping[str, str], contact: Tree, content: Tree, own: dict[str, Tree]) -> None:
    """Traits are of the class that is declared; else those that reach a person are contact, the others content."""
    reaching: Tree = {}
    others: Tree = {}
    for key, each in value.items():
        if key in declared:
            _tree(_tree(own, declared[key]), "traits")[key] = each
        else:
            (reaching if key in CONTACT_TRAITS else others)[key] = each
    if reaching:
        contact["traits"] = reaching
    if others:
        content["traits"] = others


def _context(
    value: Tree, declared: Declared, contact: Tree, content: Tree, technical: Tree, own: dict[str, Tree]
) -> None:
    """The context is technical, but for the traits in it and the identifiers beside them."""
    mine: Tree = {}
    others: Tree = {}
    rest: Tree = {}
    for key, each in value.items():
        if key == "traits" and each and type(each) is dict:
            special: dict[str, Tree] = {}
            _traits(each, declared.traits, mine, others, special)
            for name, tree in special.items():
                _lay(own, name, {"context": tree})
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
    value: Tree,
    declared: Declared,
    business: Tree,
    content: Tree,
    technical: Tree,
    own: dict[str, Tree],
    references: dict[str, str],
) -> None:
    kinds, lines, class_of_rest, _ = declared
    facts: Tree = {}
    rest: Tree = {}
    web: Tree = {} if class_of_rest is None else rest
    for key, each in value.items():
        kind = kinds.get(key)
        if kind is None:
            if key == "products" and lines is not None and type(each) is list:
                _products(each, lines, facts, rest, own)
            elif key in TECHNICAL_PROPERTIES:
                web[key] = each
            else:
                rest[key] = each
        elif kind is Kind.REFERENCE:
            rest[key] = each
            if type(each) in (str, int):
                references[key] = str(each)
        elif isinstance(kind, str):
            _lay(own, kind, {"properties": {key: each}})
        elif fits(kind, each):
            facts[key] = each
        else:
            rest[key] = each
    if facts:
        business["properties"] = facts
    if rest and class_of_rest is not None:
        _lay(own, class_of_rest, {"properties": rest})
    elif rest:
        content["properties"] = rest
    if web and web is not rest:
        technical["properties"] = web


def _tree(trees: dict[str, Tree], name: str) -> Tree:
    """The tree of this name, made when it is first needed."""
    found = trees.get(name)
    if found is None:
        found = trees[name] = {}
    return found


def _lay(trees: dict[str, Tree], name: str, tree: Tree) -> None:
    """Adds a tree to those of its field class."""
    trees[name] = merge(trees[name], tree) if name in trees else tree


def _products(products: list[Any], lines: Lines, facts: Tree, rest: Tree, own: dict[str, Tree]) -> None:
    """Lays a list of product lines into the parts, each part's list aligned with it; `None` holds a line's place."""
    clear: list[Any] = []
    others: list[Any] = []
    classes: dict[str, list[Any]] = {}
    for at, line in enumerate(products):
        if type(line) is not dict or not line:
            clear.append(None)
            others.append(line)
        elif _all_fit(line, lines):
            clear.append(line)
            others.append(None)
        else:
            fact, odd, special = _line(line, lines)
            clear.append(fact or None)
            others.append(odd or None)
            for name, tree in special.items():
                classes.setdefault(name, [None] * len(products))[at] = tree
    for name, found in classes.items():
        _lay(own, name, {"properties": {"products": found}})
    has_facts = any(each is not None for each in clear)
    if has_facts:
        facts["products"] = clear
    if not (has_facts or classes) or any(each is not None for each in others):
        rest["products"] = others


def _line(line: Tree, lines: Lines) -> tuple[Tree, Tree, dict[str, Tree]]:
    """A product line's business properties, the rest, and those of declared field classes."""
    facts: Tree = {}
    rest: Tree = {}
    special: dict[str, Tree] = {}
    for key, value in line.items():
        kind = lines.business.get(key)
        if kind is not None and fits(kind, value):
            facts[key] = value
        elif key in lines.classes:
            _tree(special, lines.classes[key])[key] = value
        else:
            rest[key] = value
    return facts, rest, special


def _all_fit(line: Tree, lines: Lines) -> bool:
    """Whether a whole product line is business: what `fits` says of each property, without a call for each."""
    if not line.keys() <= lines.business.keys():
        return False
    for key, value in line.items():
        if type(value) is not str or key not in lines.labels:
            if not fits(lines.business[key], value):
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
        if kind is Kind.CODE:
            return _CODE.fullmatch(value) is not None
        return _DECIMAL_TEXT.fullmatch(value) is not None
    if type_ is int:
        return bool(-_LARGEST < value < _LARGEST)
    if type_ is bool:
        return kind is Kind.LABEL
    return type_ is Decimal and kind in NUMBERS and -12 <= value.adjusted() < _DIGITS
