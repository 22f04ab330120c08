"""Doing work over the archive: checking what is read, having an engine carry it out, giving the results."""

from __future__ import annotations

import shutil
from pathlib import Path

from pipelines.archive.manifest import existing_manifest
from pipelines.archive.reading import check_digest, portions
from pipelines.output import Rebuilt, write_parts
from pipelines.spill import FOLDER as SPILLED
from pipelines.work import Engine, Work


def carry_out(archive: Path, work: Work, engine: Engine) -> Rebuilt:
    """Does some work over the archive's events up to its position, in the folder that it names.

    Raises NoArchive, ManifestInvalid, SegmentDamaged, and the engine's errors.
    """
    manifest = existing_manifest(archive)
    for segment in manifest.segments:
        if segment.first <= work.up_to:
            check_digest(archive, segment)
    folder = Path(work.folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_parts(work.folder, [])
    try:
        engine(work, list(portions(archive, manifest, work.up_to)))
    finally:
        shutil.rmtree(folder / SPILLED, ignore_errors=True)
    return Rebuilt(folder)
