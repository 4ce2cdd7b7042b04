"""`kubectl cocoon verify JOB` with a cluster that holds the job, and a running payout service that holds the rest."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from cocoon.api.job_digest import spec_digest
from cocoon.api.ton_address import parse_address
from cocoon.attest import receipts
from cocoon.cli.__main__ import main
from cocoon.cli.failure import DONE, FAILED, MISSING, NOT_YET, UNDECIDED
from tests.payout import kit
from tests.payout.kit import CLUSTER, TON, Clock, Server, World
from tests.payout.paid import confirm
from tests.unit.cli.receipted import ANSWERS, INPUT, sha256

SPEC = {
    "model": "minilm",
    "input": {"inline": INPUT},
    "output": {"configMap": {}},
    "minimumTrust": "Test",
    "budget": str(TON),
}


class ApiServer:
    """What an API server says of one job and its answers, over HTTP on this machine."""

    def __init__(self, folder: Path) -> None:
        self.objects: dict[str, dict[str, Any]] = {}
        self.kubeconfig = folder / "kubeconfig"

    async def answer(self, request: web.Request) -> web.Response:
        name = request.path.rpartition("/")[2]
        found = self.objects.get(name)
        if found is None:
            return web.json_response({"kind": "Status", "reason": "NotFound", "details": {"name": name}}, status=404)
        return web.json_response(found)

    def configure(self, port: int) -> None:
        self.kubeconfig.write_text(
            yaml.safe_dump(
                {
                    "current-context": "here",
                    "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
                    "users": [{"name": "me", "user": {}}],
                    "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "tenant"}}],
                }
            )
        )


class Site:
    """Job, books and a person at a prompt."""

    def __init__(self, world: World, cluster: ApiServer, machine: Server, folder: Path) -> None:
        self.world, self.cluster, self.machine, self.folder = world, cluster, machine, folder
        self.url, self.receipt = world.url, ""

    async def work(self) -> None:
        """The second of three jobs is letters."""
        chain: list[str] = []
        for name in ("first", "letters", "last"):
            prev = receipts.link(chain[-1]) if chain else self.machine.digest
            chain.append(
                self.machine.receipt(
                    sub=f"{CLUSTER}/{name}-uid", name=name, prev=prev, spec_sha256=spec_digest(SPEC),
                    input_sha256=sha256(INPUT.encode()), output_sha256=sha256(ANSWERS),
                )
            )  # fmt: skip
            assert (await self.world.operator.hand_in(chain[-1])).status == 201
        self.receipt = chain[1]
        status = {"state": "Succeeded", "receipt": chain[1], "output": {"configMap": "letters-output"}}
        meta = {"name": "letters", "namespace": "tenant", "uid": "letters-uid"}
        self.cluster.objects["letters"] = {"kind": "InferenceJob", "metadata": meta, "spec": SPEC, "status": status}
        self.cluster.objects["letters-output"] = {"data": {"output.jsonl": ANSWERS.decode()}}

    async def run(self, *words: str) -> int:
        return await self.asks("verify", *words, "--allow-test-roots", "--collateral", str(self.folder))

    async def asks(self, *words: str) -> int:
        """A command that knows its way to the cluster and to the payout service."""
        token = self.folder / "token"
        token.write_text(self.world.desk(kit.READER).token)
        given = ["--kubeconfig", str(self.cluster.kubeconfig), "--payout-url", self.url]
        return await asyncio.to_thread(main, [*words, *given, "--payout-token-file", str(token), "-o", "json"])


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    cluster = ApiServer(tmp_path)
    clock = Clock(time.time() - 600)
    application = web.Application()
    application.router.add_get("/{path:.*}", cluster.answer)
    runner = web.AppRunner(application)
    await runner.setup()
    door = web.TCPSite(runner, "127.0.0.1", 0)
    await door.start()
    try:
        cluster.configure(runner.addresses[0][1])
        async with kit.world(tmp_path, f"sqlite:///{tmp_path / 'books.sqlite'}", clock) as world:
            await world.administrator.credit()
            found = Site(world, cluster, await world.server(), tmp_path)
            await found.work()
            clock.time = time.time()
            yield found
    finally:
        await runner.cleanup()


def lines(capsys: pytest.CaptureFixture[str]) -> dict[str, tuple[str, str]]:
    report = json.loads(capsys.readouterr().out)
    return {line["check"]: (line["holds"], line["said"]) for line in report["lines"]}


async def test_a_job_whose_owner_was_paid(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    paid = ("provider-uid", parse_address(site.machine.payee).raw(), 5_700_000)
    await confirm(site.world.service, 1, [paid], network_cost=0)
    status = await site.run("letters")
    found = lines(capsys)
    assert {name for name, (holds, _) in found.items() if holds != "yes"} == set(), found
    assert status == DONE
    assert "ab" * 32 in found["chain"][1]
    assert site.url in found["ledger"][1]
    assert "number 1 of its key, after number 0; 1 of those after it" in found["place"][1]


async def test_a_job_whose_owner_waits(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    status = await site.run("letters")
    found = lines(capsys)
    assert {name for name, (holds, _) in found.items() if holds != "yes"} == {"chain"}
    assert status == DONE


async def test_all_is_saved_for_later(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    saved = site.folder / "saved"
    await site.run("letters", "--save", str(saved))
    first = lines(capsys)
    status = await asyncio.to_thread(main, ["verify", str(saved), "--allow-test-roots", "-o", "json"])
    later = lines(capsys)
    assert status == DONE
    assert {name for name in first if first[name][0] != later[name][0]} == {"answers"}


async def test_nobody_is_asked_about_what_was_saved(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    saved = site.folder / "saved"
    await site.run("letters", "--save", str(saved))
    (saved / "entry.json").unlink()
    lines(capsys)
    assert await site.run(str(saved)) == DONE
    assert lines(capsys)["ledger"][0] == "unknown"


async def test_a_receipt_in_a_file_asks_only_if_told_to(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    status = await site.run(site.receipt)
    found = lines(capsys)
    assert status == DONE
    assert {name for name, (holds, _) in found.items() if holds == "unknown"} == {
        "job", "answers", "price", "chain", "input",
    }  # fmt: skip
    assert await asyncio.to_thread(main, ["verify", site.receipt, "--allow-test-roots"]) == UNDECIDED


async def test_a_servers_evidence_is_kept_for_those_without_a_network(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = site.folder / "carried"
    assert await site.asks("collateral", str(folder), "--job", "letters", "--no-fetch") == DONE
    assert json.loads(capsys.readouterr().out) == []  # a development server: nothing but its evidence
    [kept] = (folder / "evidence").iterdir()
    assert kept.name == f"{site.machine.digest}.json"
    assert await site.asks("verify", site.receipt, "--allow-test-roots", "--evidence", str(kept)) == DONE
    assert await site.asks("collateral", str(folder), "--job", "nothing", "--no-fetch") == MISSING


async def test_answers_that_somebody_changed(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cluster.objects["letters-output"] = {"data": {"output.jsonl": "{}"}}
    assert await site.run("letters") == FAILED
    assert lines(capsys)["answers"][0] == "no"


async def test_a_job_that_was_replaced(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.cluster.objects["letters"]["spec"] = SPEC | {"model": "another"}
    assert await site.run("letters") == FAILED
    assert lines(capsys)["job"][0] == "no"


async def test_a_payout_service_that_is_not_there(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    site.url = "http://127.0.0.1:9"
    assert await site.run("letters") == UNDECIDED
    found = lines(capsys)
    assert {name for name, (holds, _) in found.items() if holds == "no"} == set()
    assert all("can't be reached" in found[name][1] for name in ("signature", "evidence", "ledger", "chain"))


async def test_jobs_without_a_receipt(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    assert await site.run("letters-2") == MISSING
    site.cluster.objects["letters"]["status"] = {"state": "Running"}
    assert await site.run("letters") == NOT_YET
    assert "--wait" in capsys.readouterr().err
