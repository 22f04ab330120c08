"""Rules of survivorship as the rule book keeps them."""

from __future__ import annotations

from cdp.survivorship.document import stored_survivorship
from cdp.survivorship.rules import DEFAULT_SURVIVORSHIP, Survivorship

__all__ = ["DEFAULT_SURVIVORSHIP", "Survivorship", "stored_survivorship"]
