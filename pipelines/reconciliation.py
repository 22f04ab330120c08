"""Reconciling: proof that the live tables of a projection are what batch makes of the archive, to the last row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from cdp.postgres.databases import Pool
from pipelines.archive.manifest import load_manifest
from pipelines.archive.writing import Reader, Report, archive, check_same_log
from pipelines.comparison import Compared, Difference, compare
from pipelines.identity import memberships_at
from pipelines.live import Live, checkpoint_of, lasting_snapshot
from pipelines.memberships import save_memberships
from pipelines.opening import ClearParts, Opening
from pipelines.plan import Plan
from pipelines.rebuilding import carry_out
from pipelines.runner import Beam
from pipelines.work import Engine
from pipelines.workspace import workspace
from projections.checkpoint import Checkpoint
from projections.contract import Connected, Projection, Surroundings
from projections.declared import IDENTITY, Declared
from projections.discovery import found_projections


class NotReconcilable(Exception):
    """A projection that is not declared as facts, entities and rollups, or does not exist."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(
            f"{name} cannot be reconciled; expected one of {', '.join(sorted(known))}, "
            "which are declared as facts, entities and rollups"
        )


class ConfigurationChanged(Exception):
    """The live rows were made under other settings, or of another log, than there are now."""

    def __init__(self, projection: str, found: str, expected: str) -> None:
        super().__init__(
            f"the tables of {projection} were built with {found!r}, now it is {expected!r}; "
            "let the projector build them anew (cdp up, or cdp projector), then reconcile again"
        )


class IdentityElsewhere(Exception):
    """Identity stands at another position than the projection that needs it."""

    def __init__(self, projection: str, position: int, found: int) -> None:
        super().__init__(
            f"{projection} is at position {position:,}, identity at {found:,}; reconcile again once the projector has "
            "caught up (cdp status shows it)"
        )


@dataclass(frozen=True)
class Reconciled:
    """The outcome for one projection."""

    projection: str
    version: int
    position: int
    parked: int
    tables: list[Compared]

    @property
    def differing(self) -> int:
        """How many rows differ."""
        return sum(table.differing for table in self.tables)

    @property
    def differences(self) -> list[Difference]:
        """The rows that differ, of each table the first thousand."""
        return [difference for table in self.tables for difference in table.differences]


@dataclass(frozen=True)
class Reconciler:
    """Compares projections with what batch makes of the archive in `folder`, which it brings up to date first.

    `engine` runs the pipelines. `personal` opens touchpoints on workers for projections that read personal parts; the
    others get clear parts only.
    """

    read: Pool
    reader: Reader
    folder: Path
    surroundings: Surroundings
    engine: Engine = field(default_factory=Beam)
    personal: Opening = field(default_factory=ClearParts)

    def reconcile(self, declared: Declared, report: Report = lambda count: None) -> Reconciled:
        """Compares every row. Nothing is written but to the archive.

        Raises NotBuiltYet, ConfigurationChanged, IdentityElsewhere, TablesDiffer, and the errors of the archive and the
        engine.
        """
        with lasting_snapshot(self.read) as connection:
            checkpoint = checkpoint_of(connection, declared)
            self._check(connection, declared, checkpoint)
            live = Live(connection, declared, checkpoint.schema)
            self._archive(checkpoint.position, report)
            with workspace(self.folder) as work:
                plan = self._plan(connection, declared, checkpoint, live, work)
                rebuilt = carry_out(self.folder, plan, self.engine)
                tables = [compare(live, rebuilt, table) for table in live.layouts]
        return Reconciled(declared.name, declared.version, checkpoint.position, len(plan.parked), tables)

    def _check(self, connection: Connected, declared: Declared, checkpoint: Checkpoint) -> None:
        configuration = declared.configuration(self.surroundings)
        if checkpoint.configuration != configuration:
            raise ConfigurationChanged(declared.name, checkpoint.configuration, configuration)
        incarnation = self.reader.head().incarnation
        if checkpoint.incarnation != incarnation:
            found, expected = f"incarnation {checkpoint.incarnation}", f"incarnation {incarnation}"
            raise ConfigurationChanged(declared.name, found, expected)

    def _archive(self, position: int, report: Report) -> None:
        manifest = load_manifest(self.folder)
        if manifest is None or manifest.last < position:
            archive(self.reader, self.folder, report)
        else:
            check_same_log(self.folder, manifest, self.reader.head())

    def _plan(self, connection: Connected, declared: Declared, checkpoint: Checkpoint, live: Live, work: Path) -> Plan:
        memberships = None
        if any(entities.by_profile for entities in declared.entities):
            identity = checkpoint_of(connection, _identity())
            if identity.position != checkpoint.position:
                raise IdentityElsewhere(declared.name, checkpoint.position, identity.position)
            found = memberships_at(self.folder, checkpoint.position, self.surroundings, work / IDENTITY, self.engine)
            memberships = str(work / "memberships")
            save_memberships(Path(memberships), found)
        return Plan(
            declared,
            {table: layout.key for table, layout in live.layouts.items()},
            self.surroundings.timezone.key,
            checkpoint.position,
            str(work),
            live.parked,
            memberships,
            self.personal if declared.personal else ClearParts(),
        )


def reconcilable(name: str | None = None) -> list[Declared]:
    """The projections that can be reconciled, or the one of this name. Raises NotReconcilable."""
    declared = {each.name: each for each in found_projections() if isinstance(each, Declared)}
    if name is None:
        return list(declared.values())
    if name not in declared:
        raise NotReconcilable(name, declared)
    return [declared[name]]


def _identity() -> Projection:
    return next(each for each in found_projections() if each.name == IDENTITY)
