"""All that the process writes at DEBUG, on good days and bad ones, with a wallet that pays: no secret is in it."""

from __future__ import annotations

import asyncio
import base64
import json
import signal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from msgspec import structs

from cocoon.ton.localton.queries import Queries
from tests.chaos.payout.chain_world import KEY, ChainWorld
from tests.chaos.payout.owners import owner
from tests.chaos.payout.paying_settings import paying_settings
from tests.payout import kit
from tests.payout.service_process import ServiceProcess, WallClock, ended_at_last
from tests.postgres_fixtures import PASSWORD, Postgres
from tests.ton.kit import served

pytestmark = pytest.mark.ton


def forms_of(secret: bytes) -> list[str]:
    """As anybody would print it."""
    return [secret.hex(), base64.b64encode(secret).decode().rstrip("="), repr(secret)[2:-1]]


async def goes_through_a_day(service: ServiceProcess, world: ChainWorld, database: Postgres, folder: Path) -> list[str]:
    """Calls good and bad, a payment, and a database that goes away. What must not be told."""
    secrets: list[str] = []
    machine = kit.Server(WallClock(), owner(1).friendly())
    async with service.administrator() as payer, service.desk() as operator:
        receipt = machine.receipt()
        secrets += [payer.token, operator.token, payer.token.split(".")[2], operator.token.split(".")[2]]
        secrets += [receipt, receipt.split(".")[2]]
        assert (await payer.credit()).status == 201
        assert (await operator.register(machine)).status == 200
        assert (await operator.hand_in(receipt)).status == 201
        order = {"id": "t1", "payee": owner(2).friendly()}
        assert (await payer.call("POST", "/v1/pay-test", order)).status == 201
        async with asyncio.timeout(60):
            while (await payer.call("POST", "/v1/pay-test", order)).body["state"] != "confirmed":
                world.next_block()
                await asyncio.sleep(0.1)
        await payer.call("POST", "/v1/drift", {"id": "d", "amount": "5", "reason": "none"})
        await operator.hand_in(receipt[:-3] + "AAA", job="job")
        await operator.call("PUT", f"/v1/servers/{machine.key}/evidence", b"{}")
        for token in (operator.token[:-4], "x" * 50, operator.token + "\u00e9"):
            operator.token = token.encode("ascii", "ignore").decode()
            await operator.call("GET", "/v1/transfers")
        database.stop(signal.SIGQUIT)
        assert (await payer.call("GET", "/v1/transfers")).status == 503
        database.start()
        (folder / "keys.json").write_text("{}")
        payer.token = kit.SignedBy(1).token(now=WallClock().now())
        await payer.call("GET", "/v1/work")
    return secrets


async def test_no_secret_reaches_the_process_s_log(tmp_path: Path, own_postgres: Postgres) -> None:
    world, cluster = ChainWorld(timeout=120), kit.SignedBy()
    world.fund()
    (tmp_path / "database").write_text(own_postgres.create() + "\n")
    async with served(Queries(world.chain)) as config:
        (tmp_path / "global.config.json").write_text(json.dumps(config.content))
        made = paying_settings(tmp_path, "", cluster, lanes=1, minimum_payout="1", maximum_delay=0.0)
        made = structs.replace(made, database_file=str(tmp_path / "database"), log_level="DEBUG")
        async with ended_at_last(ServiceProcess(tmp_path, made, cluster)) as service:
            await service.start()
            secrets = await goes_through_a_day(service, world, own_postgres, tmp_path)
            await service.stop()
    key = KEY.private_bytes_raw()
    pem = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode().splitlines()[1]
    logged = b"".join(service.log).decode()
    assert '"level":"DEBUG"' in logged
    assert "not taken" in logged
    for secret in [*secrets, *forms_of(key), pem, PASSWORD]:
        assert secret not in logged, f"{secret[:6]}… was logged"
