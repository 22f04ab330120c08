"""Survivorship rules as a document: plain values, JSON and TOML, each read with every fault named.

[default]
kind = "last updated"

[attributes.email]
kind = "verified"
sources = ["crm"]
ttl = "730 days"

[attributes."interests.*"]
multi_valued = true
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator
from datetime import timedelta
from functools import lru_cache
from typing import Any

import msgspec

from cdp.identity.duration import InvalidDuration, read_duration, written_duration
from cdp.survivorship.rules import KINDS, NAMING_SOURCES, Rule, Survivorship

LARGEST_BYTES = 1_000_000
LONGEST_PATTERN = 200
_RULE_KEYS = ("kind", "sources", "ignore_empty", "ttl", "multi_valued")
_BARE = re.compile(r"[A-Za-z0-9_-]+")

Tree = dict[str, Any]


class InvalidSurvivorship(ValueError):
    """The rules cannot be used; the message says where, what was expected and what to do."""


def survivorship_of(tree: Any) -> Survivorship:
    """The rules that plain values describe. Raises `InvalidSurvivorship`."""
    _expect_table("the rules", tree, ("default", "attributes"))
    attributes = tree.get("attributes", {})
    _expect(isinstance(attributes, dict), f"attributes is {_what(attributes)}; expected a table of rules by attribute")
    rules = {_pattern(name): _rule(f"attribute {name!r}", each) for name, each in sorted(attributes.items())}
    return Survivorship(_rule("default", tree.get("default", {})), rules)


def tree_of(survivorship: Survivorship) -> Tree:
    """The rules as plain values, without what they have by default."""
    rules = {name: _rule_tree(rule) for name, rule in sorted(survivorship.attributes.items())}
    return {"default": {"kind": survivorship.default.kind, **_rule_tree(survivorship.default)}, "attributes": rules}


def content_of(survivorship: Survivorship) -> str:
    """The rules as JSON in one form: two sets of rules that say the same have the same."""
    return msgspec.json.encode(tree_of(survivorship), order="sorted").decode()


@lru_cache(maxsize=64)
def stored_survivorship(content: str) -> Survivorship:
    """The rules of a stored version, in the form that `content_of` gave them."""
    return survivorship_of(msgspec.json.decode(content))


def read_survivorship(text: str) -> Survivorship:
    """The rules of a TOML file. Raises `InvalidSurvivorship`."""
    size = len(text.encode())
    _expect(size <= LARGEST_BYTES, f"the rules have {size} bytes; expected at most {LARGEST_BYTES}")
    try:
        tree = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidSurvivorship(f"the rules are not TOML: {error}") from None
    return survivorship_of(tree)


def write_survivorship(survivorship: Survivorship, heading: str = "") -> str:
    """The TOML file of rules, which `read_survivorship` reads; `heading` becomes a comment."""
    tree = tree_of(survivorship)
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    lines += [*_lines("default", tree["default"])]
    for name, rule in tree["attributes"].items():
        lines += ["", *_lines(f"attributes.{name if _BARE.fullmatch(name) else _json(name)}", rule)]
    return "\n".join(lines) + "\n"


def _lines(heading: str, rule: Tree) -> Iterator[str]:
    yield f"[{heading}]"
    for key in _RULE_KEYS:
        if key in rule:
            yield f"{key} = {_json(rule[key])}"


def _json(value: Any) -> str:
    """JSON's texts, lists of texts and booleans are TOML's, but for DEL."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _rule_tree(rule: Rule) -> Tree:
    default = Rule()
    tree: Tree = {} if rule.kind == default.kind else {"kind": rule.kind}
    if rule.sources:
        tree["sources"] = list(rule.sources)
    if rule.ignore_empty != default.ignore_empty:
        tree["ignore_empty"] = rule.ignore_empty
    if rule.ttl is not None:
        tree["ttl"] = written_duration(rule.ttl)
    if rule.multi_valued != default.multi_valued:
        tree["multi_valued"] = rule.multi_valued
    return tree


def _pattern(name: str) -> str:
    usable = 0 < len(name) <= LONGEST_PATTERN and name.isprintable() and name == name.strip()
    _expect(
        usable,
        f"{name!r} names no attribute; expected the dotted name of a trait, such as address.city, or a pattern such as "
        f"address.*, of at most {LONGEST_PATTERN} characters",
    )
    return name


def _rule(where: str, tree: Any) -> Rule:
    _expect_table(where, tree, _RULE_KEYS)
    kind, sources = tree.get("kind", Rule.kind), tree.get("sources", [])
    _expect(kind in KINDS, f"{where}: kind {kind!r} is unknown; expected one of {', '.join(KINDS)}")
    _check_sources(where, kind, sources)
    for key in ("ignore_empty", "multi_valued"):
        _expect(isinstance(tree.get(key, True), bool), f"{where}: {key} is {tree.get(key)!r}; expected true or false")
    return Rule(
        kind,
        tuple(sources),
        tree.get("ignore_empty", Rule.ignore_empty),
        _ttl(where, tree["ttl"]) if "ttl" in tree else None,
        tree.get("multi_valued", Rule.multi_valued),
    )


def _check_sources(where: str, kind: str, sources: Any) -> None:
    named = isinstance(sources, list) and all(isinstance(each, str) and each for each in sources)
    _expect(named, f'{where}: sources is {sources!r}; expected a list of sources\' names, such as ["crm", "shop"]')
    twice = sorted({name for name in sources if sources.count(name) > 1})
    _expect(not twice, f"{where}: sources names {', '.join(map(repr, twice))} twice; name each source once")
    if kind in NAMING_SOURCES:
        _expect(bool(sources), f"{where}: kind {kind!r} needs sources, a list of their names; add it")
    else:
        also = " or ".join(map(repr, NAMING_SOURCES))
        _expect(not sources, f"{where}: kind {kind!r} takes no sources; leave them out, or choose {also}")


def _ttl(where: str, text: Any) -> timedelta:
    try:
        return read_duration(text)
    except InvalidDuration as error:
        raise InvalidSurvivorship(f"{where}: ttl {error}") from None


def _expect_table(where: str, tree: Any, keys: Collection[str]) -> None:
    _expect(isinstance(tree, dict), f"{where} is {_what(tree)}; expected a table with {', '.join(keys)}")
    unknown = sorted(set(tree) - set(keys))
    _expect(not unknown, f"{where} has {', '.join(map(repr, unknown))}; expected only {', '.join(keys)}")


def _what(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return "a text" if isinstance(value, str) else type(value).__name__


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidSurvivorship(otherwise)
