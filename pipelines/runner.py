"""Running pipelines: the one place that says which engine does it, and where Apache Beam is imported at all."""

from __future__ import annotations

import importlib.util
import logging
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from cdp.garbage import fewer_collections
from pipelines.archive.reading import Portion
from pipelines.work import Work

EMBEDDED = (
    "--runner=apache_beam.runners.portability.fn_api_runner.FnApiRunner",
    "--direct_running_mode=in_memory",
)
"""The engine inside this process. It is always named: Beam's default tries to fetch another one from the internet."""


class BeamMissing(Exception):
    """Apache Beam is not installed."""

    def __init__(self) -> None:
        super().__init__("Apache Beam is not installed; pipelines need it: pip install 'cdp[pipelines]'")


REFUSED = {
    "--direct_": "with several workers the embedded engine loses rows without a word: they race for its buffers",
    "--runner=Direct": "it fetches another engine from the internet before it begins",
    "--runner=Prism": "it fetches its program from the internet before it begins",
    "--runner=Dask": "it loses rows without a word",
}
"""The beginnings of options that are not offered, and why; each was measured."""


class EngineRefused(Exception):
    """An engine was asked for that gives other results, or none."""

    def __init__(self, option: str, reason: str) -> None:
        super().__init__(
            f"{option} is refused: {reason}. Leave it out to use the embedded engine with one worker, or name one for "
            "many machines, such as --runner=FlinkRunner"
        )


class PipelineFailed(Exception):
    """A pipeline did not come to its end."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the pipeline failed: {reason}")


@dataclass(frozen=True)
class Beam:
    """Apache Beam, on the embedded engine unless `arguments`, in Beam's own words, name another."""

    arguments: str = ""

    def __call__(self, work: Work, portions: Sequence[Portion]) -> None:
        """Carries work out to its end. Raises BeamMissing, EngineRefused and PipelineFailed."""
        with _import_quietly():
            from apache_beam import Pipeline
            from apache_beam.options.pipeline_options import PipelineOptions

            from pipelines.flow import build

        pipeline = Pipeline(options=PipelineOptions(options(self.arguments)))
        build(pipeline, work, portions)
        try:
            with fewer_collections():
                pipeline.run().wait_until_finish()
        except Exception as error:  # whatever a worker raised arrives here, as the engine's own error or in its text
            raise PipelineFailed(_reason(error)) from error


def options(arguments: str = "") -> Sequence[str]:
    """The options of a run; what comes later counts. Raises EngineRefused."""
    chosen = shlex.split(arguments)
    for option in chosen:
        for beginning, reason in REFUSED.items():
            if option.startswith(beginning):
                raise EngineRefused(option, reason)
    return [*EMBEDDED, *chosen]


@contextmanager
def _import_quietly() -> Iterator[None]:
    """Beam warns of clients for clouds that nobody asked for. Raises BeamMissing."""
    if importlib.util.find_spec("apache_beam") is None:
        raise BeamMissing
    disabled = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(disabled)


def _reason(error: Exception) -> str:
    """The last line of what a worker said, which names the error; engines put a whole traceback into their own."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    told = [line for line in lines if not line.startswith(("[while running", "File ", "During handling"))]
    return told[-1] if told else type(error).__name__
