"""What the vault holds, counted by the key versions in use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cdp.vault.head import Db
from cdp.vault.rotation import WRAPPED


@dataclass(frozen=True)
class Inventory:
    """Counts of rows: by table and version of the master key, by version of the pepper, and destroyed ones by table."""

    masters: Mapping[tuple[str, int], int]
    peppers: Mapping[int, int]
    destroyed: Mapping[str, int]


def taken(connection: Db) -> Inventory:
    """Counts all rows; on a large vault that takes its time."""
    masters: dict[tuple[str, int], int] = {}
    destroyed: dict[str, int] = {}
    for wrapped in WRAPPED:
        rows = connection.execute(
            f"""
            select master_version, count(wrapped), count(destroyed_at)
            from {wrapped.table}
            group by master_version
            order by master_version
            """
        ).fetchall()
        masters |= {(wrapped.table, version): living for version, living, _ in rows if living}
        destroyed[wrapped.table] = sum(gone for _, _, gone in rows)
    peppers = connection.execute("select pepper_version, count(lookup) from identifier group by pepper_version")
    return Inventory(masters, {version: count for version, count in peppers if count}, destroyed)
