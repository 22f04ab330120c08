"""Identity held to the truth set of Senzing: what documents join is right, and what is wrong has an explanation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.report import ROOT
from benchmarks.senzing import (
    DOCUMENT,
    RULES,
    Evaluation,
    Record,
    activate,
    evaluate,
    explained_pairs,
    identifier_of,
    project,
    read_records,
    send,
)
from cdp.identity import normalise
from cdp.identity.explanation import Explanation
from cdp.identity.identifier import Identifier
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings

DOCUMENTS, CONTACTS = RULES


@pytest.fixture
def records(real_data: Path) -> list[Record]:
    """The records of the truth set."""
    return read_records(real_data / "identity" / "senzing")


@pytest.fixture
def platform(settings: Settings, databases: Databases, records: list[Record]) -> Iterator[Platform]:
    """A platform that has taken the records in."""
    platform = Platform.over(settings, databases)
    send(platform, records)
    yield platform


def found_under(platform: Platform, records: list[Record], rules: str) -> Evaluation:
    """What identity makes of the records under these rules."""
    activate(platform, RULES[rules])
    project(platform)
    return evaluate(platform, records)


def test_documents_alone_join_only_what_is_one_entity(platform: Platform, records: list[Record]) -> None:
    # Given the truth set's records, when numbers of documents alone may join them
    found = found_under(platform, records, DOCUMENTS)
    # Then no two strangers share a profile, and 25 of the 108 true pairs do
    assert len(records) == 159
    assert found.expected == 108
    assert found.precision == 1.0
    assert found.recall >= 0.23


def test_every_false_pair_is_explained_by_records_that_share_what_it_names(
    platform: Platform, records: list[Record]
) -> None:
    # Given rules that changed after the log was projected, and now let addresses and telephones join as well
    found_under(platform, records, DOCUMENTS)
    found = found_under(platform, records, CONTACTS)
    assert len(found.false) > 100
    # When every false pair is explained
    together = [{identifier_of(each), *(meant(*identifier) for identifier in each.identifiers)} for each in records]
    for pair, explanation in explained_pairs(platform, found.false):
        # Then the links lead from one record to the other, and each stands in a record as it says
        steps = [steps_of(platform, link.a, link.b) for link in explanation.chain]
        assert path(explanation), f"the explanation of {pair} is no path"
        assert all(any(step <= record for record in together) for step in steps)


def steps_of(platform: Platform, *numbers: int) -> set[Identifier | None]:
    """What the numbers of a link stand for."""
    return set(platform.vault.values(numbers).values())


def path(explanation: Explanation) -> bool:
    """Whether the links lead from one identifier to the other."""
    at = explanation.a
    for link in explanation.chain:
        if at not in (link.a, link.b):
            return False
        at = link.b if at == link.a else link.a
    return at == explanation.b and bool(explanation.chain)


def meant(kind: str, value: str) -> Identifier | None:
    """The identifier that a record's text stands for; None for a text that cannot be of its kind."""
    try:
        return normalise.identifier(kind, value, "documents", "US")
    except normalise.InvalidIdentifier:
        return None


def test_the_documentation_says_what_was_measured(platform: Platform, records: list[Record]) -> None:
    # Given the page with the figures, then they are those of today
    text = (ROOT / DOCUMENT).read_text(encoding="utf-8")
    for rules in RULES:
        found = found_under(platform, records, rules)
        row = f"| {rules} | {len(found.found)} | {found.true} | {found.precision:.3f} | {found.recall:.3f} |"
        assert row in text
