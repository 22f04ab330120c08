"""Identity's findings in words: why an identifier links nobody, and why two are not one profile."""

from __future__ import annotations

from cdp.identity.findings import Verdict, Withheld


def verdict_message(verdict: Verdict) -> str:
    """Why an identifier links nobody, as a sentence."""
    if verdict.code == "blocked":
        by = "a steward blocked it" if verdict.detail == "steward" else "the rules block its value"
        return f"{by}, so it links nobody"
    if verdict.detail == "limit":
        kind = f"{verdict.type} of {verdict.namespace}"
        return f"seen with {verdict.seen} values of {kind}, where {verdict.allowed} may be: it links nobody"
    return f"seen with {verdict.seen} other identifiers, where {verdict.allowed} may be: it links nobody"


def withheld_message(withheld: Withheld) -> str:
    """Why two identifiers that were seen together are not one profile, as a sentence."""
    if withheld.reason == "cannot_link":
        return "a steward keeps them apart"
    if withheld.reason == "limit":
        kind = f"{withheld.type} of {withheld.namespace}"
        return f"together they would have {withheld.reached} values of {kind}, where {withheld.allowed} may be"
    if withheld.reason == "size_cap":
        return f"together they would have {withheld.reached} identifiers, where {withheld.allowed} may be"
    return "only a public source shows them together, and each belongs to a group that servers know"
