"""Who was seen with whom, gathered from the archive's headers: what identity is resolved from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from cdp.identity.evidence import Moment, SubjectSeen
from cdp.identity.identifier import SELF
from cdp.identity.rules import RuleSet
from cdp.log.header import decode_header
from cdp.log.touchpoint import Header
from pipelines.archive.reading import Portion, read_slices
from pipelines.buckets import Codec, bucketed
from pipelines.output import Output
from pipelines.work import Made, Packet, Result, address

TABLE = "subjects"
_COLUMNS = ["position", "subject", "header"]


class Seen(NamedTuple):
    """An identifier, and the first position at which it was seen."""

    number: int
    type: str
    namespace: str
    position: int


class Subject(NamedTuple):
    """A set of identifiers that was seen together: with its first moments, and all of them if these matter."""

    number: int
    identifiers: tuple[Seen, ...]
    server: Moment | None
    public: Moment | None
    moments: tuple[Moment, ...]

    def with_more(self, other: Subject) -> Subject:
        """The same subject by what two parts of the log say of it."""
        pairs = zip(self.identifiers, other.identifiers, strict=True)
        return Subject(
            self.number,
            tuple([one if one.position <= another.position else another for one, another in pairs]),
            _earlier(self.server, other.server),
            _earlier(self.public, other.public),
            (*self.moments, *other.moments),
        )

    def seen(self) -> SubjectSeen:
        """In the form that resolution takes."""
        numbers = tuple(each.number for each in self.identifiers)
        return SubjectSeen(self.number, numbers, self.server, self.public, tuple(sorted(self.moments)))


@dataclass(frozen=True)
class SightingsWork:
    """Gathers the subjects of the archive.

    `public` are the sources that anybody can write to, `rules` say behind which identifiers there is one person only.
    """

    up_to: int
    folder: str
    public: frozenset[UUID]
    rules: RuleSet
    depth: int = 1

    def worker(self) -> SightingsWorker:
        """The tools of one worker."""
        return SightingsWorker(self)


class SightingsWorker:
    """Gathers subjects in each portion, and puts together what portions say of one subject."""

    def __init__(self, work: SightingsWork) -> None:
        self._work = work
        self._codec: Codec[Subject] = Codec(Subject)

    def extract(self, portion: Portion) -> Iterator[Made]:
        """The subjects of a portion."""
        found = _merged(self._subjects(portion))
        for bucket, subjects in bucketed(found, lambda subject: subject.number).items():
            yield Packet(address(1, TABLE, bucket), self._codec.pack(subjects))

    def step(self, address: str, contents: Iterable[bytes]) -> Iterator[Made]:
        """The subjects of a bucket, complete."""
        subjects = _merged(self._codec.unpack_all(contents))
        output = Output(self._work.folder, TABLE, address.rpartition("/")[2])
        output.add(subjects)
        yield from map(Result, output.close())

    def finish(self) -> Iterator[Packet]:
        """Nothing is kept back."""
        yield from ()

    def close(self) -> None:
        """Nothing is held."""

    def _subjects(self, portion: Portion) -> Iterator[Subject]:
        for rows in read_slices(portion, _COLUMNS, self._work.up_to):
            known = rows.filter(rows["subject"].is_valid())
            pairs = zip(known["position"].to_pylist(), known["header"].to_pylist(), strict=True)
            yield from (self._subject(position, decode_header(header)) for position, header in pairs)

    def _subject(self, position: int, header: Header) -> Subject:
        moment = Moment(header.effective_at, header.id)
        own = {sighting.number: sighting for sighting in header.identifiers if sighting.role == SELF}
        kinds = {self._work.rules.exclusive(sighting.type) for sighting in own.values()}
        public = header.source in self._work.public
        return Subject(
            header.subject or 0,
            tuple([Seen(number, own[number].type, own[number].namespace, position) for number in sorted(own)]),
            None if public else moment,
            moment if public else None,
            (moment,) if len(kinds) > 1 else (),
        )


def _merged(subjects: Iterable[Subject]) -> list[Subject]:
    found: dict[int, Subject] = {}
    for subject in subjects:
        earlier = found.get(subject.number)
        found[subject.number] = subject if earlier is None else earlier.with_more(subject)
    return list(found.values())


def _earlier(one: Moment | None, another: Moment | None) -> Moment | None:
    if one is None or another is None:
        return one or another
    return min(one, another)
