"""Finding projections: every folder here with a `projection.py` that binds `PROJECTION` is one."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from graphlib import TopologicalSorter
from importlib import import_module
from importlib.util import find_spec

import projections
from projections.contract import Projection


def found_projections() -> tuple[Projection, ...]:
    """All projections; each comes after those that it requires."""
    packages = [module.name for module in pkgutil.iter_modules(projections.__path__) if module.ispkg]
    modules = [f"projections.{name}.projection" for name in packages]
    return in_order(import_module(module).PROJECTION for module in modules if find_spec(module))


def in_order(unordered: Iterable[Projection]) -> tuple[Projection, ...]:
    """The projections by name, but each after those that it requires."""
    by_name = {projection.name: projection for projection in sorted(unordered, key=lambda each: each.name)}
    order = TopologicalSorter({name: projection.requires for name, projection in by_name.items()}).static_order()
    return tuple(by_name[name] for name in order)
