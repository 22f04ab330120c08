"""A file from its first row to its last: read once to see that all of it can be, then as items."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from cdp.imports.occurrences import Occurrences
from cdp.sources.files.building import Builder, Item
from cdp.sources.files.grouping import Grouped, Grouping
from cdp.sources.files.kinds import holds
from cdp.sources.files.mapping import FileMapping, Skip
from cdp.sources.files.opening import open_file
from cdp.sources.files.portion import Portion, Progress

Report = Callable[[Progress], None]


class Reading:
    """One file with one mapping. The same file gives the same items in the same order."""

    def __init__(self, path: Path, mapping: FileMapping) -> None:
        self._path = path
        self._mapping = mapping
        self._file = open_file(path, mapping)
        self._builder = Builder(mapping, path.name)
        self._occurrences = Occurrences() if mapping.key is None else None
        self._portions: Generator[Portion, None, None] | None = None
        self.rows = 0
        self.blank = 0
        self.skipped: Counter[str] = Counter()

    def survey(self, report: Report) -> None:
        """Reads the whole file, so that what is wrong with it is known before anything is stored.

        Raises `FileProblem`.
        """
        for grouped in self._groups(report):
            if self._occurrences is not None and grouped.groups:
                self._occurrences.add(self._builder.contents(grouped))

    def items(self, report: Report) -> Iterator[Item]:
        """All items, in the order of their first rows."""
        for grouped in self._groups(report):
            ordinals = None if self._occurrences is None else self._occurrences.next(grouped.groups)
            yield from self._builder.items(grouped, ordinals)

    def close(self) -> None:
        """Lets the file and temporary ones go."""
        if self._portions is not None:
            self._portions.close()
        if self._occurrences is not None:
            self._occurrences.close()

    def _groups(self, report: Report) -> Iterator[Grouped]:
        self.rows, self.blank = 0, 0
        self.skipped.clear()
        grouping = Grouping(self._path, self._mapping.group)
        self._portions = self._file.portions()
        for portion in self._portions:
            self.rows += len(portion) + len(portion.broken) + portion.blank
            self.blank += portion.blank
            yield grouping.take(self._kept(portion))
            report(self._file.progress)
        last = grouping.finish()
        if last is not None:
            yield last

    def _kept(self, portion: Portion) -> Portion:
        """The rows that no filter leaves out."""
        for skip in self._mapping.skips:
            left_out = _all_hold(skip, portion)
            count = pc.sum(left_out).as_py() or 0
            if count:
                self.skipped[skip.because] += count
                kept = portion.take(pc.indices_nonzero(pc.invert(left_out)))
                portion = replace(kept, broken=portion.broken, blank=portion.blank)
        return portion


def _all_hold(skip: Skip, portion: Portion) -> Any:
    first, *others = [holds(each, portion.columns[each.column].texts) for each in skip.conditions]
    for each in others:
        first = pc.and_(first, each)
    return first
