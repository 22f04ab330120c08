"""Identity rules as a TOML file: read by people, kept in a repository, the same text for the same rules."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any

from cdp.identity.document import NONE, InvalidRules, rules_of, tree_of
from cdp.identity.rules import RuleSet

LARGEST_BYTES = 1_000_000
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_WIDTH = 110


def read_rules(text: str) -> RuleSet:
    """The rules of a TOML file, laid over the built-in ones. Raises `InvalidRules`."""
    size = len(text.encode())
    if size > LARGEST_BYTES:
        raise InvalidRules(f"the rules have {size} bytes; expected at most {LARGEST_BYTES}")
    try:
        return rules_of(tomllib.loads(text))
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise InvalidRules(f"the rules are not TOML: {error}") from None


def write_rules(rules: RuleSet, heading: str = "") -> str:
    """The TOML file of rules, complete; `heading` becomes a comment. The types are in the order of belief."""
    tree = tree_of(rules)
    lines = [f"# {line}".rstrip() for line in heading.splitlines()]
    lines += [line for key in ("size_cap", "anonymous", "blocked") for line in _entry(key, tree[key])]
    if tree["trust"]:
        lines += ["", "[trust]", *(f"{_key(name)} = {_text(trust)}" for name, trust in tree["trust"].items())]
    types = sorted(tree["types"].items(), key=lambda entry: (entry[1]["priority"], entry[0]))
    for name, rule in [*((f"types.{_key(name)}", rule) for name, rule in types), ("other", tree["other"])]:
        lines += ["", f"[{name}]", *_rule(rule)]
    return "\n".join(lines) + "\n"


def _rule(tree: dict[str, Any]) -> Iterator[str]:
    """What only the other kind of type can have is left out."""
    silent = "window" if tree["exclusive"] else "limit"
    for key, value in tree.items():
        if key != silent:
            yield from _entry(key, value)


def _entry(key: str, value: Any) -> Iterator[str]:
    line = f"{key} = {_value(value)}"
    if isinstance(value, list) and len(line) > _WIDTH:
        yield f"{key} = ["
        yield from (f"    {_text(each)}," for each in value)
        yield "]"
    else:
        yield line


def _value(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _text(NONE if value is None else value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(value: str) -> str:
    """As it is where TOML has a form without escapes, so that expressions stay readable; else JSON's, but for DEL."""
    if "'" not in value and "\\" in value and value.isprintable():
        return f"'{value}'"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
