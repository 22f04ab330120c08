"""Value pyramids over HTTP: definitions in versions, kept in the log, and what one would say before it is kept."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response

from api.exact import Body, exact_json
from api.sales import invalid_refused
from api.sales_sheets import sheet_json
from api.sales_view_answers import tried_pyramid
from api.security import Refused, platform_of, reading, refusals, require
from cdp.access import ServiceToken
from cdp.log.versioned import Said
from cdp.platform import Platform
from cdp.value.definition import Definition, InvalidDefinition, definition_of
from cdp.value.pyramid import Pyramid
from cdp.value.pyramids import PyramidChanged, Pyramids, UnknownPyramid

router = APIRouter(prefix="/sales/pyramids", tags=["sales"], responses=refusals(401, 403))

Served = Annotated[Platform, Depends(platform_of)]
Reader = Annotated[ServiceToken, Depends(require("sales:read"))]
Writer = Annotated[ServiceToken, Depends(require("sales:write"))]

REFUSALS = (
    (InvalidDefinition, 422, "invalid"),
    (UnknownPyramid, 404, "not_found"),
    (PyramidChanged, 409, "changed"),
)


@router.get("/{name}", response_model=None, responses=refusals(404))
def show_pyramid(name: str, platform: Served, token: Reader) -> Response:
    """A pyramid's versions with their definitions, who drafted and activated which when and why."""
    return exact_json(described_pyramid(platform.pyramids, name))


@router.post("/{name}/versions", status_code=201, response_model=None, responses=refusals(409, 422))
def draft_version(name: str, body: Body, platform: Served, token: Writer) -> Response:
    """Writes a definition down: `currency`, `coefficients` of metrics, `tiers` with thresholds, and a `reason`.

    Figures go by it where a question names its version, or once it is activated.
    """
    definition, reason = _drafted(body)
    found = platform.pyramids.draft(name, definition, actor=token.name, reason=reason)
    return exact_json({"pyramid": name, "version": found.number, "new": found.new}, 201)


@router.post("/{name}/activate", response_model=None, responses=refusals(404, 409, 422))
def activate_version(name: str, body: Body, platform: Served, token: Writer) -> Response:
    """Puts a `version` in force, the last one if left out, with a `reason`; an older one may come back."""
    body = {} if body is None else body
    version = body.get("version") if isinstance(body, dict) else None
    if not isinstance(body, dict) or not (version is None or type(version) is int):
        raise Refused(422, "invalid", f"version={version!r}; expected a version's number, or nothing for the last one")
    found = platform.pyramids.activate(name, version, actor=token.name, reason=_reason(body))
    return exact_json({"pyramid": name, "active": found.number, "new": found.new})


@router.post("/try", response_model=None, responses=refusals(422, 503))
def try_definition(request: Request, body: Body, platform: Served, token: Reader) -> Response:
    """The pyramid that a definition would give, without keeping it: no version, and so no evidence to follow."""
    definition, _ = _drafted(body)
    with invalid_refused(), reading(platform) as connection:
        return exact_json(
            sheet_json(tried_pyramid(platform, connection, request.query_params.multi_items(), definition))
        )


def described_pyramid(pyramids: Pyramids, name: str) -> dict[str, Any]:
    """A pyramid's versions and activations. Raises `UnknownPyramid`."""
    pyramid = pyramids.get(name)
    return {
        "pyramid": name,
        "active": pyramid.active or None,
        "versions": [_version(pyramids, pyramid, number) for number in range(1, pyramid.latest + 1)],
        "activations": [{"version": number, **_said(said)} for number, said in pyramid.activations],
    }


def _version(pyramids: Pyramids, pyramid: Pyramid, number: int) -> dict[str, Any]:
    definition = pyramids.read(pyramid, number).definition
    return {"version": number, **_said(pyramid.versions[number - 1].drafted), "definition": definition.tree()}


def _said(said: Said) -> dict[str, Any]:
    return {"at": said.at.isoformat(), "actor": said.actor, "reason": said.reason}


def _drafted(body: Any) -> tuple[Definition, str]:
    """The definition and the reason in a body."""
    if not isinstance(body, dict):
        raise InvalidDefinition("the body is no object; expected currency, coefficients and tiers")
    return definition_of({name: value for name, value in body.items() if name != "reason"}), _reason(body)


def _reason(body: dict[str, Any]) -> str:
    reason = body.get("reason", "")
    if not isinstance(reason, str):
        raise Refused(422, "invalid", f"reason={reason!r}; expected a text")
    return reason
