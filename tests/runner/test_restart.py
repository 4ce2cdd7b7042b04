"""What a restart of the runner's container loses, and what it must not."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from cocoon.api.evidence import EvidenceRequest
from cocoon.api.runner import EventPage, Finished, ModelAssignment
from cocoon.attest import bundle, receipts
from cocoon.runner import journal
from cocoon.runner.spool import Spool
from tests.runner import kit
from tests.runner.fake_triton import FakeTriton

GOOD = kit.text_line(1, "fine")


async def test_a_restart_resends_receipts_and_never_signs_twice(fake: FakeTriton, tmp_path: Path) -> None:
    model = kit.offer(tmp_path, kit.MODELS / "echo")
    done, running, acknowledged = (kit.job(model, GOOD, uid=uid) for uid in ("done", "running", "acknowledged"))
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        await operator.load(model)
        await operator.do(acknowledged)
        await operator.acknowledge()
        event, _ = await operator.do(done)
        await operator.start(kit.job(model, kit.text_line(1, "#wait"), uid="running"))
        await fake.waiting.wait()
        boot, key, last = operator.runner.keys.boot, operator.runner.keys.public.receipt, operator.seen
    fake.release()
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        page = await operator.get("/v1/events?after=0", EventPage)
        assert page.events == (event,)
        assert page.boot != boot
        assert page.running == ()
        assert receipts.open_receipt(event.receipt, key).outcome == "Succeeded"
        await operator.load(model)
        for job in (done, acknowledged):
            assert await operator.start(job) == 200
        assert operator.runner.jobs.running == ()
        again, claims = await operator.do(running)
        assert again.number > last
        assert (claims.outcome, claims.seq) == ("Succeeded", 0)


async def test_evidence_is_kept_beside_the_receipts_that_name_it(
    fake: FakeTriton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "COMPACT_AT", 0)
    model, shown = kit.offer(tmp_path, kit.MODELS / "echo"), list[bytes]()
    for uid in ("first", "second"):
        async with kit.running(kit.settings(tmp_path), fake) as operator:
            shown.append((await operator.call("POST", "/v1/evidence", EvidenceRequest(bytes(32))))[1])
            await operator.load(model)
            await operator.do(kit.job(model, GOOD, uid=f"{uid}-before"))
            await operator.runner.events._journal.compact(operator.runner.events._live)
            event, _ = await operator.do(kit.job(model, GOOD, uid=uid))
            page = await operator.get(f"/v1/events?after={event.number - 1}", EventPage)
            assert page.evidence == ()
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        page = await operator.get("/v1/events?after=0", EventPage)
        ends = [event.receipt for event in page.events if isinstance(event, Finished)]
        assert sorted(page.evidence) == sorted(shown)
        keys = [bundle.decode(raw).keys.receipt for raw in shown]
        assert [receipts.open_receipt(end, keys[number // 2]).seq for number, end in enumerate(ends)] == [0, 1, 0, 1]
        operator.seen = max(event.number for event in page.events)
        await operator.acknowledge()
        assert not [each for each in operator.runner.events._live() if isinstance(each, journal.Shown)]


async def test_a_full_disk_holds_receipts_back_and_says_so(
    fake: FakeTriton, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = True
    write = os.pwrite

    def pwrite(descriptor: int, content: Any, offset: int) -> int:
        if full:
            write(descriptor, content[:7], offset)
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content, offset)

    async with kit.running(kit.settings(tmp_path), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        monkeypatch.setattr(os, "pwrite", pwrite)
        await operator.start(kit.job(model, GOOD))
        url = f"http://127.0.0.1:{operator.runner.ports['health']}/readyz"
        async with aiohttp.ClientSession() as session:
            while (answer := await session.get(url)).status == 200:
                answer.release()
            assert "No space left" in await answer.text()
        assert not any(isinstance(event, Finished) for event in operator.runner.events.after(0))
        full = False
        event = await operator.finished("job-1")
        assert operator.open(event).outcome == "Succeeded"


async def test_sigterm_finishes_what_runs_and_takes_nothing_new(fake: FakeTriton, tmp_path: Path) -> None:
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        await operator.start(kit.job(model, kit.text_line(1, "#wait")))
        await fake.waiting.wait()
        draining = asyncio.create_task(operator.runner.drain())
        await asyncio.sleep(0)
        assert await operator.start(kit.job(model, GOOD, uid="late")) == 503
        fake.release()
        event = await operator.finished("job-1")
        assert operator.open(event).outcome == "Succeeded"
        assert not draining.done()
        await operator.acknowledge()
        await draining


async def test_sigterm_with_nothing_to_do_is_prompt(quick: kit.Operator) -> None:
    await quick.runner.drain()


async def test_what_outlasts_the_grace_is_interrupted(fake: FakeTriton, tmp_path: Path) -> None:
    async with kit.running(kit.settings(tmp_path, COCOON_GRACE="1s"), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        await operator.start(kit.job(model, kit.text_line(1, "#wait")))
        await operator.runner.drain()
        event = await operator.finished("job-1")
        assert (event.code, operator.open(event).outcome) == ("Draining", "Interrupted")


async def test_an_attempt_that_breaks_while_it_is_handed_over_is_receipted(
    quick: kit.Operator, echo: ModelAssignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Spool, "text", lambda _: 1 // 0)
    event, claims = await quick.do(kit.job(echo, GOOD))
    assert (claims.outcome, claims.cost, event.code) == ("Interrupted", "0", "RunnerError")
    assert event.output is None
    assert quick.running == ()
