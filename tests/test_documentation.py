"""Every command, route, setting and reason is documented."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.app import create_app
from api.cli.main import SUBCOMMANDS, load
from cdp.settings import Settings
from cdp.sources.rejection import Reason

DOCS = Path(__file__).parent.parent / "docs"
FRAMEWORK = {"/openapi.json", "/docs", "/docs/oauth2-redirect", "/redoc"}


def routes() -> set[str]:
    found = set()
    for route in create_app(Settings()).openapi()["paths"]:
        found.add(route)
    for route in create_app(Settings()).routes:
        path = getattr(route, "path", None)
        if path is not None:
            found.add(path)
    return found - FRAMEWORK


@pytest.mark.parametrize("path", sorted(routes()))
def test_every_route_is_documented(path: str) -> None:
    text = (DOCS / "collection-api.md").read_text() + (DOCS / "query-api.md").read_text()
    assert f"{path}`" in text or f"{path}?" in text


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_every_command_is_documented(name: str) -> None:
    text = (DOCS / "commands.md").read_text()
    assert f"`cdp {name}" in text
    for subcommand in getattr(load(name), "commands", {}):
        assert f"`{subcommand}`" in text or f"`cdp {name} {subcommand}`" in text


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_is_documented(reason: Reason) -> None:
    assert f"`{reason.value}`" in (DOCS / "collection-api.md").read_text()
