"""Accounts: the households and companies that group calls name, with what was said of them and who was seen with them.

An account is an identifier in a role of its own, so accounts never merge and never link people. Its members are the
profiles of the subjects seen with it, found by joining memberships when they are read: a merge rewrites nothing here.
"""

from __future__ import annotations

from projections.accounts.facts import AccountClaim, Joining, Naming, account_claims, joinings, namings
from projections.declared import Declared
from projections.facts import Facts
from projections.rollups import Figure, Rollup

SEEN = Figure("effective_at", "timestamptz")

PROJECTION = Declared(
    name="accounts",
    version=1,
    facts=(
        Facts("joinings", Joining, joinings),
        Facts("claims", AccountClaim, account_claims),
        Facts("namings", Naming, namings),
    ),
    rollups=(
        Rollup(
            "accounts",
            "joinings",
            {"account": "bigint", "type": "text", "namespace": "text"},
            "touchpoints",
            least={"first_seen": SEEN},
            greatest={"last_seen": SEEN},
        ),
        Rollup("words", "namings", {"word": "text", "account": "bigint"}, "namings"),
    ),
    personal=True,
)
