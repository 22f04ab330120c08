"""The configuration of the embedded server.

`cdp.conf` is written before every start; what `alter system` sets goes before it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import psutil

SETTINGS = {
    "cluster_name": "cdp",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # what is acknowledged is on the disk
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    # few, spread checkpoints: after each, the first change of a page writes the whole page to the WAL
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "max_wal_size": "4GB",
    "min_wal_size": "256MB",
    "wal_buffers": "16MB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # an error's statement, detail and context can hold rows: they are personal data and stay out of the log
    "log_min_error_statement": "panic",
    "log_error_verbosity": "terse",
    "log_checkpoints": "off",
}

LEAST_BUFFERS = 128 * 2**20
MOST_BUFFERS = 2**30
LIMIT_OF_THE_GROUP = Path("/sys/fs/cgroup/memory.max")


def write_configuration(file: Path, sockets: Path) -> None:
    """Write the server's settings, the folder of its socket among them."""
    directories = '"' + str(sockets).replace('"', '""') + '"'
    settings = {**SETTINGS, **sized(memory()), "unix_socket_directories": directories}
    lines = ["# written by cdp before every start; use `alter system` to change a setting"]
    lines += [f"{name} = {_quoted(value)}" for name, value in settings.items()]
    unfinished = file.with_suffix(".unfinished")
    unfinished.write_text("\n".join(lines) + "\n")
    unfinished.chmod(0o644)
    unfinished.rename(file)


def sized(memory: int) -> dict[str, str]:
    """The settings that depend on how many bytes of memory there are, which PostgreSQL shares with API and projector.

    What is written all over an index, as identifiers are, is dear as soon as the index does not fit the buffers.
    """
    buffers = min(max(memory // 16, LEAST_BUFFERS), MOST_BUFFERS)
    return {"shared_buffers": f"{buffers >> 20}MB", "effective_cache_size": f"{memory // 2 >> 20}MB"}


def memory() -> int:
    """The bytes of memory that this process may use: the machine's, or fewer in a container that has a limit."""
    machine: int = psutil.virtual_memory().total
    with contextlib.suppress(OSError, ValueError):
        return min(machine, int(LIMIT_OF_THE_GROUP.read_text()))
    return machine


def _quoted(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"
