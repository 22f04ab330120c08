"""Settings: their defaults, what they refuse and how they say so, and that each is documented."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from cdp.settings import InvalidSetting, Settings

DOCUMENT = (Path(__file__).parents[1] / "docs" / "settings.md").read_text()
ROWS = dict(re.findall(r"^\| `([A-Z_]+)` \|(?: `([^`]*)`)? \|", DOCUMENT, re.MULTILINE))


def test_every_setting_is_documented_with_its_default() -> None:
    defaults = {
        field.metadata["variable"]: ("" if field.default is None else str(_plain(field.default)))
        for field in dataclasses.fields(Settings)
    }
    assert defaults == ROWS


def _plain(value: object) -> object:
    return int(value) if isinstance(value, bool) else value


def test_nothing_set_gives_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment(
        {"PATH": "/bin", "CDP_PORT": "", "CDP_TEST_DATA": "/data", "CDP_KEY_PASSPHRASE": "x"}
    )
    assert settings == Settings()
    assert settings.home == tmp_path / ".cdp"
    assert settings.master_key == tmp_path / ".cdp" / "master.key"
    assert settings.embedded


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("CDP_PORT", "eighty", "CDP_PORT='eighty': expected a whole number from 0 to 65535"),
        ("CDP_PORT", "65536", "to 65535"),
        ("CDP_WORKERS", "0", "a whole number from 1 to 64"),
        ("CDP_WORKERS", "²", "a whole number from 1 to 64"),
        ("CDP_LOCK_TIMEOUT", "nan", "seconds, from 0.1 to 86400"),
        ("CDP_LOCK_TIMEOUT", "soon", "seconds, from 0.1 to 86400"),
        ("CDP_ALLOW_WEAK_DURABILITY", "maybe", "expected 1 or 0"),
        ("DATABASE_URL", "mysql://there", "starts with postgresql://"),
        ("CDP_DEFAULT_REGION", "Türkiye", "two capital letters"),
        ("CDP_TIMEZONE", "Europe/Nowhere", "a time zone's name"),
        ("CDP_TIMEZONE", "../etc/passwd", "a time zone's name"),
        ("CDP_PRT", "80", "Did you mean CDP_PORT"),
        ("CDP_SOMETHING_ELSE", "1", "docs/settings.md"),
    ],
)
def test_what_cannot_be_used_is_refused(variable: str, value: str, message: str) -> None:
    with pytest.raises(InvalidSetting, match=re.escape(message)) as raised:
        Settings.from_environment({variable: value})
    assert raised.value.variable == variable


def test_a_child_process_reads_the_same_settings(tmp_path: Path) -> None:
    settings = Settings(
        home=tmp_path, port=81, allow_weak_durability=True, lock_timeout=0.5, read_url="postgresql://there/read"
    )
    assert Settings.from_environment(settings.environment()) == settings


def test_the_embedded_server_is_used_for_any_database_without_a_url() -> None:
    here = "postgresql://here/log"
    assert not Settings(database_url=here).embedded
    assert not Settings(log_url=here, vault_url=here, read_url=here).embedded
    assert Settings(log_url=here, read_url=here).embedded


def test_a_message_never_repeats_a_password() -> None:
    with pytest.raises(InvalidSetting) as raised:
        Settings.from_environment({"CDP_VAULT_URL": "postgres//me:secret@there/vault"})
    assert "secret" not in str(raised.value)
