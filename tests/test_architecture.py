"""The contract that finds packages by itself sees an import between two of them, and none to a plain module."""

from __future__ import annotations

import pytest
from grimp import ImportGraph

from tests.architecture import IndependentPackages


@pytest.mark.parametrize(
    ("importer", "imported", "kept"),
    [
        ("projections.sales.projection", "projections.timeline.projection", False),
        ("projections.sales.projection", "projections.facts", True),
        ("projections.facts", "projections.sales.projection", True),
    ],
)
def test_packages_are_independent_of_each_other_only(importer: str, imported: str, kept: bool) -> None:
    graph = ImportGraph()
    for package in ("sales", "timeline"):
        for module in ("projections", f"projections.{package}", f"projections.{package}.projection"):
            graph.add_module(module)
    graph.add_module("projections.facts")
    graph.add_import(importer=importer, imported=imported, line_number=1, line_contents="import it")
    contract = IndependentPackages("projections", {}, {"package": "projections"})
    assert contract.check(graph, verbose=False).kept is kept
