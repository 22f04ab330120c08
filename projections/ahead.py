"""Reading ahead: while a batch is projected, another process reads the next one and decrypts it.

Half of the work of catching up is decryption. The helper is started when there is much to catch up, and is not needed
otherwise: whatever it does not have is read and opened here.
"""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import signal
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection
from typing import NamedTuple
from uuid import UUID

import msgspec

from cdp.faults import described
from cdp.garbage import fewer_collections
from cdp.identity.identifier import Identifier, Sighting
from cdp.log.events import Head, RecordedEvent
from cdp.log.opening import Unsealed, decoded
from cdp.log.touchpoint import TOPIC, Touchpoint
from cdp.platform import Platform
from cdp.settings import Settings
from cdp.vault.recent import Recent
from projections.track import Opener, Reader

WORTH = 4
"""Batches that must be left for a helper to be worth its start."""

REMEMBERED_NUMBERS = 1_000_000
"""Identifiers that the helper has met; what they stand for is told once."""

END_SECONDS = 10

_logger = logging.getLogger(__name__)


class Wanted(NamedTuple):
    """A part of the log."""

    after: int
    limit: int
    up_to: int


class SightingsOnly(msgspec.Struct, frozen=True):
    """The part of a header that names identifiers."""

    identifiers: tuple[Sighting, ...] = ()


class Carried(msgspec.Struct, frozen=True, array_like=True):
    """An event on its way here, its parts in the clear; one that is no touchpoint has a header only."""

    originator_id: UUID
    version: int
    topic: str
    unsealed: Unsealed

    def event(self) -> RecordedEvent:
        """The event without its parts."""
        said = self.unsealed
        return RecordedEvent(
            said.position, self.originator_id, self.version, self.topic, said.recorded_at, said.header, None, None
        )


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What the helper sends: events, and what identifiers stand for that it never met before; or what went wrong."""

    events: list[Carried] = []
    values: dict[int, Identifier | None] = {}
    failure: str | None = None


_encode = msgspec.msgpack.Encoder(uuid_format="bytes").encode
_decode = msgspec.msgpack.Decoder(Answer).decode
_sightings = msgspec.json.Decoder(SightingsOnly).decode


class Fetched(NamedTuple):
    """A part of the log, with its touchpoints by position and what new identifiers stand for."""

    events: list[RecordedEvent]
    touchpoints: dict[int, Touchpoint]
    values: dict[int, Identifier | None]


class ReadAhead:
    """A reader and opener that has the next batch fetched while one is worked on. Not safe to share between threads."""

    def __init__(self, platform: Platform) -> None:
        self._settings = platform.settings
        self._reader: Reader = platform.reader
        self._opener: Opener = platform.opener
        self._vault = platform.vault
        self._helper: Helper | None = None
        self._fetched: Fetched | None = None

    def head(self) -> Head:
        """The last position, its time, and the log's incarnation."""
        return self._reader.head()

    def read(self, after: int, limit: int, up_to: int | None = None) -> list[RecordedEvent]:
        """Events past `after`; has those fetched that follow upon them, if there are many more."""
        last = self.head().position if up_to is None else up_to
        self._fetched = self._helper.fetched(Wanted(after, limit, last)) if self._helper else None
        events = self._fetched.events if self._fetched else self._reader.read(after, limit, last)
        following = Wanted(after + len(events), limit, last)
        if len(events) == limit and last > following.after:
            self._fetch(following)
        return events

    def open(self, events: Sequence[RecordedEvent]) -> list[Touchpoint]:
        """The touchpoints of events that were read last."""
        if self._fetched is None:
            return self._opener.open(events)
        touchpoints = self._fetched.touchpoints
        return [touchpoints[each.position] for each in events if each.position in touchpoints]

    def values(self, numbers: Iterable[int]) -> Mapping[int, Identifier | None]:
        """What identifiers stand for: as the helper looked it up where they are new in the batch, else by the vault."""
        fetched = self._fetched.values if self._fetched else {}
        wanted = list(numbers)
        found = {number: fetched[number] for number in wanted if number in fetched}
        missing = [number for number in wanted if number not in found]
        return {**found, **self._vault.values(missing)} if missing else found

    def close(self) -> None:
        """Ends the helper."""
        if self._helper is not None:
            self._helper.close()
            self._helper = None

    def _fetch(self, wanted: Wanted) -> None:
        if self._helper is None:
            if wanted.up_to - wanted.after < WORTH * wanted.limit:
                return
            self._helper = Helper(self._settings)
        self._helper.fetch(wanted)


class Helper:
    """The process, and a thread that takes in what it sends while others wait for a database. It does one thing at a
    time; if it fails the batch is read here, where errors are dealt with."""

    def __init__(self, settings: Settings) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=help_out, args=(theirs, settings), daemon=True)
        self._process.start()
        theirs.close()
        self._taking = ThreadPoolExecutor(1, "reading-ahead")
        self._wanted: Wanted | None = None
        self._coming: Future[Fetched | None] = self._taking.submit(self._take)

    def fetch(self, wanted: Wanted) -> None:
        """Has a part of the log read and decrypted, unless the helper is still busy."""
        if self._wanted is None and self._coming.done():
            with contextlib.suppress(OSError):
                self._pipe.send(wanted)
                self._wanted = wanted
                self._coming = self._taking.submit(self._take)

    def fetched(self, wanted: Wanted) -> Fetched | None:
        """What was fetched, waited for; None if it is another part than is wanted now."""
        if self._wanted is None:
            return None
        asked, self._wanted = self._wanted, None
        found = self._coming.result()
        if found is None or not found.events or asked[:2] != wanted[:2]:
            return None
        whole = len(found.events) == wanted.limit or asked.up_to == wanted.up_to
        return found if whole and found.events[-1].position <= wanted.up_to else None

    def close(self) -> None:
        """Ends the process."""
        with contextlib.suppress(OSError):
            self._pipe.send(None)
        self._taking.shutdown()
        self._pipe.close()
        self._process.join(END_SECONDS)
        if self._process.is_alive():
            self._process.kill()

    def _take(self) -> Fetched | None:
        """The next answer; None where there is nothing in it."""
        try:
            answer = _decode(self._pipe.recv_bytes())
        except (EOFError, OSError):
            return None
        if answer.failure is not None:
            _logger.warning("reading ahead failed: %s", answer.failure)
            return None
        unsealed = (each.unsealed for each in answer.events if each.topic == TOPIC)
        try:
            touchpoints = {each.position: each for each in decoded(unsealed)}
            return Fetched([each.event() for each in answer.events], touchpoints, answer.values)
        except ValueError:
            return None  # whoever reads the batch now meets what cannot be decoded, and knows what to do


def help_out(pipe: Connection, settings: Settings) -> None:
    """The life of the process; it ends when the other end of the pipe does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, OSError), Platform.open(settings) as platform, fewer_collections():
        met: Recent[int, None] = Recent(REMEMBERED_NUMBERS)
        pipe.send_bytes(_encode(Answer()))
        while (wanted := pipe.recv()) is not None:
            try:
                answer = _answer(platform, wanted, met)
            except Exception as error:  # noqa: BLE001 - whoever asked meets the same error and knows what to do
                answer = Answer(failure=described(error))
            pipe.send_bytes(_encode(answer))


def _answer(platform: Platform, wanted: Wanted, met: Recent[int, None]) -> Answer:
    events = platform.reader.read(*wanted)
    unsealed = {each.position: each for each in platform.opener.unseal(events)}
    carried = [
        Carried(
            each.originator_id,
            each.version,
            each.topic,
            unsealed.get(each.position) or Unsealed(each.position, each.recorded_at, each.header, None, {}, ()),
        )
        for each in events
    ]
    headers = (_sightings(each.header) for each in unsealed.values())
    numbers = {sighting.number for header in headers for sighting in header.identifiers}
    new = numbers - met.pick(numbers).keys()
    met.put(dict.fromkeys(new))
    return Answer(carried, platform.vault.values(new))


@contextlib.contextmanager
def reading_ahead(platform: Platform) -> Iterator[ReadAhead]:
    """Reads ahead as long as the block."""
    ahead = ReadAhead(platform)
    try:
        yield ahead
    finally:
        ahead.close()
