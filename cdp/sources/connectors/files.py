"""Rows of files, which the import has brought into the common specification, or has found something wrong with."""

from __future__ import annotations

from cdp.sources.connector import Call, Tree
from cdp.sources.rejection import Reason, Rejected
from cdp.sources.specification import read_call

PROBLEM = "problem"
ANONYMOUS = "anonymous"
"""Set by the import on an item that names nobody, where its mapping allows that."""


class Files:
    """One touchpoint for each row or group of rows. Rows with a problem come as they stand in the file."""

    name = "files"
    version = 1

    def read(self, item: Tree, call: str | None = None) -> Call:
        """Reads an item of the import. Raises `Rejected`."""
        problem = item.get(PROBLEM)
        if problem is not None:
            raise _rejected(problem)
        said = read_call(item, call)
        return said._replace(anonymous=True) if item.get(ANONYMOUS) is True else said


CONNECTOR = Files()


def _rejected(problem: object) -> Rejected:
    reason, detail = (problem.get("reason"), problem.get("detail")) if isinstance(problem, dict) else (None, None)
    known = {each.value: each for each in Reason}
    return Rejected(known.get(str(reason), Reason.INVALID_VALUE), str(detail or "the row could not be read"))
