"""The log as an eventsourcing application: aggregates and touchpoints in one order."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from eventsourcing.application import Application
from eventsourcing.persistence import ApplicationRecorder, Mapper
from psycopg import Connection
from psycopg_pool import ConnectionPool

from cdp.log.mapper import PartsMapper
from cdp.log.recorder import Recorder
from cdp.vault.vault import Vault


class Log(Application[UUID]):
    """`save` and `repository` are the library's, for aggregates; touchpoints go in by `append`."""

    def __init__(self, pool: ConnectionPool[Connection[Any]], vault: Vault) -> None:
        self._pool = pool
        self._vault = vault
        super().__init__()

    def construct_recorder(self) -> ApplicationRecorder:
        """Our recorder, with positions that have no gaps."""
        self.touchpoints = Recorder(self._pool)
        return self.touchpoints

    def construct_mapper(self) -> Mapper[UUID]:
        """Our mapper, which keeps personal fields out of the clear."""
        return PartsMapper(self.construct_transcoder(), self._vault)
