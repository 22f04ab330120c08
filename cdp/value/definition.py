"""What a customer value pyramid says: a coefficient for each metric, and tiers with the score that each begins at."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from typing import Any

import msgspec

METRICS: Mapping[str, str] = {
    "money": "what was paid less what went back, in the definition's currency",
    "frequency": "purchases",
    "tenure": "days since the first purchase",
    "recency": "days since the last purchase; give it a negative coefficient",
    "units": "pieces bought",
    "returns": "returns made",
    "points": "loyalty points earned",
    "referrals": "touchpoints Referral Made",
}
TOUCHPOINT = "touchpoint:"
"""In front of an event's name: how many touchpoints of this name there are, such as `touchpoint:Review Written`."""

MOST_TIERS = 20
MOST_METRICS = 50
BELOW = "(below)"
"""The tier of who reaches no threshold."""

_FIELDS = {"currency", "coefficients", "tiers"}
_CURRENCY = re.compile(r"[A-Z]{3}")
_TIER = re.compile(r"[^()@,=\s][^()@,=]{0,40}")
_NUMBER = re.compile(r"[+-]?\d{1,18}(\.\d{1,12})?")


class InvalidDefinition(ValueError):
    """A definition that cannot be used; the message says what was found, what was expected and what to do."""


@dataclass(frozen=True)
class Definition:
    """A coefficient for each metric, and tiers by their names with their thresholds, the lowest first."""

    currency: str
    coefficients: Mapping[str, Decimal]
    tiers: tuple[tuple[str, Decimal], ...]

    def tree(self) -> dict[str, Any]:
        """As plain values; numbers are texts, the same number always the same text."""
        return {
            "currency": self.currency,
            "coefficients": {name: _shortest(each) for name, each in sorted(self.coefficients.items())},
            "tiers": {name: _shortest(each) for name, each in self.tiers},
        }

    def content(self) -> str:
        """As JSON: definitions that say the same are the same text."""
        return msgspec.json.encode(self.tree()).decode()

    def toml(self) -> str:
        """As a file that can be drafted again."""
        tree = self.tree()
        lines = [f'currency = "{tree["currency"]}"']
        for name in ("coefficients", "tiers"):
            lines += ["", f"[{name}]"]
            lines += [f'{msgspec.json.encode(key).decode()} = "{value}"' for key, value in tree[name].items()]
        return "\n".join(lines) + "\n"

    @property
    def tier_names(self) -> list[str]:
        """The names of the tiers from below all thresholds to the highest."""
        return [BELOW, *(name for name, _ in self.tiers)]


def definition_of(tree: Any) -> Definition:
    """The definition that plain values describe. Raises `InvalidDefinition`."""
    if not isinstance(tree, dict) or tree.keys() != _FIELDS:
        given = ", ".join(sorted(map(str, tree))) if isinstance(tree, dict) else type(tree).__name__
        raise InvalidDefinition(f"the definition has {given or 'nothing'}; expected {', '.join(sorted(_FIELDS))}")
    currency = tree["currency"]
    if not (isinstance(currency, str) and _CURRENCY.fullmatch(currency)):
        raise InvalidDefinition(f"currency={currency!r}; expected an ISO 4217 code such as TRY")
    coefficients = _numbers("coefficients", tree["coefficients"], MOST_METRICS)
    for name in coefficients:
        if name not in METRICS and not (name.startswith(TOUCHPOINT) and name != TOUCHPOINT):
            known = ", ".join([*METRICS, f"{TOUCHPOINT}NAME"])
            raise InvalidDefinition(f"coefficients: {name!r} is no metric; expected some of {known}")
    tiers = sorted(_numbers("tiers", tree["tiers"], MOST_TIERS).items(), key=lambda tier: tier[1])
    for name, _ in tiers:
        if not _TIER.fullmatch(name):
            raise InvalidDefinition(f"tiers: {name!r} is no name; expected 1 to 41 characters without ( ) @ , =")
    for (lower, threshold), (higher, same) in pairwise(tiers):
        if threshold == same:
            raise InvalidDefinition(f"tiers: {lower} and {higher} both begin at {same}; give each a threshold")
    return Definition(currency, coefficients, tuple(tiers))


def stored_definition(content: str) -> Definition:
    """The definition of a version: it was checked when it was drafted, and is not refused later."""
    tree = msgspec.json.decode(content)
    coefficients, tiers = (
        {name: Decimal(each) for name, each in tree[key].items()} for key in ("coefficients", "tiers")
    )
    return Definition(tree["currency"], coefficients, tuple(sorted(tiers.items(), key=lambda tier: tier[1])))


def read_definition(text: str) -> Definition:
    """The definition that a TOML file holds, its numbers exact. Raises `InvalidDefinition`."""
    try:
        tree = tomllib.loads(text, parse_float=Decimal)
    except (tomllib.TOMLDecodeError, InvalidOperation) as error:
        raise InvalidDefinition(
            f"the file is not TOML: {error}; expected currency, [coefficients] and [tiers]"
        ) from None
    return definition_of(tree)


def _numbers(what: str, tree: Any, most: int) -> dict[str, Decimal]:
    if not isinstance(tree, dict) or not 0 < len(tree) <= most:
        raise InvalidDefinition(f"{what}: expected an object of 1 to {most} numbers, such as {{'gold': '50'}}")
    found = {}
    for name, value in tree.items():
        text = value if isinstance(value, str) else str(value) if type(value) is int else _text(value)
        if text is None or not _NUMBER.fullmatch(text):
            raise InvalidDefinition(f"{what}: {name}={value!r} is no exact number; expected one such as '0.01'")
        found[name] = Decimal(text)
    return found


def _text(value: object) -> str | None:
    return f"{value:f}" if isinstance(value, Decimal) and value.is_finite() else None


def _shortest(value: Decimal) -> str:
    return f"{value.normalize():f}"
