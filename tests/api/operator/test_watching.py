"""Watches that end are begun anew, by a real kopf on a made-up API server; nothing else ends with them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import kopf
import pytest
from aiohttp import web

from cocoon.api.groups import GROUP, VERSION
from cocoon.api.resources import JOB, NAMESPACE, NODE, POD, PROVIDER
from cocoon.fleet.metrics import Metrics
from cocoon.fleet.ports.clock import MachineClock
from cocoon.fleet.run import mirror_for
from cocoon.fleet.settings import Settings
from cocoon.fleet.watching import Watching

TOO_LARGE = {"kind": "Status", "code": 504, "message": "Too large resource version: 7, current: 5", "reason": "Timeout"}


class Api:
    """Discovery, and watches: the first of the nodes ends with an ERROR, a later one brings a node."""

    def __init__(self) -> None:
        self.watches: list[str] = []
        self.app = web.Application()
        for path, found in {
            "/api": {"versions": ["v1"]},
            "/apis": {"groups": [{"name": GROUP, "versions": [_version], "preferredVersion": _version}]},
            "/api/v1": {"resources": [_resource(POD), _resource(NODE), _resource(NAMESPACE)]},
            f"/apis/{GROUP}/{VERSION}": {"resources": [_resource(PROVIDER), _resource(JOB)]},
        }.items():
            self.app.router.add_get(path, self._answer(found))
        self.app.router.add_get("/{path:.*}", self._watch)

    def _answer(self, found: Any) -> Any:
        async def handle(_: web.Request) -> web.Response:
            return web.json_response(found)

        return handle

    async def _watch(self, request: web.Request) -> web.StreamResponse:
        kind = request.path.rsplit("/", 1)[1]
        self.watches.append(kind)
        stream = web.StreamResponse()
        await stream.prepare(request)
        bookmark = {"kind": "Bookmark", "metadata": {"resourceVersion": "5"}}
        await _say(stream, "BOOKMARK", bookmark)
        if kind == "nodes" and self.watches.count("nodes") == 1:
            await _say(stream, "ERROR", TOO_LARGE)
        elif kind == "nodes":
            meta = {"name": "n2", "resourceVersion": "6", "uid": "n2"}
            await _say(stream, "ADDED", {"kind": "Node", "apiVersion": "v1", "metadata": meta, "status": {}})
        await asyncio.Event().wait()
        return stream


_version = {"groupVersion": f"{GROUP}/{VERSION}", "version": VERSION}


def _resource(resource: Any) -> dict[str, Any]:
    verbs = ["list", "watch", "get", "patch"]
    names = {"name": resource.plural, "singularName": "", "kind": resource.kind}
    return names | {"namespaced": resource.namespaced, "verbs": verbs}


async def _say(stream: web.StreamResponse, kind: str, body: Any) -> None:
    await stream.write(json.dumps({"type": kind, "object": body}).encode() + b"\n")


class Anybody:
    """Logs in to that address."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def for_kopf(self) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server=self._url)


async def _story() -> tuple[Metrics, bool, list[str]]:
    api = Api()
    runner = web.AppRunner(api.app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    metrics, settings = Metrics(), Settings(namespace="n", identity="a", runner_image="r")
    mirror, over = mirror_for(settings, metrics), asyncio.Event()
    login: Any = Anybody(f"http://127.0.0.1:{port}")
    watching = Watching(settings, login, MachineClock(), metrics)
    running = asyncio.create_task(watching.run(mirror, over, lambda: None))
    await asyncio.sleep(0)
    bystander = asyncio.create_task(asyncio.Event().wait())  # as young as any of kopf's tasks
    async with asyncio.timeout(20):
        await watching.relist.wait()
        while "n2" not in mirror.snapshot.nodes:
            mirror.changed.clear()
            await mirror.changed.wait()
    spared = not bystander.done()
    bystander.cancel()
    over.set()
    async with asyncio.timeout(20):
        await running
    await runner.cleanup()
    return metrics, spared, api.watches


def test_watches_that_end_are_begun_anew_and_nothing_else_ends(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "cocoon.fleet"):
        metrics, spared, watches = asyncio.run(_story())
    assert spared
    assert watches.count("inferencejobs") >= 2
    assert b"cocoon_fleet_watches_ended_total 1.0" in metrics.text()
    (said,) = [each for each in caplog.records if "watches" in each.message]
    assert "Too large resource version" in str(said.__dict__)
