"""The edge: bodies become Structs here or are refused with the field that is wrong; Structs become JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, TypeVar

import msgspec
from fastapi import Depends, Path, Query, Request, Response, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from cocoon.api.payout import PayoutProblem
from cocoon.payout.auth.callers import Forbidden, Known, Unauthenticated
from cocoon.payout.http.problems import MEDIA_TYPE, BadBody
from cocoon.payout.overview import MOST_ROWS
from cocoon.payout.service import Service
from cocoon.payout.settings import Right

_T = TypeVar("_T")
_WHERE: Final = re.compile(r"^(.*) - at `\$\.?(.*)`$")
_BEARER: Final = HTTPBearer(auto_error=False, description="A service-account token of audience cocoon-payout.")
#: Printable ASCII without slashes: what is neither a Kubernetes name nor a uid nor a hash is no row either.
_TEXT: Final = "^[!-.0-~]+$"


def service_of(request: Request) -> Service:
    """The service behind the application."""
    service: Service = request.app.state.service
    return service


Part = Annotated[Service, Depends(service_of)]


async def known(
    service: Part, credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_BEARER)] = None
) -> Known:
    """Who calls. Raises Unauthenticated or Forbidden."""
    if credentials is None:
        raise Unauthenticated("Present a service-account token of audience cocoon-payout as Bearer.")
    return await service.callers.identify(credentials.credentials)


AnyCaller = Annotated[Known, Depends(known)]


def _needs(caller: Known, right: Right) -> Known:
    if right not in caller.rights:
        raise Forbidden(f"This needs the right to {right}, which this service account does not have.")
    return caller


async def reporter(caller: AnyCaller) -> Known:
    """A caller with the right to report."""
    return _needs(caller, "report")


async def reader(caller: AnyCaller) -> Known:
    """A caller with the right to read."""
    return _needs(caller, "read")


async def administrator(caller: AnyCaller) -> Known:
    """A caller with the right to administer."""
    return _needs(caller, "administer")


Reporter = Annotated[Known, Depends(reporter)]
Reader = Annotated[Known, Depends(reader)]
Administrator = Annotated[Known, Depends(administrator)]
NamePath = Annotated[str, Path(min_length=1, max_length=253, pattern=_TEXT)]
NameQuery = Annotated[str, Query(max_length=300, pattern="^[ -~]*$")]
TimeQuery = Annotated[float | None, Query(ge=0, le=1e11, allow_inf_nan=False)]
LimitQuery = Annotated[int, Query(ge=1, le=MOST_ROWS)]


def own_cluster(caller: Known, cluster: str) -> None:
    """Raises Forbidden unless the path names the caller's cluster."""
    if caller.cluster != cluster:
        raise Forbidden("The cluster in the path is not the one that this token is of.")


def visible(caller: Known) -> str | None:
    """The cluster whose rows the caller sees; None for all."""
    return None if caller.sees_all else caller.cluster


async def body_of(request: Request, kind: type[_T], empty: _T | None = None) -> _T:
    """The body; `empty`, if that is given, when there is none. Raises BadBody."""
    raw = await request.body()
    if not raw and empty is not None:
        return empty
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.ValidationError as error:
        found = _WHERE.match(str(error))
        detail, field = (found[1], found[2]) if found else (str(error), "")
        raise BadBody(f"{detail}.", field) from None
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise BadBody(f"The body is no JSON: {str(error)[:200]}.", "", 400) from None


def answer(value: object, status: int = 200) -> Response:
    """A value as JSON."""
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def described(kind: type | None, answers: Mapping[int, type | str], *, required: bool = True) -> dict[str, Any]:
    """What OpenAPI says of a route: its request body, and its answers by status (a Struct or a media type)."""
    responses: dict[int | str, Any] = {"4XX": _problem(), "503": _problem()}
    for status, shape in answers.items():
        media = shape if isinstance(shape, str) else "application/json"
        schema = {"type": "string"} if isinstance(shape, str) else _ref(shape)
        responses[status] = {"description": "Done.", "content": {media: {"schema": schema}}}
    body = {"required": required, "content": {"application/json": {"schema": _ref(kind)}}}
    return {"responses": responses, "openapi_extra": {"requestBody": body} if kind else {}}


def _problem() -> dict[str, Any]:
    return {"description": "Refused.", "content": {MEDIA_TYPE: {"schema": _ref(PayoutProblem)}}}


def _ref(kind: type | None) -> dict[str, str]:
    return {"$ref": f"#/components/schemas/{kind.__name__}"} if kind else {}
