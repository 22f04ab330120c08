"""Which projections go on, and which are built anew beside what is served: a pure decision.

What is served goes on as long as its rows can be continued. What cannot is built anew, with everything that requires
it, while the rows of before stay to be read. What a built one requires is built along with it, even where its served
rows go on, so that a build sees the states that belong to its position; all of one build are swapped in together.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cdp.log.events import Head
from projections.checkpoint import Checkpoint
from projections.contract import Projection, next_schema_of, schema_of

ASKED = "it was asked for"


@dataclass(frozen=True)
class Plan:
    """`live` goes on; `building` is built, `fresh` of it from position 0, for the `causes`; `obsolete` goes.

    `builds` are the sets of projections that are complete together.
    """

    live: Mapping[str, Checkpoint]
    building: Mapping[str, Checkpoint]
    fresh: frozenset[str]
    builds: Sequence[frozenset[str]]
    causes: Mapping[str, str]
    obsolete: Sequence[Checkpoint]


@dataclass(frozen=True)
class Planning:
    """What a plan is made from. `projections` come in order, each after those that it requires.

    `given_up` are builds that failed and are left until they are asked for again.
    """

    projections: Mapping[str, Projection]
    configurations: Mapping[str, str]
    stored: Sequence[Checkpoint]
    head: Head
    asked: Collection[str] = ()
    given_up: Collection[frozenset[str]] = ()

    def plan(self) -> Plan:
        """The plan."""
        served = {each.projection: each for each in self.stored if each.published}
        unsound = self._unsound(served)
        builds = self._builds({**unsound, **self._asked(unsound)}.keys())
        builds = [build for build in builds if not any(build & given_up for given_up in self.given_up)]
        live = {name: served[name] for name in self.projections if name not in unsound}
        building: dict[str, Checkpoint] = {}
        fresh: set[str] = set()
        for build in builds:
            started = self._started(build, served, unsound)
            fresh |= build if started is None else frozenset()
            building |= started or {name: self._beginning(name, build, served) for name in build}
        replaced = {name for name, each in building.items() if each.published}
        shown = [each for name, each in served.items() if name in self.projections and name not in replaced]
        kept = {each.schema for each in (*shown, *building.values())}
        return Plan(
            live=live,
            building={name: building[name] for name in self.projections if name in building},
            fresh=frozenset(fresh),
            builds=builds,
            causes={**self._asked(unsound), **unsound},
            obsolete=[each for each in self.stored if each.schema not in kept],
        )

    def _unsound(self, served: Mapping[str, Checkpoint]) -> dict[str, str]:
        """Why the served rows of projections cannot go on, by name."""
        causes: dict[str, str] = {}
        for name, projection in self.projections.items():
            checkpoint = served.get(name)
            required = [served.get(each) for each in projection.requires]
            cause = self._cause(name, checkpoint)
            if cause is None and checkpoint is not None and not checkpoint.live:
                cause = "its first build is not complete"
            if cause is None and any(each in causes for each in projection.requires):
                cause = "what it requires is built anew"
            if cause is None and any(each and checkpoint and each.position != checkpoint.position for each in required):
                cause = "it is not where the projections are that it requires"
            if cause is not None:
                causes[name] = cause
        return causes

    def _cause(self, name: str, checkpoint: Checkpoint | None) -> str | None:
        """Why rows cannot be continued by this code over this log."""
        version, configuration = self.projections[name].version, self.configurations[name]
        if checkpoint is None:
            return "it is new"
        if checkpoint.version != version:
            return f"its version changed from {checkpoint.version} to {version}"
        if checkpoint.configuration != configuration:
            return f"its configuration changed from {checkpoint.configuration!r} to {configuration!r}"
        if checkpoint.incarnation != self.head.incarnation:
            return "its checkpoint is of another incarnation of the log, which was restored since"
        if checkpoint.position > self.head.position:
            return f"its checkpoint {checkpoint.position} is past the head of the log, {self.head.position}"
        return None

    def _asked(self, unsound: Collection[str]) -> dict[str, str]:
        """Those asked for, and those that require them."""
        causes: dict[str, str] = {}
        for name, projection in self.projections.items():
            if name in self.asked:
                causes[name] = ASKED
            elif any(each in causes for each in projection.requires):
                causes[name] = "what it requires is built anew"
        return {name: cause for name, cause in causes.items() if name not in unsound}

    def _builds(self, wanted: Collection[str]) -> list[frozenset[str]]:
        """The sets that must be built together: what is wanted and what that requires, as far as it hangs together."""
        members = set(wanted)
        for name in reversed(list(self.projections)):
            if name in members:
                members |= set(self.projections[name].requires)
        builds: list[frozenset[str]] = []
        for name in self.projections:
            if name in members:
                mine = frozenset((name, *self.projections[name].requires))
                apart = [build for build in builds if not build & mine]
                builds = [*apart, mine.union(*(build for build in builds if build & mine))]
        return builds

    def _started(
        self, build: Iterable[str], served: Mapping[str, Checkpoint], unsound: Mapping[str, str]
    ) -> dict[str, Checkpoint] | None:
        """The checkpoints of a build that can go on where it stopped: all there, sound, and at one position."""
        present = {each.schema: each for each in self.stored if not each.live}
        schemas = {name: self._schema(name, build, served) for name in build}
        found = {name: present[schema] for name, schema in schemas.items() if schema in present}
        sound = all(self._cause(name, each) is None for name, each in found.items())
        together = len({each.position for each in found.values()}) == 1
        return found if len(found) == len(schemas) and sound and together else None

    def _beginning(self, name: str, build: Iterable[str], served: Mapping[str, Checkpoint]) -> Checkpoint:
        schema = self._schema(name, build, served)
        first = Checkpoint(
            name, self.projections[name].version, schema, self.configurations[name], self.head.incarnation
        )
        return dataclasses.replace(first, published=schema == schema_of(self.projections[name]))

    def _schema(self, name: str, build: Iterable[str], served: Mapping[str, Checkpoint]) -> str:
        """Beside what is served; where nothing of the build is complete, in place, to be seen from the beginning."""
        projection = self.projections[name]
        beside = any(each in served and served[each].live for each in build)
        return next_schema_of(projection) if beside else schema_of(projection)
