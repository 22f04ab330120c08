"""What a batch shows of each subject: its identifiers, when each source first showed it, when it authenticated."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from uuid import UUID

from cdp.identity.evidence import Moment, Node
from cdp.identity.identifier import SELF
from cdp.log.touchpoint import Touchpoint
from projections.identity.known import Sighted


@dataclass(slots=True)
class Arrival:
    """A subject in a batch. `moments` are kept where it holds identifiers of several types: they may authenticate."""

    first_touchpoint: Touchpoint
    first: dict[UUID, Moment]
    authenticates: bool
    moments: list[Moment] = field(default_factory=list)

    def sighted(self) -> Sighted:
        """As a subject that nobody saw before."""
        numbers = self.first_touchpoint.header.numbers()
        return Sighted(tuple(sorted(set(numbers))) if len(numbers) > 1 else numbers, self.first)

    def renewed(self, known: Sighted) -> Sighted:
        """What is known of the subject, with what the batch adds; the very same object if it adds nothing."""
        first = known.first
        for source, moment in self.first.items():
            earliest = first.get(source)
            if earliest is None or moment < earliest:
                first = {**first, source: moment}
        return known if first is known.first else Sighted(known.numbers, first)


def arrivals(touchpoints: Iterable[Touchpoint]) -> dict[int, Arrival]:
    """The subjects of a batch, in the order in which it shows them; touchpoints about nobody are left out."""
    found: dict[int, Arrival] = {}
    for touchpoint in touchpoints:
        header = touchpoint.header
        subject = header.subject
        if subject is None:
            continue
        moment = Moment(header.effective_at, header.id)
        arrival = found.get(subject)
        if arrival is None:
            types = {sighting.type for sighting in header.identifiers if sighting.role == SELF}
            arrival = found[subject] = Arrival(touchpoint, {}, len(types) > 1)
        earliest = arrival.first.get(header.source)
        if earliest is None or moment < earliest:
            arrival.first[header.source] = moment
        if arrival.authenticates:
            arrival.moments.append(moment)
    return found


def authentications(found: Mapping[int, Arrival]) -> list[tuple[int, Moment]]:
    """All moments at which subjects may have authenticated."""
    return [(subject, moment) for subject, arrival in found.items() for moment in arrival.moments]


@dataclass
class Arrivals:
    """A batch held against what is known: `new` subjects were never seen before, of `renewed` ones it shows an earlier
    first moment, or another source."""

    found: Mapping[int, Arrival]
    known: Mapping[int, Sighted]
    new: dict[int, Sighted] = field(default_factory=dict)
    renewed: dict[int, Sighted] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Tells them apart."""
        for subject, arrival in self.found.items():
            known = self.known.get(subject)
            if known is None:
                self.new[subject] = arrival.sighted()
            elif (renewed := arrival.renewed(known)) is not known:
                self.renewed[subject] = renewed

    def nodes(self) -> dict[int, Node]:
        """The identifiers of the new subjects, as if nobody had seen them before."""
        first: dict[int, Node] = {}
        for subject in self.new:
            touchpoint = self.found[subject].first_touchpoint
            for role, kind, namespace, number in touchpoint.header.identifiers:
                if role == SELF and (number not in first or touchpoint.position < first[number].first_position):
                    first[number] = Node(number, kind, namespace, False, touchpoint.position)
        return first

    def authenticated_again(self) -> set[int]:
        """The identifiers of known subjects that may have authenticated."""
        again = (known.numbers for subject, known in self.known.items() if self.found[subject].authenticates)
        return {number for numbers in again for number in numbers}
