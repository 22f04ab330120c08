"""The requests of the benchmarks are what the figures say they are, and the server takes them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from benchmarks.bodies import BATCH_ITEMS, ITEM_BYTES, batches, known, singles, strangers
from benchmarks.door import BATCH_COLD, SINGLE, Door
from benchmarks.report import ROOT
from tests.acceptance.served import served


def body(request: bytes) -> bytes:
    head, _, found = request.partition(b"\r\n\r\n")
    assert f"Content-Length: {len(found)}".encode() in head.split(b"\r\n")
    return found


def test_a_batch_has_100_different_touchpoints_of_800_bytes() -> None:
    items: list[dict[str, Any]] = []
    for request in batches("key", strangers(1), 1, 3):
        items += json.loads(body(request))["batch"]
    assert {len(json.dumps(item, separators=(",", ":"))) for item in items} == {ITEM_BYTES}
    assert len(items) == 3 * BATCH_ITEMS
    assert len({item["messageId"] for item in items}) == len({item["userId"] for item in items}) == len(items)


def test_a_single_call_has_800_bytes_and_is_about_somebody_known() -> None:
    bodies = [body(request) for request in singles("key", known(1), 1, 50)]
    assert {len(each) for each in bodies} == {ITEM_BYTES}
    assert all(json.loads(each)["userId"].startswith("known-") for each in bodies)


@pytest.mark.parametrize("document", ["docs/benchmarks.md", "docs/durability.md"])
def test_a_document_has_its_place_for_figures(document: str) -> None:
    text = (ROOT / document).read_text()
    assert 0 < text.index("<!-- figures: begin -->") < text.index("<!-- figures: end -->")


@pytest.mark.slow
def test_a_load_is_committed_as_acknowledged() -> None:
    with served("api") as server:
        door = Door(server, server.add_source("shop"))
        for case in (BATCH_COLD, SINGLE):
            figure = door.measure(case._replace(most_requests=20, warm_up=2), 5)
            assert figure.rate > 0
            assert 0 < figure.p50 <= figure.p99
