"""`cdp key`, as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli.main import app
from cdp.settings import Settings
from cdp.vault.head import Pool
from cdp.vault.keyring import KeyRing
from cdp.vault.vault import Vault
from tests.vault.people import emails


@pytest.fixture
def opened(pool: Pool, settings: Settings) -> Vault:
    """A vault whose key file is where the settings say, with some identifiers."""
    vault = Vault.open(pool, settings.master_key)
    vault.numbers(emails(30))
    return vault


def run(settings: Settings, *arguments: str, passphrase: str = "", typed: str = "") -> Result:
    """The command's result."""
    environment: dict[str, str | None] = {**settings.environment(), "COLUMNS": "200"}
    if passphrase:
        environment["CDP_KEY_PASSPHRASE"] = passphrase
    return CliRunner().invoke(app, ["key", *arguments], env=environment, input=typed)


def test_show_counts_and_keeps_the_secrets(opened: Vault, settings: Settings) -> None:
    result = run(settings, "show")
    assert result.exit_code == 0, result.output
    assert str(opened.keyring.id) in result.output
    assert "identifier 30" in result.output
    text = settings.master_key.read_text()
    secrets = [line.split('"')[3] for line in text.splitlines() if '="' in line]
    assert len(secrets) == 7
    assert not [secret for secret in secrets if secret in result.output]


def test_rotate_then_show(opened: Vault, settings: Settings) -> None:
    for arguments, expected in ((["rotate"], "master key 2"), (["rotate", "--pepper"], "pepper 2")):
        result = run(settings, *arguments)
        assert result.exit_code == 0, result.output
        assert f"{expected} is in use, 30 rows changed" in result.output
    assert "2 (in use)" in run(settings, "show").output
    assert len(opened.values(opened.numbers(emails(30)).values())) == 30


@pytest.mark.parametrize("passphrase", ["", "correct horse"])
@pytest.mark.slow
def test_back_up_lose_and_restore(opened: Vault, settings: Settings, tmp_path: Path, passphrase: str) -> None:
    copy = tmp_path / "copy"
    assert run(settings, "backup", str(copy), passphrase=passphrase).exit_code == 0
    refused = run(settings, "backup", str(copy), passphrase=passphrase)
    assert refused.exit_code == 1
    assert "exists" in refused.output
    settings.master_key.unlink()
    lost = run(settings, "show")
    assert lost.exit_code == 1
    assert "cdp key restore" in lost.output
    restored = run(settings, "restore", str(copy), passphrase=passphrase)
    assert restored.exit_code == 0, restored.output
    assert KeyRing.load(settings.master_key).contents == opened.keyring.contents


@pytest.mark.slow
def test_a_passphrase_can_be_typed(opened: Vault, settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    assert run(settings, "backup", str(copy), "--passphrase", typed="one\none\n").exit_code == 0
    settings.master_key.unlink()
    wrong = run(settings, "restore", str(copy), typed="two\n")
    assert wrong.exit_code == 1
    assert "passphrase" in wrong.output
    assert run(settings, "restore", str(copy), typed="one\n").exit_code == 0


def test_another_vaults_backup_is_refused(opened: Vault, settings: Settings, tmp_path: Path) -> None:
    KeyRing.create(tmp_path / "other")
    settings.master_key.unlink()
    result = run(settings, "restore", str(tmp_path / "other"))
    assert result.exit_code == 1
    assert str(opened.keyring.id) in result.output
    assert not settings.master_key.exists()


def test_a_backup_from_before_a_rotation_is_called_too_old(opened: Vault, settings: Settings, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    run(settings, "backup", str(copy))
    run(settings, "rotate")
    settings.master_key.unlink()
    result = run(settings, "restore", str(copy))
    assert result.exit_code == 1
    assert "master key 2" in result.output
