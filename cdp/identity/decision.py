"""What a steward decided of two identifiers, or of one, as far as resolution is concerned."""

from __future__ import annotations

from typing import Literal, NamedTuple

Kind = Literal["link", "unlink", "block"]


class Decision(NamedTuple):
    """The decision in force on a pair of identifiers, or on one: the last that was taken, at `position` in the log.

    `numbers` are sorted: two for `link` and `unlink`, one for `block`.
    """

    kind: Kind
    numbers: tuple[int, ...]
    position: int
