"""The compose file agrees with the settings, the commands and the image; there need be no Docker to know that."""

from __future__ import annotations

import dataclasses
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.cli.main import SUBCOMMANDS
from cdp.postgres.durability import OLDEST_VERSION
from cdp.settings import Settings

ROOT = Path(__file__).parents[1]
VARIABLES = {field.metadata["variable"] for field in dataclasses.fields(Settings)}
OURS = ("api", "projector")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    assert isinstance(loaded, dict)
    return loaded


def settings_of(service: Mapping[str, Any]) -> Settings:
    environment = {name: str(value) for name, value in service["environment"].items()}
    return Settings.from_environment({**image_environment(), **environment})


def image_environment() -> dict[str, str]:
    text = (ROOT / "Dockerfile").read_text()
    words = [word for line in re.findall(r"^ENV (.*)$", text, re.MULTILINE) for word in shlex.split(line)]
    variables = dict(word.split("=", 1) for word in words)
    return {name: value for name, value in variables.items() if name in VARIABLES or name.startswith("CDP_")}


def test_it_runs_postgresql_the_api_and_the_projector_from_one_image(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert set(services) == {"postgres", *OURS}
    assert len({(services[name]["image"], services[name]["build"]) for name in OURS}) == 1


def test_the_postgresql_image_is_new_enough(compose: dict[str, Any]) -> None:
    image, _, version = compose["services"]["postgres"]["image"].partition(":")
    assert image == "postgres"
    assert int(version) * 10_000 >= OLDEST_VERSION


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_with_a_value_that_it_takes(compose: dict[str, Any], name: str) -> None:
    service = compose["services"][name]
    assert set(service["environment"]) <= VARIABLES
    assert not settings_of(service).embedded


@pytest.mark.parametrize("name", OURS)
def test_the_command_is_one_of_cdp(compose: dict[str, Any], name: str) -> None:
    program, subcommand, *_ = compose["services"][name]["command"]
    assert program == "cdp"
    assert subcommand in SUBCOMMANDS


def test_ports_agree(compose: dict[str, Any]) -> None:
    api = compose["services"]["api"]
    settings = settings_of(api)
    (published,) = api["ports"]
    assert settings.host == "0.0.0.0"
    assert published.rpartition(":")[2] == str(settings.port)
    assert f":{settings.port}/readyz" in api["healthcheck"]["test"][-1]
    assert f"EXPOSE {settings.port}" in (ROOT / "Dockerfile").read_text()


def test_both_reach_the_same_server_and_the_same_master_key(compose: dict[str, Any]) -> None:
    services = compose["services"]
    assert len({services[name]["environment"]["DATABASE_URL"] for name in OURS}) == 1
    for name in OURS:
        settings = settings_of(services[name])
        (volume,) = services[name]["volumes"]
        source, _, target = volume.partition(":")
        assert source in compose["volumes"]
        assert settings.master_key.is_relative_to(target)
    assert "@postgres:5432/" in services["api"]["environment"]["DATABASE_URL"]


def test_services_start_in_order_and_what_is_durable_is_in_a_volume(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in OURS:
        for needed, how in services[name]["depends_on"].items():
            assert how == {"condition": "service_healthy"}
            assert "healthcheck" in services[needed]
    assert services["postgres"]["volumes"] == ["postgres:/var/lib/postgresql"]


def test_the_image_has_what_is_imported() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE))
    names = {name for line in copied for name in line.split()}
    assert {"cdp", "projections", "pipelines", "api", "requirements.txt", "pyproject.toml"} <= names
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert {f"!{name}" for name in names} <= set(ignored)
