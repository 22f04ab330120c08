"""Settings: read once from the environment, in an entry point, into one frozen object."""

from __future__ import annotations

import dataclasses
import difflib
import re
import zoneinfo
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")

IGNORED_PREFIX = "CDP_TEST_"
"""Variables with this prefix belong to the tests; any other unknown `CDP_` variable is taken for a slip of the pen."""


PASSWORD = re.compile(r":[^:@/]*@")
"""A password inside a URL, which no message repeats."""


NO_SETTINGS = ("CDP_KEY_PASSPHRASE",)
"""Variables that one command reads; the others let them be."""


class InvalidSetting(ValueError):
    """An environment variable holds a value that the setting cannot take; the message says what it takes."""

    def __init__(self, variable: str, value: str, expected: str, remedy: str) -> None:
        shown = PASSWORD.sub(":…@", value)
        super().__init__(f"{variable}={shown!r}: expected {expected}. {remedy}")
        self.variable = variable


def _text(value: str) -> str:
    return value


def _path(value: str) -> Path:
    return Path(value).expanduser().absolute()


def _switch(value: str) -> bool:
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}
    if value.lower() not in words:
        raise ValueError("1 or 0")
    return words[value.lower()]


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            raise ValueError(f"a whole number from {low} to {high}")
        return int(value)

    return parse


def _seconds(value: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = -1
    if not 0.1 <= seconds <= 86_400:
        raise ValueError("seconds, from 0.1 to 86400")
    return seconds


def _url(value: str) -> str:
    if not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("a URL that starts with postgresql://")
    return value


def _region(value: str) -> str:
    if not (len(value) == 2 and value.isascii() and value.isalpha() and value.isupper()):
        raise ValueError("a country of two capital letters (ISO 3166-1), such as TR")
    return value


def _currency(value: str) -> str:
    if not (len(value) == 3 and value.isascii() and value.isalpha() and value.isupper()):
        raise ValueError("a currency of three capital letters (ISO 4217), such as TRY")
    return value


def _timezone(value: str) -> str:
    try:
        zoneinfo.ZoneInfo(value)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError) as error:
        raise ValueError("a time zone's name, such as Europe/Istanbul") from error
    return value


def _setting(variable: str, parse: Callable[[str], T], default: T, meaning: str) -> Any:
    metadata = {"variable": variable, "parse": parse, "meaning": meaning}
    return dataclasses.field(default=default, metadata=metadata, repr=parse is not _url)


KIB = 1024
MIB = 1024 * KIB


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Every setting of the platform. Times are in seconds, sizes in bytes. `docs/settings.md` says more of each."""

    home: Path = _setting("CDP_HOME", _path, Path(".cdp"), "the data folder: embedded PostgreSQL, master key, state")
    database_url: str | None = _setting(
        "DATABASE_URL", _url, None, "a PostgreSQL server to use in place of the embedded one"
    )
    log_url: str | None = _setting("CDP_LOG_URL", _url, None, "the log database, where it lives on a server of its own")
    vault_url: str | None = _setting(
        "CDP_VAULT_URL", _url, None, "the vault database, where it lives on a server of its own"
    )
    read_url: str | None = _setting(
        "CDP_READ_URL", _url, None, "the read database, where it lives on a server of its own"
    )
    key_file: Path | None = _setting("CDP_KEY_FILE", _path, None, "the master key; by default master.key in CDP_HOME")
    allow_weak_durability: bool = _setting(
        "CDP_ALLOW_WEAK_DURABILITY", _switch, False, "start though the server may lose what it has acknowledged"
    )
    pool_size: int = _setting(
        "CDP_POOL_SIZE", _number(1, 200), 8, "connections that one process opens to one database at most"
    )
    lock_timeout: float = _setting(
        "CDP_LOCK_TIMEOUT", _seconds, 5.0, "how long a statement waits for a lock, and a request for a connection"
    )
    transaction_timeout: float = _setting("CDP_TRANSACTION_TIMEOUT", _seconds, 30.0, "how long a transaction may take")
    idle_timeout: float = _setting("CDP_IDLE_TIMEOUT", _seconds, 15.0, "how long a transaction may be idle")

    host: str = _setting("CDP_HOST", _text, "127.0.0.1", "the address on which the API listens")
    port: int = _setting("CDP_PORT", _number(0, 65_535), 8000, "the port on which the API listens")
    workers: int = _setting("CDP_WORKERS", _number(1, 64), 1, "API worker processes")

    max_body_bytes: int = _setting("CDP_MAX_BODY_BYTES", _number(KIB, 256 * MIB), 4 * MIB, "a request body as sent")
    body_timeout: float = _setting("CDP_BODY_TIMEOUT", _seconds, 30.0, "how long a request may take to send its body")
    bodies_bytes: int = _setting(
        "CDP_BODIES_BYTES", _number(KIB, 4096 * MIB), 64 * MIB, "bytes of bodies that are read before it answers 503"
    )
    max_inflated_bytes: int = _setting(
        "CDP_MAX_INFLATED_BYTES", _number(KIB, 256 * MIB), 8 * MIB, "a compressed request body once inflated"
    )
    max_item_bytes: int = _setting("CDP_MAX_ITEM_BYTES", _number(KIB, 64 * MIB), 512 * KIB, "one touchpoint")
    max_items: int = _setting("CDP_MAX_ITEMS", _number(1, 100_000), 5_000, "touchpoints in one request")
    queue_items: int = _setting(
        "CDP_QUEUE_ITEMS", _number(1, 1_000_000), 20_000, "touchpoints that wait for their commit before it answers 503"
    )
    queue_bytes: int = _setting(
        "CDP_QUEUE_BYTES", _number(KIB, 4096 * MIB), 64 * MIB, "bytes that wait for their commit before it answers 503"
    )
    batch_items: int = _setting(
        "CDP_BATCH_ITEMS", _number(1, 50_000), 2_000, "touchpoints that one transaction commits at most"
    )

    default_region: str = _setting(
        "CDP_DEFAULT_REGION", _region, "TR", "the country of telephone numbers written without one"
    )
    timezone: str = _setting("CDP_TIMEZONE", _timezone, "Europe/Istanbul", "the zone in which a sales day begins")
    currency: str = _setting("CDP_CURRENCY", _currency, "TRY", "the shop's base currency, to which sales are converted")

    def __post_init__(self) -> None:
        object.__setattr__(self, "home", self.home.expanduser().absolute())

    @property
    def master_key(self) -> Path:
        """Where the master key lies."""
        return self.key_file or self.home / "master.key"

    @property
    def embedded(self) -> bool:
        """Whether any of the three databases lives on the embedded server."""
        return self.database_url is None and None in (self.log_url, self.vault_url, self.read_url)

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read every setting. An empty variable counts as absent.

        Raises InvalidSetting for a value that cannot be used and for a `CDP_` variable that is no setting.
        """
        known = {field.metadata["variable"]: field for field in dataclasses.fields(cls)}
        _refuse_unknown(environ, known)
        return cls(**{field.name: _read(field, environ[name]) for name, field in known.items() if environ.get(name)})

    def environment(self) -> dict[str, str]:
        """These settings as variables, for a child process; the ones at their default are left out."""
        changed = {
            field.metadata["variable"]: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if getattr(self, field.name) != field.default
        }
        return {name: str(int(value)) if isinstance(value, bool) else str(value) for name, value in changed.items()}


def _refuse_unknown(environ: Mapping[str, str], known: Mapping[str, object]) -> None:
    for name in environ:
        if name.startswith("CDP_") and not name.startswith(IGNORED_PREFIX) and name not in {*known, *NO_SETTINGS}:
            similar = difflib.get_close_matches(name, known, 1)
            remedy = f"Did you mean {similar[0]}?" if similar else "Unset it; docs/settings.md lists every setting."
            raise InvalidSetting(name, environ[name], "the name of a setting", remedy)


def _read(field: dataclasses.Field[Any], value: str) -> Any:
    try:
        return field.metadata["parse"](value)
    except ValueError as error:
        variable = field.metadata["variable"]
        remedy = f"Correct it or unset it to use the default ({field.default})."
        raise InvalidSetting(variable, value, str(error), remedy) from error
