"""A change of rules: which subjects it can concern, part by part, so that as little as possible is resolved again."""

from __future__ import annotations

from projections.contract import Policy


def decided_anew(before: Policy, after: Policy) -> set[int]:
    """The identifiers about which stewards decided something else."""
    if before.decisions is after.decisions:
        return set()
    return {number for each in set(before.decisions) ^ set(after.decisions) for number in each.numbers}
