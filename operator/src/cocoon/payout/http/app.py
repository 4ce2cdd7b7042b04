"""The HTTP application, and its OpenAPI description with the schemas of our own Structs."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from cocoon.api import payout as messages
from cocoon.api.evidence import Bundle
from cocoon.payout.http import admin_routes, owner_routes, problems, read_routes, standing_routes, work_routes
from cocoon.payout.http.limits import BodyLimit
from cocoon.payout.http.timing import Timing
from cocoon.payout.service import Service

_MESSAGES: Final = (
    Bundle, messages.PayoutProblem, messages.Registered, messages.WorkReport, messages.WorkAnswer, messages.BulkReport,
    messages.BulkAnswer, messages.Credit, messages.ClientAccount, messages.ClientAccounts, messages.OwnerAccounts,
    messages.WorkList, messages.WorkEntry, messages.TransferList, messages.Pause, messages.Pauses,
    messages.OwnerTermsList, messages.EarningsPage, messages.PayTest, messages.TestPayment, messages.DriftReport,
)  # fmt: skip


def application(service: Service | None = None) -> FastAPI:
    """The application; without a service, for its description alone."""
    app = FastAPI(title="Cocoon Fleet payout service", version="v1", docs_url=None, redoc_url=None)
    app.state.service = service
    problems.install(app)
    app.add_middleware(BodyLimit)
    if service is not None:
        app.add_middleware(Timing, metrics=service.metrics)
    for module in (work_routes, read_routes, admin_routes, owner_routes, standing_routes):
        app.include_router(module.ROUTES)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _described(app: FastAPI) -> dict[str, Any]:
    if not app.openapi_schema:
        schema = get_openapi(title=app.title, version=app.version, routes=app.routes, description=__doc__)
        _, components = msgspec.json.schema_components(_MESSAGES, ref_template="#/components/schemas/{name}")
        schema.setdefault("components", {}).setdefault("schemas", {}).update(components)
        app.openapi_schema = schema
    return app.openapi_schema
