"""The names of a file's columns against those that a mapping reads: none may be missing, none may be overlooked."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence
from pathlib import Path

from cdp.sources.files.mapping import FileMapping
from cdp.sources.files.problem import FileProblem

EVERYTHING_ELSE = "*"


def check_columns(path: Path, names: Sequence[str], mapping: FileMapping, row: int | None = 1) -> None:
    """Raises `FileProblem` for a column that is missing, stands there twice, or that the mapping says nothing of."""
    _check_missing(path, names, mapping.columns, row)
    used = set(mapping.columns)
    twice = sorted({name for name in names if name in used and names.count(name) > 1})
    if twice:
        remedy = "Rename one of them, or name all columns under [file] columns."
        raise FileProblem(path, f"the column {twice[0]!r} is there twice", remedy, row)
    check_overlooked(path, names, mapping, row)


def check_overlooked(path: Path, names: Collection[str], mapping: FileMapping, row: int | None) -> None:
    """Raises `FileProblem` for columns that the mapping neither uses nor ignores by name."""
    used = set(mapping.columns) | {name.partition(".")[0] for name in mapping.columns}
    overlooked = [name for name in names if name not in used and name not in mapping.ignored]
    if overlooked and EVERYTHING_ELSE not in mapping.ignored:
        listed = ", ".join(repr(name) for name in overlooked[:10])
        remedy = (
            'Map them, or list them in the mapping: ignore = [...]; ignore = ["*"] leaves out whatever it does not use.'
        )
        raise FileProblem(path, f"the mapping says nothing of {listed}", remedy, row)


def _check_missing(path: Path, names: Sequence[str], needed: Sequence[str], row: int | None) -> None:
    missing = [name for name in needed if name not in names]
    if not missing:
        return
    similar = difflib.get_close_matches(missing[0], names, 1, 0.7)
    hint = f"Did you mean {similar[0]!r}?" if similar else "Correct the mapping, or the separator under [file]."
    listed = ", ".join(repr(name) for name in missing)
    found = ", ".join(repr(name) for name in names[:20])
    raise FileProblem(path, f"the column {listed} is missing; there are {found}", hint, row)
