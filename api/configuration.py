"""The configuration over HTTP: what `cdp config` can do."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Response

from api.exact import Body, exact_json
from api.plan_answers import described_step
from api.security import Refused, check_scope, platform_of, refusals, require
from cdp.access import ServiceToken
from cdp.configuration.folder import source_of, source_tree
from cdp.configuration.state import Configuration, present, steps
from cdp.plans.document import PlanDocument
from cdp.platform import Platform
from cdp.policy.form import FORMS

router = APIRouter(tags=["configuration"])

PARTS = ("sources", "plans", *FORMS)
_EXPECTED = f"expected an object with {', '.join(PARTS)}, as GET /api/config answers it"

Plat = Annotated[Platform, Depends(platform_of)]
Writer = Annotated[ServiceToken, Depends(require("sources:write"))]
_READING = [Depends(require(f"{what}:read")) for what in ("sources", "plans", "identity")]


@router.get("/config", dependencies=_READING)
def export_configuration(platform: Plat) -> Response:
    """Sources, never their keys, the plans in force, and the rules of identity and survivorship in force."""
    found = present(platform)
    tree: dict[str, Any] = {
        "sources": {name: source_tree(setup) for name, setup in found.sources.items()},
        "plans": {name: document.tree() for name, document in found.plans.items()},
    }
    return exact_json(tree | {kind: FORMS[kind].tree(rules) for kind, rules in found.rules.items()})


@router.post("/config", dependencies=[Depends(require("plans:write"))], responses=refusals(422))
def apply_configuration(
    wanted: Body, platform: Plat, token: Writer, dry_run: Annotated[bool, Query(description="only say what")] = False
) -> dict[str, Any]:
    """Brings about what the body says and leaves alone what it does not name; rules need `identity:write` too. Write
    keys of new sources are in this answer and nowhere else."""
    if isinstance(wanted, dict) and wanted.keys() & FORMS.keys():
        check_scope(token, "identity:write")
    planned = steps(platform, _configuration(wanted))
    done = [] if dry_run else [(step, step.carry_out(token.name)) for step in planned]
    keys = {step.name: result.write_key for step, result in done if result.write_key is not None}
    return {"steps": [described_step(step) for step in planned], "applied": not dry_run, "write_keys": keys}


def _configuration(tree: Any) -> Configuration:
    if not isinstance(tree, dict) or set(tree) - set(PARTS):
        raise Refused(422, "invalid", f"the body is no configuration; {_EXPECTED}")
    sources, plans = tree.get("sources", {}), tree.get("plans", {})
    if not (isinstance(sources, dict) and isinstance(plans, dict) and all(map(_is_table, sources.values()))):
        raise Refused(422, "invalid", f"sources or plans is no object of objects; {_EXPECTED}")
    return Configuration(
        {name: source_of(each) for name, each in sources.items()},
        {name: PlanDocument.of(each) for name, each in plans.items()},
        {kind: FORMS[kind].of(tree[kind]) for kind in FORMS if kind in tree},
    )


def _is_table(value: Any) -> bool:
    return isinstance(value, dict)
