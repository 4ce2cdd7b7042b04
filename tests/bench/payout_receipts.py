"""Receipts accepted a second by the real service process: signed receipts, real tokens, HTTP, one database.

Receipts are signed and bodies are written before the clock starts. Some callers hand them in side by side, as several
clusters' operators do. Who hands in runs on the same machine, and takes its share of it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from cocoon.api.money import NanoTon
from cocoon.payout.ledger.fees import fee
from tests.payout import kit
from tests.payout.kit import CLUSTER, TON, Desk, Server
from tests.payout.service_process import ServiceProcess, WallClock, ended_at_last

#: What a job of the kit costs, in nanoTON, and the service's share in basis points.
_COST, _FEE = NanoTon(TON // 500), 500


class Load(Struct, frozen=True):
    """`bulk` receipts in one call, from so many callers at a time; 1: each by a call of its own."""

    receipts: int = 20_000
    bulk: int = 500
    callers: int = 4
    servers: int = 40


class Accepted(Struct, frozen=True):
    """What became of a load; `cpu` is of the service, in seconds."""

    receipts: int
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Receipts a second."""
        return self.receipts / self.seconds


async def accepted(folder: Path, database: str, load: Load) -> Accepted:
    """Hand in a load. Raises AssertionError unless each receipt was accepted and its money is in the books."""
    cluster = kit.SignedBy()
    service = ServiceProcess(folder, kit.settings(folder, database, cluster), cluster)
    async with ended_at_last(service):
        await service.start()
        machines = await _machines(service, load.servers)
        signed = [_receipt(machines[n % len(machines)], n) for n in range(load.receipts)]
        spent = psutil.Process(service.pid).cpu_times()
        began = time.perf_counter()
        await _hand_in_all(service, signed, load)
        seconds = time.perf_counter() - began
        after = psutil.Process(service.pid).cpu_times()
        await _check(service, load.receipts)
        await service.stop()
    return Accepted(load.receipts, seconds, after.user + after.system - spent.user - spent.system)


async def _machines(service: ServiceProcess, count: int) -> list[Server]:
    """Servers whose evidence is registered, and a client account that covers their work."""
    machines = [Server(WallClock(), kit.wallet(number + 1)) for number in range(count)]
    async with service.administrator() as desk:
        assert (await desk.credit(10**6 * TON)).status == 201
        for machine in machines:
            assert (await desk.register(machine)).status == 200
    return machines


def _receipt(machine: Server, number: int) -> str:
    """Of a job of its own."""
    return machine.receipt(sub=f"{CLUSTER}/00000000-0000-4000-8000-{number:012}", name=f"job-{number}")


async def _hand_in_all(service: ServiceProcess, signed: Sequence[str], load: Load) -> None:
    calls = iter([_call(signed[start : start + load.bulk]) for start in range(0, len(signed), load.bulk)])
    async with service.desk(seconds=600) as desk, asyncio.TaskGroup() as tasks:
        for _ in range(load.callers):
            tasks.create_task(_caller(desk, calls))


def _call(receipts: Sequence[str]) -> tuple[str, str, bytes]:
    """Method, path and body."""
    if len(receipts) == 1:
        body = msgspec.json.encode({"receipt": receipts[0]})
        return "PUT", f"/v1/work/{CLUSTER}/{kit.job_of(receipts[0])}", body
    return "POST", f"/v1/work/{CLUSTER}", msgspec.json.encode({"receipts": [{"receipt": each} for each in receipts]})


async def _caller(desk: Desk, calls: Iterator[tuple[str, str, bytes]]) -> None:
    for method, path, body in calls:
        answer = await desk.call(method, path, body)
        assert answer.status in (200, 201), answer.raw[:500]


async def _check(service: ServiceProcess, receipts: int) -> None:
    """The owners are owed all of it, less the fee."""
    async with service.administrator() as desk:
        found = (await desk.call("GET", "/v1/accounts?limit=500")).body["accounts"]
    assert sum(int(account["accrued"]) for account in found) == receipts * (_COST - fee(_COST, _FEE)), found
