"""The kinds of rules that rule books hold, and the forms that each has: values, JSON, TOML, differences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from cdp.identity import document as identity
from cdp.identity import toml_form
from cdp.identity.comparison import Difference, differences
from cdp.identity.document import InvalidRules
from cdp.identity.rules import DEFAULT_RULES, RuleSet
from cdp.policy.rule_book import IDENTITY, SURVIVORSHIP
from cdp.survivorship import document as survivorship
from cdp.survivorship.document import InvalidSurvivorship
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP, Survivorship

Rules = TypeVar("Rules")


@dataclass(frozen=True)
class Form(Generic[Rules]):
    """How rules of one kind are read and written.

    `built_in` hold where no version is in force. `sources` says which sources rules name, `invalid` is what reading
    raises.
    """

    kind: str
    built_in: Rules
    of: Callable[[Any], Rules]
    tree: Callable[[Rules], dict[str, Any]]
    content: Callable[[Rules], str]
    stored: Callable[[str], Rules]
    read: Callable[[str], Rules]
    write: Callable[[Rules, str], str]
    differences: Callable[[Rules, Rules], list[Difference]]
    sources: Callable[[Rules], Collection[str]]
    invalid: type[ValueError]


def _survivorship_differences(before: Survivorship, after: Survivorship) -> list[Difference]:
    """Rule by rule: a rule that is not named is the one by default."""
    old, new = _rules_by_name(before), _rules_by_name(after)
    return [
        Difference(name, key, old.get(name, {}).get(key), new.get(name, {}).get(key))
        for name in sorted(old.keys() | new.keys())
        for key in sorted(old.get(name, {}).keys() | new.get(name, {}).keys())
        if old.get(name, {}).get(key) != new.get(name, {}).get(key)
    ]


def _rules_by_name(rules: Survivorship) -> dict[str, dict[str, str]]:
    tree = survivorship.tree_of(rules)
    named = {"default": tree["default"], **{f"attributes.{name}": rule for name, rule in tree["attributes"].items()}}
    return {name: {key: _shown(value) for key, value in {"kind": "", **rule}.items()} for name, rule in named.items()}


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return ", ".join(value) if isinstance(value, list) else str(value)


IDENTITY_FORM: Form[RuleSet] = Form(
    IDENTITY,
    DEFAULT_RULES,
    identity.rules_of,
    identity.tree_of,
    identity.content_of,
    identity.stored_rules,
    toml_form.read_rules,
    toml_form.write_rules,
    differences,
    lambda rules: rules.trust,
    InvalidRules,
)
SURVIVORSHIP_FORM: Form[Survivorship] = Form(
    SURVIVORSHIP,
    DEFAULT_SURVIVORSHIP,
    survivorship.survivorship_of,
    survivorship.tree_of,
    survivorship.content_of,
    survivorship.stored_survivorship,
    survivorship.read_survivorship,
    survivorship.write_survivorship,
    _survivorship_differences,
    lambda rules: {name for rule in (rules.default, *rules.attributes.values()) for name in rule.sources},
    InvalidSurvivorship,
)
FORMS: Mapping[str, Form[Any]] = {form.kind: form for form in (IDENTITY_FORM, SURVIVORSHIP_FORM)}
