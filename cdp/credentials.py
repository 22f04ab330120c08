"""Secrets that are shown once and kept only as a hash: write keys of sources and service tokens."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import NamedTuple

_ENTROPY_BYTES = 32


class NewSecret(NamedTuple):
    """A secret just made: show `text` once, keep `digest`."""

    text: str
    credential_id: str
    digest: str


def new_secret(prefix: str) -> NewSecret:
    """A random secret of 256 bits and an id by which it is named; neither tells the other."""
    text = f"{prefix}_{secrets.token_urlsafe(_ENTROPY_BYTES)}"
    return NewSecret(text, f"{prefix}_{secrets.token_hex(6)}", digest(text))


def digest(secret: str) -> str:
    """SHA-256 in hexadecimal. No salt: the secret has 256 random bits, so there is nothing to guess."""
    return sha256(secret.encode()).hexdigest()
