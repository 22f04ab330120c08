"""Destroying keys and numbers so that no process uses them any more: the one entry to the vault's destruction."""

from __future__ import annotations

from cdp.log.recorder import Recorder
from cdp.vault.vault import Doomed, Vault


class Eraser:
    """Destroys in the order in which nothing that comes in meanwhile is lost.

    `Vault.destroy` alone is not enough: other processes remember keys and numbers, and compare the vault's generation
    only with the log's.
    """

    def __init__(self, vault: Vault, recorder: Recorder) -> None:
        self._vault = vault
        self._recorder = recorder

    def destroy(self, doomed: Doomed) -> None:
        """Closes them, so that look-ups give successors; has every append since resolve anew; then destroys them.

        Can be repeated, also after it was killed in between. Raises UnknownKey and UnknownNumber before it changes
        anything, and the recorder's errors before it destroys anything.
        """
        generation = self._vault.close(doomed)
        with self._recorder.writing() as writer:
            writer.raise_generation(generation)
        self._vault.destroy(doomed)
