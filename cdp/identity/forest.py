"""Connected components by union-find, where nothing but connection counts."""

from __future__ import annotations

from collections.abc import Iterable


def roots_of(members: Iterable[int], links: Iterable[Iterable[tuple[int, ...]]]) -> dict[int, int]:
    """For each member one that stands for its component. The first two numbers of a link are its ends."""
    parent = {member: member for member in members}
    for each in links:
        for link in each:
            ours, theirs = link[0], link[1]
            while parent[ours] != ours:
                parent[ours] = ours = parent[parent[ours]]
            while parent[theirs] != theirs:
                parent[theirs] = theirs = parent[parent[theirs]]
            parent[theirs] = ours
    for member in parent:
        root = member
        while parent[root] != root:
            parent[root] = root = parent[parent[root]]
        parent[member] = root
    return parent
