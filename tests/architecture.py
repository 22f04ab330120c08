"""An import-linter contract that finds the packages it is about by itself."""

from __future__ import annotations

from grimp import ImportGraph
from importlinter import fields
from importlinter.contracts.independence import IndependenceContract
from importlinter.domain.contract import ContractCheck
from importlinter.domain.imports import ModuleExpression


class IndependentPackages(IndependenceContract):
    """The packages inside a package import no other of them; plain modules beside them are for all.

    Options: `package`, and those of import-linter's own contract `independence` but for `modules`.
    """

    type_name = "independent_packages"

    package = fields.StringField()
    modules = fields.SetField(subfield=fields.ModuleExpressionField(), required=False)

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Check every package that the graph has by now."""
        children = graph.find_children(str(self.package))
        packages = {ModuleExpression(child) for child in children if graph.find_children(child)}
        self.modules = packages  # type: ignore[assignment]
        return super().check(graph, verbose)
