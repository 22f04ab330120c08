"""The recipes in CONTRIBUTING.md work as they are written."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from cdp.log.touchpoint import Touchpoint
from cdp.postgres.databases import Databases
from cdp.sources.connector import Call, Connector, Tree
from cdp.sources.rejection import Reason, Rejected
from projections.contract import Batch, Surroundings
from projections.declared import Declared
from projections.facts import Facts
from tests.projections.world import World

DOCUMENT = (Path(__file__).parents[1] / "CONTRIBUTING.md").read_text()
CONNECTOR, PROJECTION = re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)
(SCHEMA,) = re.findall(r"```sql\n(.*?)```", DOCUMENT, re.DOTALL)
IMPORTED = {
    each.__name__: each
    for each in (Call, Reason, Rejected, Batch, Surroundings, Touchpoint, Facts, Declared, NamedTuple, Iterator)
}


def bound_by(code: str, name: str) -> Any:
    """What a piece of code binds to a name, given what its imports would bring."""
    names: dict[str, Any] = {**IMPORTED, "Tree": Tree}
    exec(compile(code, "CONTRIBUTING.md", "exec"), names)  # noqa: S102 - our own document
    return names[name]


def test_the_connector_reads_and_refuses() -> None:
    connector: Connector = bound_by(CONNECTOR, "CONNECTOR")
    item = {"letter": "L-1", "card": "7001", "scanned": "2026-01-05T10:00:00+03:00", "mailing": "spring"}
    call = connector.read(item, None)
    assert (call.name, call.message_id, call.identifiers) == (
        "Mailing Answered",
        "L-1",
        [("self", "loyalty_card", "7001")],
    )
    assert call.tree == {"properties": item}
    for unusable in ({}, {"letter": 5}, {"type": "track"}):
        with pytest.raises(Rejected, match="letter is missing; expected"):
            connector.read(unusable, None)


def test_the_projection_writes_its_rows(databases: Databases) -> None:
    projection: Declared = bound_by(PROJECTION, "PROJECTION")
    world = World()
    world.see({"loyalty_card": "7001"}, "Mailing Answered", properties={"mailing": "spring"})
    world.see({"loyalty_card": "7001"}, "Page Viewed")
    surroundings = world.surroundings()
    with databases.read.connection() as connection, connection.transaction():
        connection.execute("create schema replies_v1")
        connection.execute("set local search_path to replies_v1")
        connection.execute(SCHEMA.encode())
        writer = projection.writer({"replies": "replies_v1"}, surroundings)
        writer.write(Batch(world.touchpoints, 0, 2), connection)
        rows = connection.execute("select position, mailing from replies").fetchall()
    assert rows == [(1, "spring")]
