"""Tokens that a real API server signs: of the right Pod's service account, of another one, for others, and expired."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from msgspec import structs

from cocoon.payout.settings import Caller, ClusterSettings, KeySource, Settings
from devcluster import ApiServer
from tests.payout import kit
from tests.payout.kit import CLUSTER, Clock, Desk, World

pytestmark = pytest.mark.api


class Accounts:
    """Service accounts of a namespace of their own."""

    def __init__(self, cluster: ApiServer) -> None:
        self._kube = cluster.kube()
        self.namespace = f"payout-{uuid.uuid4().hex[:8]}"
        self._kube.call("POST", "/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for name in ("cocoon-fleet", "other"):
            self._kube.call("POST", f"{self._path}", {"metadata": {"name": name}})

    @property
    def _path(self) -> str:
        return f"/api/v1/namespaces/{self.namespace}/serviceaccounts"

    def subject(self, name: str = "cocoon-fleet") -> str:
        return f"system:serviceaccount:{self.namespace}:{name}"

    def token(self, name: str = "cocoon-fleet", audiences: tuple[str, ...] = ("cocoon-payout",)) -> str:
        """By the TokenRequest API, as the kubelet gets a Pod's."""
        spec = {"audiences": list(audiences), "expirationSeconds": 600}
        answer = self._kube.call("POST", f"{self._path}/{name}/token", {"spec": spec})
        return str(answer["status"]["token"])


@pytest.fixture(params=["file", "url"])
async def seen(
    request: pytest.FixtureRequest, api_cluster: ApiServer, tmp_path: Path
) -> AsyncIterator[tuple[World, Accounts]]:
    """A payout service that has the API server's keys pinned, from a file or from the API server itself."""
    accounts, keys = Accounts(api_cluster), tmp_path / "cluster-keys.json"
    url = f"{api_cluster.url}/openid/v1/jwks"
    if request.param == "file":
        async with aiohttp.ClientSession() as session, session.get(url, ssl=api_cluster.ssl_context()) as answer:
            keys.write_bytes(await answer.read())
        source = KeySource(file=str(keys))
    else:
        token = tmp_path / "token"
        token.write_text(accounts.token("other", ()))
        source = KeySource(url=url, ca_file=str(api_cluster.ca), token_file=str(token))

    def change(settings: Settings) -> Settings:
        callers = (Caller(accounts.subject(), ("report", "read")),)
        cluster = ClusterSettings(CLUSTER, api_cluster.issuer, source, callers)
        return structs.replace(settings, clusters=(cluster,))

    async with kit.world(tmp_path, f"sqlite:///{tmp_path}/books.sqlite", Clock(time.time()), change) as world:
        yield world, accounts


async def test_who_is_let_in(seen: tuple[World, Accounts]) -> None:
    world, accounts = seen
    good = accounts.token()

    async def status(token: str) -> int:
        return (await Desk(world.session, token).call("GET", f"/v1/clients/{CLUSTER}")).status

    assert await status(good) == 200
    assert await status(accounts.token("other")) == 403
    assert await status(accounts.token(audiences=())) == 401
    assert await status(accounts.token(audiences=("vault",))) == 401
    head, body, signature = good.split(".")
    assert await status(f"{head}.{body}.{signature[:-8]}AAAAAAAA") == 401
    assert await status(f"{head}.{accounts.token('other').split('.')[1]}.{signature}") == 401
    world.clock.time += 600 + 11
    assert await status(good) == 401


async def test_a_token_for_a_clock_that_is_behind(seen: tuple[World, Accounts]) -> None:
    world, accounts = seen
    world.clock.time -= 3_600
    answer = await Desk(world.session, accounts.token()).call("GET", "/v1/accounts")
    assert answer.refusal == (401, "Unauthenticated", "Authorization")


async def test_a_token_of_another_cluster_with_the_same_issuer(seen: tuple[World, Accounts]) -> None:
    world, accounts = seen
    forged = kit.SignedBy(issuer=kit.ISSUER).token(accounts.subject(), world.clock.time)
    assert (await Desk(world.session, forged).call("GET", "/v1/accounts")).status == 401
