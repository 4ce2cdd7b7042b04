"""What of Triton's metrics gets out of the Pod."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from cocoon.runner.triton_metrics import MOST_BYTES, MOST_LINES, NoFigures, triton_figures

FIGURES = """# HELP nv_inference_count Number of inferences
# TYPE nv_inference_count counter
nv_inference_count{model="echo",version="1"} 3.000000
nv_gpu_utilization{gpu_uuid="GPU-1"} 0.5
"""


@asynccontextmanager
async def triton(text: str, status: int = 200) -> AsyncIterator[str]:
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=text, status=status, headers={"Location": "http://127.0.0.1:1/"})

    application = web.Application()
    application.router.add_get("/metrics", answer)
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield "{}:{}".format(*runner.addresses[0][:2])
    finally:
        await runner.cleanup()


async def test_its_figures_are_passed_on() -> None:
    async with triton(FIGURES) as address:
        assert await triton_figures(address) == FIGURES


async def test_nothing_else_gets_out() -> None:
    async with triton(f"the prompt was: hello\ncocoon_runner_items_total 9\n{FIGURES}nv_cut_off_here") as address:
        assert await triton_figures(address) == FIGURES


async def test_not_more_than_so_much() -> None:
    line = "nv_x 1\n"
    async with triton(line * (2 * MOST_BYTES // len(line))) as address:
        assert await triton_figures(address) == line * MOST_LINES


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_a_triton_without_metrics_is_said_to_be_one(status: int) -> None:
    async with triton("", status) as address:
        with pytest.raises(NoFigures, match=str(status)):
            await triton_figures(address)


async def test_a_triton_that_is_away() -> None:
    with pytest.raises(NoFigures, match="can't be read"):
        await triton_figures("127.0.0.1:1")
