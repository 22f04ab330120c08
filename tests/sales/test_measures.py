"""The pages of the measures say what the registry says, and their examples are what the API answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from api.sales_reasons import RATES
from api.sales_views import VIEWS
from cdp.settings import Settings
from cdp.value.definition import read_definition
from projections.sales.dimensions import DIMENSIONS
from projections.sales.measures import MEASURES
from tests.api.serving import Served, served

PAGES = Path(__file__).parents[2] / "docs" / "measures"
_SENT = re.compile(r"<!-- (\w+) -->\n```jsonl\n(.*?)```", re.DOTALL)
_EXAMPLE = re.compile(r"```\n/api/sales\?(\S+)\n(.*?)```", re.DOTALL)
_VIEW = re.compile(r"```\n/api/sales/(\S+)\n(.*?)```", re.DOTALL)
_PYRAMID = re.compile(r"<!-- pyramid -->\n```toml\n(.*?)```", re.DOTALL)
VIEW_PAGE = (PAGES / "views.md").read_text("utf-8")


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
        [definition] = _PYRAMID.findall(VIEW_PAGE)
        app.platform.pyramids.draft("value", read_definition(definition), actor="test")
        app.platform.pyramids.activate("value", actor="test")
        app.project()
        yield app


def answered(app: Served, question: str) -> str:
    """The answer as CSV."""
    joined = f"{question}{'&' if '?' in question else '?'}format=csv"
    answer = app.client.get(f"/api/{joined}", headers={"Authorization": f"Bearer {app.token}"})
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
        assert answered(app, f"sales?{question}") == expected


@pytest.mark.parametrize("name", VIEWS)
def test_a_view_has_its_definition_its_source_and_an_example(app: Served, name: str) -> None:
    found = re.search(rf"^## {name}\n(.*?)(?=^## |\Z)", VIEW_PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/measures/views.md has no section {name}"
    text = found.group(1)
    examples = [each for each in _VIEW.findall(text) if re.match(rf"{name}\b", each[0])]
    assert examples
    for question, expected in examples:
        assert answered(app, f"sales/{question}") == expected
        assert_defined(app, question, text)


def assert_defined(app: Served, question: str, text: str) -> None:
    """Every figure of a view is a measure, or the view's section says what it is and where that comes from."""
    said = " ".join(text.split())
    sheet = app.client.get(f"/api/sales/{question}", headers={"Authorization": f"Bearer {app.token}"}).json()
    own = [each for each in sheet["columns"] if "unit" in each and each["name"] not in MEASURES]
    own += [each for each in sheet["columns"] if each["name"] in RATES and "of all reasons" in each["definition"]]
    for column in own:
        name, _, ending = column["name"].partition("_")
        derived = name in MEASURES and f"`…_{ending}`: " in said
        assert derived or f"`{column['name']}`: {column['definition']}" in said
        assert f"Source: {column['source']}" in said


@pytest.mark.parametrize("name", DIMENSIONS)
def test_a_dimension_is_documented(name: str) -> None:
    assert f"`{name}`" in (PAGES.parent / "sales.md").read_text("utf-8")
