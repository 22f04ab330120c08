"""Sources and service tokens: facts of the log, secrets only as hashes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import pytest

from cdp.log.events import RecordedEvent
from cdp.log.mapper import PartsMapper
from cdp.platform import Platform
from cdp.postgres.databases import Databases
from cdp.registry import Registry
from cdp.settings import Settings
from cdp.setup import InvalidSetup, NameTaken, NotSetUp
from cdp.sources.source import Source


@pytest.fixture
def platform(settings: Settings, databases: Databases) -> Iterator[Platform]:
    yield Platform.over(settings, databases)


def stored(platform: Platform) -> bytes:
    """Everything that the log holds in the clear, and its ciphertexts."""
    return b"".join(event.header + (event.personal or b"") for event in platform.reader.read(0, 1000))


def test_a_write_key_admits_its_source(platform: Platform) -> None:
    key = platform.sources.add(
        "shop", channel="web", actor="ayse", namespaces={"loyalty_card": "club"}, brand="Kahveci"
    )
    credential = platform.registry.credential(key)
    assert credential is not None
    source = credential.source
    assert (source.name, source.channel, source.brand, source.created_by) == ("shop", "web", "Kahveci", "ayse")
    assert source.namespace("loyalty_card") == "club"
    assert source.namespace("user_id") == "shop"
    assert source.namespace("email") == "global"
    assert platform.registry.credential("wk_other") is None


def test_neither_secret_nor_actor_is_stored_in_the_clear(platform: Platform) -> None:
    key = platform.sources.add("shop", channel="web", actor="ayse")
    token = platform.tokens.create("bi", scopes=["sales:read"], actor="ayse")
    for secret in (key, token, "ayse"):
        assert secret.encode() not in stored(platform)


def test_another_process_knows_at_its_next_look(platform: Platform, databases: Databases, settings: Settings) -> None:
    other = Platform.over(settings, databases)
    key = platform.sources.add("shop", channel="web", actor="ayse")
    assert other.registry.credential(key) is None
    other.registry.refresh()
    assert other.registry.credential(key) is not None


def test_an_old_key_is_valid_for_the_grace(platform: Platform) -> None:
    now = datetime.now(UTC)
    old = platform.sources.add("shop", channel="web", actor="ayse")
    new = platform.sources.rotate_key("shop", actor="mehmet", grace=timedelta(hours=1))
    assert platform.registry.credential(old) is not None
    assert platform.registry.credential(new) is not None
    later = Registry(platform.reader, platform.log.mapper, clock=lambda: now + timedelta(hours=2))
    later.refresh()
    assert later.credential(old) is None
    assert later.credential(new) is not None


def test_a_later_rotation_never_prolongs_an_old_key(platform: Platform) -> None:
    old = platform.sources.add("shop", channel="web", actor="ayse")
    platform.sources.rotate_key("shop", actor="ayse", grace=timedelta(0))
    platform.sources.rotate_key("shop", actor="ayse", grace=timedelta(days=9))
    assert platform.registry.credential(old) is None


def test_a_disabled_source_is_refused_and_can_be_disabled_again(platform: Platform) -> None:
    key = platform.sources.add("shop", channel="web", actor="ayse")
    platform.sources.disable("shop", actor="ayse")
    platform.sources.disable("shop", actor="ayse")
    assert platform.registry.credential(key) is None
    assert len(platform.reader.read(0, 10)) == 2


def test_the_log_tells_who_did_what_and_when(platform: Platform) -> None:
    platform.sources.add("shop", channel="web", actor="ayse")
    platform.sources.rotate_key("shop", actor="mehmet")
    platform.sources.disable("shop", actor="zeynep")
    events = platform.log.events.get(Source.create_id("shop"))
    assert [(type(event).__name__, vars(event)["actor"]) for event in events] == [
        ("Created", "ayse"),
        ("WriteKeyRotated", "mehmet"),
        ("Disabled", "zeynep"),
    ]


def test_an_actor_whose_key_is_gone_reads_as_none(platform: Platform) -> None:
    platform.sources.add("shop", channel="web", actor="ayse")
    assert isinstance(platform.log.mapper, PartsMapper)
    with platform.databases.vault.connection() as connection:
        keys = connection.execute("select id from subject_key").fetchall()
    for (key,) in keys:
        platform.vault.destroy_subject_key(key)
    (created,) = platform.log.events.get(Source.create_id("shop"))
    assert vars(created)["actor"] is None
    assert vars(created)["name"] == "shop"


def test_a_name_is_given_once(platform: Platform) -> None:
    platform.sources.add("shop", channel="web", actor="ayse")
    with pytest.raises(NameTaken, match="'shop'"):
        platform.sources.add("shop", channel="store", actor="ayse")
    platform.tokens.create("bi", scopes=[], actor="ayse")
    with pytest.raises(NameTaken):
        platform.tokens.create("bi", scopes=[], actor="ayse")


@pytest.mark.parametrize(
    ("name", "options", "expected"),
    [
        ("Shop!", {"channel": "web"}, "'Shop!'"),
        ("", {"channel": "web"}, "''"),
        ("shop", {"channel": "fax"}, "'fax'.*call_center"),
        ("shop", {"channel": "web", "trust": "blind"}, "'blind'.*public"),
    ],
)
def test_what_cannot_be_set_up_is_named_with_what_was_expected(
    platform: Platform, name: str, options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(InvalidSetup, match=expected):
        platform.sources.add(name, actor="ayse", **options)
    assert platform.reader.read(0, 10) == []


def test_what_is_not_there_is_named(platform: Platform) -> None:
    for act in (platform.sources.get, lambda name: platform.sources.disable(name, actor="x")):
        with pytest.raises(NotSetUp, match="'shop'"):
            act("shop")
    with pytest.raises(NotSetUp):
        platform.tokens.revoke("bi", actor="x")
    with pytest.raises(InvalidSetup, match="scope 'everything'"):
        platform.tokens.create("bi", scopes=["everything"], actor="x")


def test_a_token_opens_its_scopes_until_revoked(platform: Platform) -> None:
    secret = platform.tokens.create("bi", scopes=["sales:read"], actor="ayse")
    token = platform.registry.token(secret)
    assert token is not None
    assert (token.name, token.scopes) == ("bi", frozenset({"sales:read"}))
    platform.tokens.revoke("bi", actor="ayse")
    platform.tokens.revoke("bi", actor="ayse")
    assert platform.registry.token(secret) is None


def test_many_who_wait_for_one_reading_cause_one(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    asked_at = monotonic()
    key = platform.sources.add("shop", channel="web", actor="ayse")
    readings: list[int] = []
    real = platform.reader.read_control

    def counted(after: int) -> list[RecordedEvent]:
        readings.append(after)
        return real(after)

    monkeypatch.setattr(platform.reader, "read_control", counted)
    for _ in range(10):
        platform.registry.refresh(since=asked_at)
    assert readings == []
    platform.registry.refresh(since=monotonic())
    assert len(readings) == 1
    assert platform.registry.credential(key) is not None
