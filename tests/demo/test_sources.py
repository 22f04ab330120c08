"""A second demo finds its sources and its keys, and leaves no trace in the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.demo.access import FILE
from api.demo.items import CARD, CARD_NAMESPACE
from api.demo.sources import SOURCES, service_token, write_keys
from api.demo.summary import Added, added
from cdp.access import SCOPES
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.settings import Settings


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Platform:
    return Platform.over(settings, databases)


def test_the_first_demo_sets_up_all_sources(platform: Platform, tmp_path: Path) -> None:
    keys = write_keys(platform, tmp_path)

    found = {source.name: source for source in platform.registry.sources()}
    assert {name: source.channel for name, source in found.items()} == dict(SOURCES)
    assert {source.namespace(CARD) for source in found.values()} == {CARD_NAMESPACE}
    for name, key in keys.items():
        credential = platform.registry.credential(key)
        assert credential is not None
        assert credential.source.name == name


def test_the_second_demo_adds_nothing(platform: Platform, tmp_path: Path) -> None:
    keys = write_keys(platform, tmp_path)
    head = platform.reader.head()

    assert write_keys(platform, tmp_path) == keys
    assert platform.reader.head() == head


def test_lost_keys_are_replaced_at_once(platform: Platform, tmp_path: Path) -> None:
    old = write_keys(platform, tmp_path)
    (tmp_path / FILE).unlink()

    new = write_keys(platform, tmp_path)

    assert not any(platform.registry.credential(key) for key in old.values())
    assert all(platform.registry.credential(key) for key in new.values())


def test_the_token_reads_and_is_kept(platform: Platform, tmp_path: Path) -> None:
    secret = service_token(platform, tmp_path)

    token = platform.registry.token(secret)
    assert token is not None
    assert token.name == "demo"
    assert token.scopes == {scope for scope in SCOPES if scope.endswith(":read")}
    assert service_token(platform, tmp_path) == secret


def test_a_lost_token_gets_a_successor(platform: Platform, tmp_path: Path) -> None:
    service_token(platform, tmp_path)
    (tmp_path / FILE).unlink()

    token = platform.registry.token(service_token(platform, tmp_path))

    assert token is not None
    assert token.name == "demo-2"


def test_what_is_new_is_the_difference_of_the_counts() -> None:
    before = {"store-tills": Added(10, 2)}
    after = {"store-tills": Added(10, 12), "web-synthetic": Added(5, 0)}

    assert added(before, after) == Added(5, 10)
