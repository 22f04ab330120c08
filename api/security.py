"""Who may ask what of `/api`: service tokens and their scopes, and the form in which a request is refused."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.responses import JSONResponse

from cdp.access import ServiceToken
from cdp.platform import Platform
from projections.contract import Connected
from projections.reading import NotBuilt, snapshot

_bearer = HTTPBearer(auto_error=False, description="A service token, made with `cdp token create NAME --scope SCOPE`.")


class Problem(BaseModel):
    """Why a request was refused."""

    code: str = Field(description="a word for programs, which does not change")
    message: str = Field(description="what was expected and what to do, for people")


class Refused(Exception):
    """A request that cannot be answered. Its answer is a `Problem`."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.problem = Problem(code=code, message=message)
        self.headers = headers


def answer_with_problems(app: FastAPI) -> None:
    """Makes a `Problem` the body of every refusal: of a `Refused`, and of a request that does not fit."""

    @app.exception_handler(Refused)
    async def refused(request: Request, error: Refused) -> JSONResponse:
        return JSONResponse(error.problem.model_dump(), error.status, error.headers)

    @app.exception_handler(RequestValidationError)
    async def misfit(request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
        return JSONResponse(Problem(code="invalid", message="; ".join(faults)).model_dump(), 422)


def refusals(*statuses: int) -> dict[int | str, dict[str, object]]:
    """What a route's documentation says of its refusals."""
    return {status: {"model": Problem} for status in statuses}


def platform_of(request: Request) -> Platform:
    """The platform that this application serves."""
    platform: Platform = request.app.state.platform
    return platform


@contextlib.contextmanager
def reading(platform: Platform) -> Iterator[Connected]:
    """A block that reads the projections at one moment; refused with 503 where none were built yet."""
    try:
        with snapshot(platform.databases.read) as connection:
            yield connection
    except NotBuilt as error:
        raise Refused(503, "not_built", str(error), {"Retry-After": "5"}) from error


def require(scope: str) -> Callable[..., ServiceToken]:
    """A dependency: the service token of the request, which must have this scope; 401 or 403 otherwise."""

    def authorised(
        platform: Annotated[Platform, Depends(platform_of)],
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> ServiceToken:
        token = platform.registry.token(given.credentials) if given is not None else None
        if token is None:
            raise _unknown(given is not None)
        check_scope(token, scope)
        return token

    return authorised


def check_scope(token: ServiceToken, scope: str) -> None:
    """Refuses with 403 what the token's scopes do not allow."""
    if scope not in token.scopes:
        has = ", ".join(sorted(token.scopes)) or "none"
        raise Refused(
            403,
            "forbidden",
            f"token {token.name!r} has the scopes {has}, but this needs {scope}; "
            f"make one with: cdp token create NAME --scope {scope}",
        )


def _unknown(given: bool) -> Refused:
    what = "the service token is unknown or revoked" if given else "expected the header Authorization: Bearer TOKEN"
    remedy = "make one with: cdp token create NAME --scope SCOPE"
    return Refused(401, "unauthorized", f"{what}; {remedy}", {"WWW-Authenticate": "Bearer"})
