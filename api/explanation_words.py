"""What keeps two identifiers apart, in sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from api.identity_words import verdict_message, withheld_message
from cdp.identity.identifier import Identifier
from cdp.identity.obstacles import Obstacle
from cdp.policy.naming import written

ERASED = "(erased)"
SHOWN = 5
"""How many identifiers a sentence names before it counts the others."""

Names = Mapping[int, str]


def written_or_erased(identifier: Identifier | None) -> str:
    """An identifier as people write it, or that it is gone."""
    return ERASED if identifier is None else written(identifier)


def obstacle_words(obstacle: Obstacle, names: Names) -> str:
    """One reason why two identifiers are not one profile."""
    return _WORDS[obstacle.code](obstacle, names)


def _verdict(obstacle: Obstacle, names: Names) -> str:
    said = f"{names[obstacle.numbers[0]]}: {verdict_message(obstacle.verdict)}" if obstacle.verdict else ""
    return said + (f" ({_listed(obstacle.values, names)})" if obstacle.values else "")


def _withheld(obstacle: Obstacle, names: Names) -> str:
    link = obstacle.withheld
    if link is None:
        return ""
    a, b = names[link.a], names[link.b]
    how = f"{a} and {b} were seen together" if link.moment else f"a steward linked {a} and {b}"
    collision = f" ({_listed(link.collision, names)})" if link.collision else ""
    return f"{how}, but {withheld_message(link)}{collision}"


def _listed(numbers: tuple[int, ...], names: Names) -> str:
    more = len(numbers) - SHOWN
    return ", ".join(names[number] for number in numbers[:SHOWN]) + (f" and {more} more" if more > 0 else "")


def _follows(obstacle: Obstacle, names: Names) -> str:
    whom = _listed(obstacle.values, names)
    return f"{names[obstacle.numbers[0]]} follows whoever authenticates on it: {whom}"


def _of(words: str) -> Callable[[Obstacle, Names], str]:
    return lambda obstacle, names: words.format(*sorted(names[number] for number in obstacle.numbers))


_WORDS: Mapping[str, Callable[[Obstacle, Names], str]] = {
    "never_seen": _of("{0} was not seen in any touchpoint"),
    "blocked": _verdict,
    "ambiguous": _verdict,
    "withheld": _withheld,
    "kept_apart": _of("a steward keeps {0} and {1} apart"),
    "shareable": _of("{0} was seen with both, but several people may share it"),
    "follows_others": _follows,
    "stays_anonymous": _of("{0} stays anonymous by the rules"),
    "not_connected": _of("no touchpoint connects {0} and {1}"),
}
