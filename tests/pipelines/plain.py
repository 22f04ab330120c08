"""An engine of a few lines: what any pipeline engine does with work, in this process and one after the other."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing

from pipelines.archive.reading import Portion
from pipelines.output import write_parts
from pipelines.work import Made, Packet, Work


def plain_engine(work: Work, portions: Sequence[Portion]) -> None:
    """Carries work out, with a fresh worker for each element so that none can lean on another."""
    buckets: defaultdict[str, list[bytes]] = defaultdict(list)
    noted: list[bytes] = []

    def take(made: Iterable[Made]) -> None:
        for each in made:
            if isinstance(each, Packet):
                buckets[each.address].append(each.content)
            else:
                noted.append(each.noted)

    for portion in portions:
        with closing(work.worker()) as worker:
            take(worker.extract(portion))
            take(worker.finish())
    for level in range(1, work.depth + 1):
        for address in [each for each in buckets if each.startswith(f"{level}/")]:
            with closing(work.worker()) as worker:
                take(worker.step(address, reversed(buckets[address])))
                take(worker.finish())
    write_parts(work.folder, noted)
