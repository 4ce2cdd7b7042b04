"""What `helm test` says of parts that answer, and of those that don't."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cocoon.fleet.installed import NotYet, answer, main

Serve = Callable[[str, Iterator[web.Response]], Awaitable[str]]
FOLLOWS, LEADS = "cocoon_fleet_leading 0.0\n", "# HELP …\ncocoon_fleet_leading 1.0\n"
NOWHERE = "http://127.0.0.1:1"


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """A server that gives these answers, one after the other."""
    servers: list[TestServer] = []

    async def begin(path: str, answers: Iterator[web.Response]) -> str:
        async def handle(_request: web.Request) -> web.Response:
            return next(answers)

        app = web.Application()
        app.router.add_get(path, handle)
        servers.append(TestServer(app))
        await servers[-1].start_server()
        return str(servers[-1].make_url("")).rstrip("/")

    yield begin
    for server in servers:
        await server.close()


async def test_the_one_that_leads_is_found_behind_its_service(serve: Serve) -> None:
    url = await serve("/metrics", iter([web.Response(text=FOLLOWS), web.Response(text=LEADS)]))
    with pytest.raises(NotYet, match="no replica that was asked leads"):
        await answer(f"{url}/metrics", None, "cocoon_fleet_leading 1.0")
    assert await answer(f"{url}/metrics", None, "cocoon_fleet_leading 1.0") == "it leads"


async def test_its_own_words_are_passed_on(serve: Serve) -> None:
    url = await serve("/readyz", iter([web.Response(status=503, text="the database is away\n"), web.Response()]))
    with pytest.raises(NotYet, match="it answers 503: the database is away"):
        await answer(f"{url}/readyz", None, "")
    assert await answer(f"{url}/readyz", None, "") == "it answers"


def test_a_part_that_is_silent_fails_the_test_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([f"--operator={NOWHERE}", f"--keyring={NOWHERE}", "--patience=0.1"]) == 1
    operator, keyring = capsys.readouterr().out.splitlines()
    assert operator.startswith(f"operator: NO: {NOWHERE}/metrics: it does not answer (")
    assert keyring.startswith(f"keyring 0: NO: {NOWHERE}/v1/keyring: ")
    assert "kubectl logs" in keyring
