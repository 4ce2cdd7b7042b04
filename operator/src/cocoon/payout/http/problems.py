"""Errors as problem+json (RFC 9457): each exception that a call can end with has its status, code and field."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import Final

import msgspec
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from cocoon.api.payout import PayoutProblem
from cocoon.payout.archive import ArchiveFull
from cocoon.payout.auth.callers import Forbidden, Unauthenticated
from cocoon.payout.refusal import Refused
from cocoon.payout.store.database import NotTheWriter
from cocoon.payout.store.writer import DatabaseAway

MEDIA_TYPE: Final = "application/problem+json"
_LOG: Final = logging.getLogger(__name__)
_CODES: Final = {404: "NotFound", 405: "MethodNotAllowed", 413: "TooLarge"}


class BadBody(Exception):
    """The body can't be read; `field` says where."""

    def __init__(self, detail: str, field: str, status: int = 422) -> None:
        super().__init__(detail)
        self.problem = PayoutProblem("InvalidBody", detail, status, field=field)


def answer_problem(problem: PayoutProblem, headers: dict[str, str] | None = None) -> Response:
    """The problem as an answer."""
    titled = msgspec.structs.replace(problem, title=HTTPStatus(problem.status).phrase)
    return Response(msgspec.json.encode(titled), problem.status, headers, MEDIA_TYPE)


def install(app: FastAPI) -> None:
    """Teach an application to answer so."""
    for kind, handler in (
        (Refused, _refused), (BadBody, _bad_body), (Unauthenticated, _unauthenticated), (Forbidden, _forbidden),
        (DatabaseAway, _away), (ArchiveFull, _away), (NotTheWriter, _away), (RequestValidationError, _invalid),
        (HTTPException, _http),
    ):  # fmt: skip
        app.add_exception_handler(kind, handler)


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - handlers are installed by type
    return answer_problem(error.refusal.problem())


async def _bad_body(_request: Request, error: Exception) -> Response:
    assert isinstance(error, BadBody)  # noqa: S101 - handlers are installed by type
    return answer_problem(error.problem)


async def _unauthenticated(_request: Request, error: Exception) -> Response:
    problem = PayoutProblem("Unauthenticated", str(error), 401, field="Authorization")
    return answer_problem(problem, {"WWW-Authenticate": "Bearer"})


async def _forbidden(_request: Request, error: Exception) -> Response:
    return answer_problem(PayoutProblem("Forbidden", str(error), 403, field="Authorization"))


async def _away(request: Request, error: Exception) -> Response:
    _LOG.warning("not taken", extra={"path": request.url.path, "why": str(error)})
    return answer_problem(PayoutProblem(type(error).__name__, str(error), 503, retry=True), {"Retry-After": "2"})


async def _invalid(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - handlers are installed by type
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"][1:])
    return answer_problem(PayoutProblem("InvalidParameter", f"{first['msg']}.", 422, field=field))


async def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - handlers are installed by type
    code = _CODES.get(error.status_code, "Refused")
    return answer_problem(PayoutProblem(code, f"{error.detail}.", error.status_code), dict(error.headers or {}))
