"""The engine: keeps what is served at the head of the log and builds anew, beside it, what cannot go on.

Two tracks of projections move along the log: the live one, and the one of builds, which never overtakes it. A build
that has reached the live track is swapped in.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence

import psycopg

from projections.checkpoint import Checkpoint, make_tables
from projections.contract import Connected, Projection, Surroundings
from projections.parking import forget_parked, note_failure, read_parked, takes_late
from projections.preparation import prepare
from projections.publication import swap_in
from projections.requests import REBUILD, RETRY, Request, answer, ask, read_requests
from projections.track import Opener, ProjectionFailed, Reader, Track, Workplace

__all__ = ["Engine", "Opener", "ProjectionFailed", "Reader"]

BATCH_SIZE = 10_000
SWAP_AGAIN_SECONDS = 5.0
"""How long a swap waits that readers kept from happening: everybody else queues behind it meanwhile."""

_logger = logging.getLogger(__name__)


class Engine:
    """Runs projections on one connection, which holds the leadership. Not safe to share between threads."""

    def __init__(
        self,
        connection: Connected,
        reader: Reader,
        opener: Opener,
        projections: Sequence[Projection],
        surroundings: Surroundings,
        batch_size: int = BATCH_SIZE,
    ) -> None:
        by_name = {projection.name: projection for projection in projections}
        self._work = Workplace(connection, reader, opener, by_name, surroundings, batch_size)
        self._given_up: frozenset[frozenset[str]] = frozenset()
        self._heard: frozenset[Request] = frozenset()
        self._swap_at = 0.0
        make_tables(connection)
        self._prepare()

    @property
    def checkpoints(self) -> Mapping[str, Checkpoint]:
        """Where each projection stands; of one that is built, how far the build is."""
        return {**self._live.checkpoints, **self._builds.checkpoints}

    def step(self) -> int:
        """Applies the next batches and gives their number of events; 0 when nothing was left to do.

        Raises `LeadershipLost`, `ProjectionFailed` for an error in a build while nothing is served that could go on,
        and what psycopg raises when a database is away; then nothing of the failing events was written, and the engine
        must not be used further.
        """
        self._head = self._work.reader.head()
        requests = read_requests(self._work.connection)
        if new := requests - self._heard:
            self._hear(new)
        self._heard = frozenset(each for each in requests if self._stays(each))
        if new or requests != self._requests or self._log_changed():
            self._prepare()
        return self._live.step(self._head.position) + self._build()

    def _prepare(self) -> None:
        """Plans anew what goes on and what is built. Swaps in what is complete at once, as over an empty log."""
        work = self._work
        self._head = work.reader.head()
        self._requests = read_requests(work.connection)
        self._plan = prepare(work, self._head, self._requests, self._given_up)
        self._live, self._builds = Track(work, self._plan.live), Track(work, self._plan.building)
        self._complete()

    def _log_changed(self) -> bool:
        """Whether the log was restored to an earlier state."""
        return any(
            checkpoint.incarnation != self._head.incarnation or checkpoint.position > self._head.position
            for checkpoint in self.checkpoints.values()
        )

    # -- builds -------------------------------------------------------------------------------------------------------

    def _build(self) -> int:
        try:
            done = self._builds.step(self._target())
        except ProjectionFailed as failure:
            if not self._live.checkpoints:
                raise
            self._give_up(failure)
            return 1
        self._complete()
        return done

    def _target(self) -> int:
        """How far builds go: as far as the live track, so that what is swapped in fits to what stays."""
        lowest = self._live.lowest
        return self._head.position if lowest is None else lowest

    def _complete(self) -> None:
        """Swaps in the builds that have reached their target, unless readers keep them from it."""
        checkpoints = self._builds.checkpoints
        reached = {name for name, each in checkpoints.items() if each.position >= self._target()}
        names = [name for build in self._plan.builds if build <= reached for name in sorted(build)]
        if not names or time.monotonic() < self._swap_at:
            return
        try:
            swap_in(self._work.connection, self._work.projections, [checkpoints[name] for name in names])
        except psycopg.errors.LockNotAvailable:
            _logger.warning("readers hold on to what %s replaces; trying again", ", ".join(names))
            self._swap_at = time.monotonic() + SWAP_AGAIN_SECONDS
        else:
            _logger.info("served now: %s", ", ".join(names))
            self._prepare()

    def _give_up(self, failure: ProjectionFailed) -> None:
        """Leaves a build that cannot digest an event until it is asked for again; what is served goes on."""
        [build] = [each for each in self._plan.builds if each & set(failure.names)]
        _logger.error("%s; what is served goes on", failure)
        connection = self._work.connection
        with connection.transaction():
            for name in build:
                answer(connection, Request(name, REBUILD))
            for name in failure.names:
                note_failure(connection, self._builds.checkpoints[name], failure.position, failure.error)
        self._given_up |= {build}
        self._heard = frozenset()
        self._prepare()

    # -- requests -----------------------------------------------------------------------------------------------------

    def _stays(self, request: Request) -> bool:
        """Whether a request that was heard is answered later, by a build; others that are like it are new."""
        return request.kind == REBUILD and request.projection in self._work.projections

    def _hear(self, requests: frozenset[Request]) -> None:
        """Takes in what was parked, where that is asked for, and tries again what failed."""
        for request in sorted(requests):
            name = request.projection
            self._given_up = frozenset(build for build in self._given_up if name not in build)
            if name not in self._work.projections:
                _logger.warning("there is no projection %s to %s", name, request.kind)
                answer(self._work.connection, request)
            elif request.kind == RETRY:
                self._retry(request)

    def _retry(self, request: Request) -> None:
        """Applies the parked events of a live projection that can take them late; another is built anew."""
        name, connection = request.projection, self._work.connection
        parked = [each.position for each in read_parked(connection, name)]
        try:
            with connection.transaction():
                answer(connection, request)
                if parked and name in self._live.checkpoints and takes_late(self._work.projections[name]):
                    self._live.take_in(name, parked)
                    forget_parked(connection, name)
                elif parked:
                    ask(connection, Request(name, REBUILD))
        except ProjectionFailed as failure:
            _logger.error("%s; its parked events stay parked", failure)
            answer(connection, request)
