"""Survivorship rules in the form that statements take, and the way in which a rule finds its winner.

Most rules put claims in an order that does not depend on how many there are, so a new claim only has to be held against
the present winner. The others, counted ones, need all claims of an attribute.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from cdp.survivorship.rules import FIRST, MOST_FREQUENT, Rule, Survivorship

LATEST, EARLIEST, COUNTED = "latest", "earliest", "counted"

BEHIND_ALL = 1_000_000
"""How far behind a claim that says nothing is: more than any list of sources is long."""

DEFAULT = ""
"""Stands for the attributes that have no rule of their own; no rule can be for an attribute of this name."""

RULES = """
rules as not materialized (
    select *
    from unnest(
        %(attributes)s::text[], %(ways)s::text[], %(ignoring)s::bool[], %(unnamed)s::int[], %(ttls)s::interval[]
    ) as rules (attribute, way, ignore_empty, unnamed, ttl)
),
ranks as not materialized (
    select *
    from unnest(%(ranked)s::text[], %(sources)s::uuid[], %(ranks)s::int[]) as ranks (attribute, source, rank)
)
"""
"""The rules by attribute, and how far behind each source is that one of them names."""

JOINED = f"""
join rules
    on rules.attribute = case
        when held.attribute = any(%(attributes)s::text[]) then held.attribute
        else '{DEFAULT}'
    end
left join ranks
    on ranks.attribute = rules.attribute
    and ranks.source = held.source
"""

STANDING = f"""
coalesce(rank, unnamed) + case
    when ignore_empty and value in ('null', '""', '[]', '{{}}') then {BEHIND_ALL}
    else 0
end
"""


def way_of(rule: Rule) -> str:
    """How a winner is found: by the latest claim, by the earliest, or by looking at all."""
    if rule.multi_valued or rule.kind == MOST_FREQUENT:
        return COUNTED
    return EARLIEST if rule.kind == FIRST else LATEST


def ways_of(survivorship: Survivorship) -> set[str]:
    """The ways that occur under these rules."""
    return {way_of(rule) for rule in (survivorship.default, *survivorship.attributes.values())}


def weights(survivorship: Survivorship, attributes: Collection[str]) -> dict[str, Any]:
    """The parameters of `RULES` for claims of these attributes."""
    own = {name: rule for name in sorted(attributes) if (rule := survivorship.of(name)) != survivorship.default}
    rules = {DEFAULT: survivorship.default, **own}
    ranked = [(name, source, rank) for name, rule in rules.items() for source, rank in rule.ranks.items()]
    return {
        "attributes": list(rules),
        "ways": [way_of(rule) for rule in rules.values()],
        "ignoring": [rule.ignore_empty for rule in rules.values()],
        "unnamed": [len(rule.sources) for rule in rules.values()],
        "ttls": [rule.ttl for rule in rules.values()],
        "ranked": [name for name, _, _ in ranked],
        "sources": [source for _, source, _ in ranked],
        "ranks": [rank for _, _, rank in ranked],
    }
