"""Identity rules as plain values, for JSON and TOML: what a company writes down, checked and made complete.

A document needs to say only what differs from the built-in rules. What is kept and written out says everything, so
that a version means the same when the built-in rules change.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from re import Pattern
from typing import Any, get_args

import msgspec

from cdp.identity.duration import InvalidDuration, read_duration, written_duration
from cdp.identity.pattern import InvalidPattern, compile_pattern
from cdp.identity.rules import (
    DEFAULT_RULES,
    FAN_OUT_OF_SHAREABLE,
    Anonymous,
    RuleSet,
    Trust,
    TypeRule,
)

ANONYMOUS: tuple[str, ...] = get_args(Anonymous)
TRUSTS: tuple[str, ...] = get_args(Trust)
NONE = "none"
"""How a document says that there is no limit, no cap or no window: TOML has no null."""

LARGEST_BYTES = 200_000
MOST_PATTERNS = 200
LARGEST_SIZE_CAP = 20_000
LARGEST_COUNT = 1_000_000
LAST_PRIORITY = 999
_KEYS = ("size_cap", "anonymous", "blocked", "trust", "types", "other")
_TYPE_KEYS = ("exclusive", "priority", "limit", "fan_out", "window", "blocked")
_TYPE = re.compile(r"[a-z][a-zA-Z0-9_.-]{0,63}|\(unknown\)")

Tree = dict[str, Any]


class InvalidRules(ValueError):
    """The rules cannot be used; the message says where, what was expected and what to do."""


def rules_of(tree: Any) -> RuleSet:
    """The rules that plain values describe, laid over the built-in ones. Raises `InvalidRules`."""
    _expect(isinstance(tree, dict), f"the rules are {_what(tree)}; expected a table of {', '.join(_KEYS)}")
    _known("the rules", tree, _KEYS)
    types, other = _table("types", tree), _table("other", tree)
    _expect(
        all(_TYPE.fullmatch(name) for name in types),
        f"types has {_unnamed(types)}; expected identifier types such as user_id, email or loyalty_card",
    )
    rest = _type_rule("other", other, DEFAULT_RULES.other)
    own = {name: _type_rule(f"types.{name}", table, _base(name, rest)) for name, table in types.items()}
    rules = RuleSet(
        types=dict(sorted({**DEFAULT_RULES.types, **own}.items())),
        other=rest,
        blocked=_patterns("blocked", tree["blocked"]) if "blocked" in tree else DEFAULT_RULES.blocked,
        size_cap=_number("size_cap", tree.get("size_cap", DEFAULT_RULES.size_cap), 2, LARGEST_SIZE_CAP),
        anonymous=_choice("anonymous", tree.get("anonymous", DEFAULT_RULES.anonymous), ANONYMOUS),
        trust={name: _choice(f"trust.{name}", trust, TRUSTS) for name, trust in sorted(_table("trust", tree).items())},
    )
    size = len(content_of(rules))
    _expect(size <= LARGEST_BYTES, f"the rules have {size} bytes; expected at most {LARGEST_BYTES}: block fewer values")
    return rules


def tree_of(rules: RuleSet) -> Tree:
    """The rules as plain values, complete; None where there is no limit, no cap or no window."""
    return {
        "size_cap": rules.size_cap,
        "anonymous": rules.anonymous,
        "blocked": [pattern.pattern for pattern in rules.blocked],
        "trust": dict(sorted(rules.trust.items())),
        "types": {name: _type_tree(rule) for name, rule in sorted(rules.types.items())},
        "other": _type_tree(rules.other),
    }


def content_of(rules: RuleSet) -> str:
    """The rules as JSON in one form: two that say the same have the same."""
    return msgspec.json.encode(tree_of(rules), order="sorted").decode()


@lru_cache(maxsize=64)
def stored_rules(content: str) -> RuleSet:
    """The rules of a stored version: they were checked when they were drafted, and are not refused later."""
    tree = msgspec.json.decode(content)
    return RuleSet(
        types={name: _stored_type(table) for name, table in tree["types"].items()},
        other=_stored_type(tree["other"]),
        blocked=_compiled(tree["blocked"]),
        size_cap=tree["size_cap"],
        anonymous=tree["anonymous"],
        trust=tree["trust"],
    )


def _stored_type(tree: Tree) -> TypeRule:
    window = None if tree["window"] is None else read_duration(tree["window"])
    place = (tree["exclusive"], tree["priority"], tree["limit"], tree["fan_out"])
    return TypeRule(*place, window, _compiled(tree["blocked"]))


def _compiled(texts: Sequence[str]) -> tuple[Pattern[str], ...]:
    return tuple(re.compile(text) for text in texts)


def _type_tree(rule: TypeRule) -> Tree:
    return {
        "exclusive": rule.exclusive,
        "priority": rule.priority,
        "limit": rule.limit,
        "fan_out": rule.fan_out,
        "window": None if rule.window is None else written_duration(rule.window),
        "blocked": [pattern.pattern for pattern in rule.blocked],
    }


def _base(name: str, other: TypeRule) -> TypeRule:
    """What holds for a type where the document is silent: what is built in, else what it says of other types."""
    return DEFAULT_RULES.types.get(name, other)


def _type_rule(where: str, tree: Any, base: TypeRule) -> TypeRule:
    _expect(isinstance(tree, dict), f"{where} is {_what(tree)}; expected a table of {', '.join(_TYPE_KEYS)}")
    _known(where, tree, _TYPE_KEYS)
    exclusive = tree.get("exclusive", base.exclusive)
    _expect(isinstance(exclusive, bool), f"{where}.exclusive is {exclusive!r}; expected true or false")
    base = base if exclusive == base.exclusive else _turned(exclusive, base)
    for key, of, others in (("limit", exclusive, "exclusive"), ("window", not exclusive, "shareable")):
        _expect(
            of or tree.get(key, NONE) in (None, NONE),
            f"{where}.{key} is {tree.get(key)!r}, but only {others} types have a {key}; leave it out",
        )
    return TypeRule(
        exclusive,
        _number(f"{where}.priority", tree.get("priority", base.priority), 0, LAST_PRIORITY),
        _bound(f"{where}.limit", tree.get("limit", base.limit)),
        _bound(f"{where}.fan_out", tree.get("fan_out", base.fan_out)),
        _window(f"{where}.window", tree["window"]) if "window" in tree else base.window,
        _patterns(f"{where}.blocked", tree["blocked"]) if "blocked" in tree else base.blocked,
    )


def _turned(exclusive: bool, base: TypeRule) -> TypeRule:
    """The rule of a type that the document makes exclusive or shareable against what is built in."""
    other = DEFAULT_RULES.other
    if exclusive:
        return TypeRule(True, base.priority, other.limit, other.fan_out, None, base.blocked)
    return TypeRule(False, base.priority, None, FAN_OUT_OF_SHAREABLE, None, base.blocked)


def _number(where: str, value: Any, least: int, most: int) -> int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    _expect(whole and least <= value <= most, f"{where} is {value!r}; expected a whole number from {least} to {most}")
    return int(value)


def _bound(where: str, value: Any) -> int | None:
    if value is None or value == NONE:
        return None
    whole = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= LARGEST_COUNT
    _expect(whole, f"{where} is {value!r}; expected a whole number from 1 to {LARGEST_COUNT}, or {NONE!r}")
    return int(value)


def _window(where: str, value: Any) -> Any:
    if value is None or value == NONE:
        return None
    try:
        return read_duration(value)
    except InvalidDuration as error:
        raise InvalidRules(f"{where}: {error}, or {NONE!r}") from None


def _choice(where: str, value: Any, choices: Collection[str]) -> Any:
    _expect(value in choices, f"{where} is {value!r}; expected {' or '.join(map(repr, choices))}")
    return value


def _patterns(where: str, texts: Any) -> tuple[Pattern[str], ...]:
    listed = isinstance(texts, list) and all(isinstance(text, str) for text in texts)
    _expect(listed, f"{where} is {_what(texts)}; expected a list of regular expressions, each a text")
    _expect(len(texts) <= MOST_PATTERNS, f"{where} has {len(texts)} expressions; expected at most {MOST_PATTERNS}")
    try:
        return tuple(compile_pattern(text) for text in texts)
    except InvalidPattern as error:
        raise InvalidRules(f"{where}: {error}") from None


def _table(key: str, tree: Mapping[str, Any]) -> Tree:
    found = tree.get(key, {})
    _expect(isinstance(found, dict), f"{key} is {_what(found)}; expected a table")
    return dict(found)


def _unnamed(types: Tree) -> str:
    return ", ".join(repr(name) for name in types if not _TYPE.fullmatch(name))


def _known(where: str, tree: Tree, keys: Collection[str]) -> None:
    unknown = sorted(set(tree) - set(keys))
    _expect(not unknown, f"{where} has {', '.join(map(repr, unknown))}; expected only {', '.join(keys)}")


def _what(value: object) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"
    return f"the text {value!r}" if isinstance(value, str) else repr(value)


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        raise InvalidRules(otherwise)
