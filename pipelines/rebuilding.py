"""Doing work over the archive: checking what is read, running the pipeline, giving the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipelines.archive.manifest import existing_manifest
from pipelines.archive.reading import check_digest, portions
from pipelines.output import Rebuilt, write_parts
from pipelines.runner import required, run
from pipelines.work import Work


def carry_out(archive: Path, work: Work, arguments: str = "") -> Rebuilt:
    """Does some work over the archive's events up to its position, in the folder that it names.

    `arguments` go to Beam. Raises BeamMissing, NoArchive, ManifestInvalid, SegmentDamaged and PipelineFailed.
    """
    required()
    manifest = existing_manifest(archive)
    for segment in manifest.segments:
        if segment.first <= work.up_to:
            check_digest(archive, segment)
    folder = Path(work.folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_parts(work.folder, [])
    found = list(portions(archive, manifest, work.up_to))

    def construct(pipeline: Any) -> None:
        from pipelines.flow import build

        build(pipeline, work, found)

    run(construct, arguments)
    return Rebuilt(folder)
