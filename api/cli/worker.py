"""One API worker process."""

from __future__ import annotations

import socket

import uvicorn

KEEP_ALIVE_SECONDS = 75
FINISH_SECONDS = 15


def run_worker(listener: socket.socket) -> None:
    """Serve the API on a listening socket until SIGINT or SIGTERM; requests under way are finished."""
    config = uvicorn.Config(
        "api.app:create_app",
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
    uvicorn.Server(config).run(sockets=[listener])
