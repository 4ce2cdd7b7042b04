"""A real Triton that dies in mid-job, and a model's process that does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import aiohttp
import psutil
import pytest

from cocoon.api.runner import Started
from cocoon.runner import models, triton_grpc
from devcluster import ports
from tests.runner import kit
from tests.triton_fixtures import TritonServer

pytestmark = pytest.mark.triton


def lines(count: int, text: str = "#delay 0.05") -> str:
    return "".join(kit.text_line(n, text) for n in range(count))


async def under_way(operator: kit.Operator) -> None:
    """Wait until items are with Triton."""
    assert any(isinstance(event, Started) for event in await operator.events())


async def test_triton_that_comes_back_loses_no_item(
    operator: kit.Operator, private_triton: TritonServer, tmp_path: Path
) -> None:
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    await operator.load(echo)
    await operator.start(kit.job(echo, lines(60)))
    await under_way(operator)
    await asyncio.to_thread(private_triton.restart)
    event = await operator.finished("job-1")
    claims = operator.open(event)
    assert [line["id"] for line in kit.answers(event)] == [f"i{n}" for n in range(60)]
    assert (claims.outcome, claims.usage.items, claims.usage.failed_items) == ("Succeeded", 60, 0)


async def test_triton_that_stays_away_interrupts_the_attempt(
    operator: kit.Operator, private_triton: TritonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "PATIENCE", 1.0)
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    await operator.load(echo)
    await operator.start(kit.job(echo, lines(60)))
    await under_way(operator)
    private_triton.kill()
    event = await operator.finished("job-1")
    assert (event.code, operator.open(event).outcome) == ("TritonLost", "Interrupted")
    assert operator.open(event).cost == "0"
    model = operator.runner.models.by_name["echo"]
    assert (model.state.state, model.generation) == ("Failed", 1)
    await asyncio.to_thread(private_triton.start)
    while model.generation == 1:  # noqa: ASYNC110 - the runner looks every two seconds and tells nobody
        await asyncio.sleep(0.01)


async def test_a_models_process_that_dies_is_loaded_again(
    operator: kit.Operator, private_triton: TritonServer, tmp_path: Path
) -> None:
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    await operator.load(echo)
    await operator.start(kit.job(echo, lines(30)))
    await under_way(operator)
    assert private_triton.process is not None
    for process in psutil.Process(private_triton.process.pid).children(recursive=True):
        os.kill(process.pid, signal.SIGKILL)
    claims = operator.open(await operator.finished("job-1"))
    assert (claims.outcome, claims.usage.items) == ("Succeeded", 30)
    assert operator.runner.models.by_name["echo"].generation > 1


async def test_an_item_that_kills_its_model_ends_the_attempt(operator: kit.Operator, tmp_path: Path) -> None:
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    await operator.load(echo)
    event, claims = await operator.do(kit.job(echo, kit.text_line(1, "#exit")))
    assert (event.code, claims.outcome, claims.cost) == ("TritonLost", "Interrupted", "0")
    assert "3 times" in event.detail
    _, claims = await operator.do(kit.job(echo, kit.text_line(1, "fine"), uid="next"))
    assert claims.outcome == "Succeeded"


async def test_an_idle_model_is_loaded_again(
    operator: kit.Operator, private_triton: TritonServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    echo = kit.offer(tmp_path, kit.MODELS / "echo")
    await operator.load(echo)
    model = operator.runner.models.by_name["echo"]
    await asyncio.to_thread(private_triton.restart)
    while model.generation == 1:  # noqa: ASYNC110 - the runner looks every two seconds and tells nobody
        await asyncio.sleep(0.01)
    await model.settled()
    async with triton_grpc.GrpcTriton(private_triton.grpc_url) as triton:
        assert await triton.ready("echo")


async def test_the_process_serves_and_ends_on_sigterm(private_triton: TritonServer, tmp_path: Path) -> None:
    chosen = {
        "COCOON_PAYEE": "UQpayee",
        "COCOON_PROVIDER_UID": "provider-uid",
        "COCOON_OPERATOR_CERTIFICATES": kit.OPERATOR.certificate.decode(),
        "COCOON_TRITON_GRPC": private_triton.grpc_url,
        "COCOON_MODELS_DIR": str(tmp_path / "models"),
        "COCOON_JOURNAL_DIR": str(tmp_path / "journal"),
        "COCOON_TEST_ROOTS": "true",
        "COCOON_API_ADDRESS": "127.0.0.1:0",
        "COCOON_HEALTH_ADDRESS": f"127.0.0.1:{ports.free(1)[0]}",
    }
    environment = {**os.environ, **chosen}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cocoon.runner", env=environment, stderr=asyncio.subprocess.PIPE
    )
    try:
        assert process.stderr is not None
        while b"serving" not in (line := await process.stderr.readline()):
            assert line, "it ended before it served"
        url = f"http://{chosen['COCOON_HEALTH_ADDRESS']}/readyz"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(process.wait(), 5) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_the_process_says_what_is_wrong_with_its_settings() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cocoon.runner", env={"PATH": os.environ["PATH"]}, stderr=asyncio.subprocess.PIPE
    )
    _, errors = await process.communicate()
    assert process.returncode == 2
    assert b"COCOON_PAYEE is required" in errors
    assert b"COCOON_PROVIDER_UID is required" in errors
