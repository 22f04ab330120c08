"""The pages of the measures say what the registry says, and their examples are what the API answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cdp.settings import Settings
from projections.sales.measures import MEASURES
from tests.api.serving import Served, served

PAGES = Path(__file__).parents[2] / "docs" / "measures"
_SENT = re.compile(r"<!-- (\w+) -->\n```jsonl\n(.*?)```", re.DOTALL)
_EXAMPLE = re.compile(r"```\n/api/sales\?(\S+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def app(module_settings: Settings) -> Iterator[Served]:
    """A platform that was sent the example."""
    with served(module_settings) as app:
        app.source("shop", "web", namespaces={"user_id": "club"})
        app.source("till", "store", namespaces={"user_id": "club"})
        for source, lines in _SENT.findall((PAGES / "README.md").read_text("utf-8")):
            items = [msgspec.json.decode(line) for line in lines.splitlines()]
            app.send(
                source, *({"type": "track", "messageId": f"{source}-{at}", **each} for at, each in enumerate(items))
            )
        app.project()
        yield app


def answered(app: Served, question: str) -> str:
    """The answer as CSV."""
    answer = app.client.get(f"/api/sales?{question}&format=csv", headers={"Authorization": f"Bearer {app.token}"})
    assert answer.status_code == 200, answer.text
    content: bytes = answer.content
    return content.decode("utf-8").replace("\r\n", "\n")


def section(name: str) -> str:
    """What the pages say of a measure."""
    page = (PAGES / f"{MEASURES[name].family.name}.md").read_text("utf-8")
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    assert found, f"docs/measures/{MEASURES[name].family.name}.md has no section {name}"
    return found.group(1)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_has_its_definition_its_source_and_an_example(app: Served, name: str) -> None:
    text, measure = section(name), MEASURES[name]
    assert measure.definition in text
    assert f"Source: {measure.source}." in text
    assert f"Unit: {measure.unit}" in text
    examples = _EXAMPLE.findall(text)
    assert examples
    for question, expected in examples:
        assert name in question
        assert answered(app, question) == expected
