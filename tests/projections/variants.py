"""Projections that differ from others in a way that tests need: another version, an event that they cannot digest."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cdp.log.touchpoint import Touchpoint
from projections.contract import Batch, Connected, Projection, Surroundings, Writer
from projections.discovery import found_projections
from projections.parking import Keyed, takes_late


def found(name: str) -> Projection:
    """The projection in the folder of this name."""
    return next(each for each in found_projections() if each.name == name)


def with_requirements(*wanted: Projection) -> Sequence[Projection]:
    """Some projections with all that they require, each after those that it requires."""
    names, every = {each.name for each in wanted}, {each.name: each for each in found_projections()}
    for name in reversed(every):
        if name in names:
            names |= set(every[name].requires)
    for each in wanted:
        names |= set(each.requires)
    replaced = every | {each.name: each for each in wanted}
    return [each for each in replaced.values() if each.name in names]


@dataclasses.dataclass(frozen=True)
class Variant:
    """A projection like `inner`, of version `version`, that raises at the events at some positions.

    `clumsy` is shared: emptying it mends the projection.
    """

    inner: Projection
    version: int = 1
    clumsy: set[int] = dataclasses.field(default_factory=set)

    @property
    def name(self) -> str:
        return self.inner.name

    @property
    def requires(self) -> tuple[str, ...]:
        return self.inner.requires

    @property
    def takes_late(self) -> bool:
        return takes_late(self.inner)

    def keys(self, touchpoint: Touchpoint) -> Iterable[str]:
        return self.inner.keys(touchpoint) if isinstance(self.inner, Keyed) else ()

    def configuration(self, surroundings: Surroundings) -> str:
        return self.inner.configuration(surroundings)

    def writer(self, schemas: Mapping[str, str], surroundings: Surroundings) -> Writer:
        return VariantWriter(self, self.inner.writer(schemas, surroundings))


@dataclasses.dataclass(frozen=True)
class VariantWriter:
    """Its writer."""

    variant: Variant
    inner: Writer

    def write(self, batch: Batch, connection: Connected) -> frozenset[Any]:
        if any(touchpoint.position in self.variant.clumsy for touchpoint in batch.touchpoints):
            raise KeyError("somebody@example.com")
        return self.inner.write(batch, connection)
