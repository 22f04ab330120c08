"""The socket on which the API listens: opened by one process, shared by all workers."""

from __future__ import annotations

import errno
import socket
import urllib.request

from cdp.settings import Settings

BACKLOG = 2048


class PortTaken(RuntimeError):
    """The address cannot be listened on."""


def listen(settings: Settings, inherited: int | None = None) -> socket.socket:
    """A listening socket: the inherited file descriptor, else a new one. Raises PortTaken."""
    if inherited is not None:
        return socket.socket(fileno=inherited)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTaken(_explained(settings, error)) from error
    return listener


def url_of(listener: socket.socket) -> str:
    """The URL under which this machine reaches the socket."""
    host, port = listener.getsockname()[:2]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def answers(url: str) -> bool:
    """Whether the API answers that it lives."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=2) as answer:  # noqa: S310 - our own http URL
            return bool(answer.status == 200)
    except OSError:
        return False


def _explained(settings: Settings, error: OSError) -> str:
    at = f"port {settings.port} on {settings.host}"
    if error.errno == errno.EADDRINUSE:
        return f"{at} is in use by another program. Choose another with --port or CDP_PORT; 0 takes a free one."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"{at} may not be used by this account. Choose a port above 1023 with --port or CDP_PORT."
    return f"cannot listen on {at}: {error.strerror or error}. Correct --host (CDP_HOST) or --port (CDP_PORT)."
