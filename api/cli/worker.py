"""One API worker process."""

from __future__ import annotations

import gc
import socket
import sys

import uvicorn

KEEP_ALIVE_SECONDS = 75
FINISH_SECONDS = 15


SWITCH_SECONDS = 0.0005
"""How long a thread that reads and seals may keep the interpreter from the one that serves requests."""

YOUNG_OBJECTS = 100_000
"""Objects made before the collector of cycles looks: by default it looks after each second request, and again at all
that the vault's caches hold."""


def run_worker(listener: socket.socket) -> None:
    """Serve the API on a listening socket until SIGINT or SIGTERM; requests under way are finished."""
    config = uvicorn.Config(
        "api.app:create_server",
        factory=True,
        loop="uvloop",
        http="httptools",
        ws="none",
        lifespan="on",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=FINISH_SECONDS,
    )
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(YOUNG_OBJECTS, 50, 100)
    uvicorn.Server(config).run(sockets=[listener])
