"""A payout service in this process on a loopback port, servers that sign receipts, and clusters that sign tokens."""

from __future__ import annotations

import base64
import io
import json
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey
from msgspec import structs
from sqlalchemy import select

from cocoon.api.evidence import Keys
from cocoon.api.money import Price, Usage
from cocoon.api.receipts import Claims, ReceiptModel
from cocoon.api.ton_address import Address
from cocoon.api.trust import Trust
from cocoon.attest import bundle, receipts
from cocoon.attest.collect import SoftwareCollector
from cocoon.payout.http.app import application
from cocoon.payout.http.serve import listening
from cocoon.payout.service import Service, running
from cocoon.payout.settings import (
    Caller,
    ChainSettings,
    ClusterSettings,
    HttpSettings,
    KeySource,
    PolicySettings,
    Settings,
)
from cocoon.payout.store.books import ACCOUNTS

NOW = 1_800_000_000.0
CLUSTER = "3b6c2c1e-cluster"
NONCE = b"n" * 32
ZERO_STATE = bytes(range(32))
PAYEE = "UQ" + "A" * 46
TON = 10**9
OPERATOR = "system:serviceaccount:cocoon-system:cocoon-fleet"
ADMINISTRATOR = "system:serviceaccount:cocoon-system:payer"
READER = "system:serviceaccount:cocoon-system:dashboards"
ISSUER = "https://kubernetes.default.svc.cluster.local"


class Clock:
    """Seconds since 1970, as the test sets them."""

    def __init__(self, now: float = NOW) -> None:
        self.time = now

    def now(self) -> float:
        return self.time


def wallet(number: int = 1, *, test_only: bool = False, workchain: int = 0) -> str:
    """A well-formed address."""
    return Address(workchain, number.to_bytes(32), bounceable=False, test_only=test_only).friendly()


@cache
def _key(number: int) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": f"key-{number}"})


@dataclass
class SignedBy:
    """A cluster's token issuer. Keys take long to make, so clusters of the same number share theirs."""

    number: int = 0
    issuer: str = ISSUER
    kid: str = ""

    def __post_init__(self) -> None:
        self.key = _key(self.number)
        self.kid = self.key.kid or ""

    def publish(self, file: Path) -> Path:
        """Write the public key set."""
        file.write_text(json.dumps(KeySet([self.key]).as_dict(private=False)))
        return file

    def token(self, subject: str = OPERATOR, now: float = NOW, **changes: Any) -> str:
        """A token of this subject; a change to None leaves a claim out."""
        claims = {"iss": self.issuer, "sub": subject, "aud": ["cocoon-payout"], "iat": int(now), "exp": int(now) + 3600}
        given = {name: value for name, value in (claims | changes).items() if value is not None}
        return jwt.encode({"alg": "RS256", "kid": self.kid}, given, self.key)


class Server:
    """A server with its receipt key, in a TEE of the development kind."""

    def __init__(self, clock: Clock, payee: str | None = None) -> None:
        self.clock = clock
        self.payee = payee or wallet()
        self.signer = Ed25519PrivateKey.generate()
        self.platform = Ed25519PrivateKey.generate()
        public = self.signer.public_key().public_bytes_raw()
        self.keys = Keys(b"t" * 32, public, b"s" * 32)
        self.key = receipts.thumbprint(public)
        self.digest = bundle.name("runner", "development", self.keys, self.payee)
        self.sequence = 0

    async def evidence(self) -> bytes:
        """A fresh bundle."""
        collector = SoftwareCollector(now=self.clock.now, platform=self.platform)
        return bundle.encode(await collector.collect(NONCE, self.keys, self.payee))

    def claims(self, **changes: Any) -> Claims:
        """Of a job of 1,000 items at 2 TON a million: 0.002 TON."""
        now = int(self.clock.now())
        number, self.sequence = self.sequence, self.sequence + 1
        claims = Claims(
            iss=self.key,
            sub=f"{CLUSTER}/{uuid.uuid4()}",
            jti=f"{self.key}.{number}",
            iat=now,
            attempt=1,
            outcome="Succeeded",
            namespace="tenant",
            name="job",
            provider="provider-uid",
            payee=self.payee,
            model=ReceiptModel("minilm", "ab" * 32),
            input_sha256="01",
            output_sha256="02",
            usage=Usage(items=1_000),
            price=Price(per_million_items=str(2 * TON)),
            budget=str(TON),
            minimum_trust=Trust.TEST,
            spec_sha256="03",
            cost="0",
            started=now - 10,
            finished=now,
            evidence_sha256=self.digest,
            trust=Trust.TEST,
            seq=number,
            prev="ee",
        )
        changed = structs.replace(claims, **changes)
        return changed if "cost" in changes else structs.replace(changed, cost=str(receipts.owed(changed)))

    def sign(self, claims: Claims) -> str:
        """The receipt that says so."""
        return receipts.sign(claims, self.signer)

    def receipt(self, **changes: Any) -> str:
        """Signed."""
        return self.sign(self.claims(**changes))


def job_of(receipt: str) -> str:
    """The uid of a receipt's job."""
    payload = receipt.split(".")[1]
    return str(json.loads(base64.urlsafe_b64decode(payload + "=="))["sub"]).partition("/")[2]


def policy(**changes: Any) -> PolicySettings:
    """Test trust, any model up to 10 TON a million items."""
    defaults = PolicySettings(
        trust=Trust.TEST, require_gpu=False, price_caps={"*": Price(per_million_items=str(10 * TON))}
    )
    return structs.replace(defaults, **changes)


def settings(folder: Path, database: str, cluster: SignedBy, **changes: Any) -> Settings:
    """Everything below `folder` but the database."""
    chain = folder / "global.config.json"
    root_hash = base64.b64encode(ZERO_STATE).decode()
    chain.write_text(json.dumps({"validator": {"zero_state": {"root_hash": root_hash}}}))
    keys = KeySource(file=str(cluster.publish(folder / "keys.json")))
    callers = (
        Caller(OPERATOR, ("report", "read")),
        Caller(ADMINISTRATOR, ("administer", "read", "report")),
        Caller(READER, ("read",)),
    )
    made = Settings(
        archive=str(folder / "archive"),
        chain=ChainSettings(str(chain), (ZERO_STATE.hex(),)),
        database=database,
        clusters=(ClusterSettings(CLUSTER, cluster.issuer, keys, callers),),
        policy=policy(),
        http=HttpSettings("127.0.0.1", 0),
    )
    return structs.replace(made, **changes)


@dataclass
class Answer:
    """Status and body."""

    status: int
    raw: bytes
    headers: dict[str, str]

    @property
    def body(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.raw)
        return found

    @property
    def refusal(self) -> tuple[int, str, str]:
        """Status, code and field of a problem."""
        assert self.headers["Content-Type"] == "application/problem+json", self.raw
        return self.status, self.body["code"], self.body.get("field", "")


class Desk:
    """Calls the service as one caller."""

    def __init__(self, session: aiohttp.ClientSession, token: str) -> None:
        self._session = session
        self.token = token

    async def call(self, method: str, path: str, body: object = None, **options: Any) -> Answer:
        data = body if isinstance(body, bytes | io.BytesIO | None) else msgspec.json.encode(body)
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        async with self._session.request(method, path, data=data, headers=headers, **options) as answer:
            return Answer(answer.status, await answer.read(), dict(answer.headers))

    async def register(self, machine: Server) -> Answer:
        return await self.call("PUT", f"/v1/servers/{machine.key}/evidence", await machine.evidence())

    async def hand_in(self, receipt: str, cluster: str = CLUSTER, job: str = "", **more: Any) -> Answer:
        path = f"/v1/work/{cluster}/{job or job_of(receipt)}"
        return await self.call("PUT", path, {"receipt": receipt} | more)

    async def bulk(self, handed_in: list[str]) -> list[dict[str, Any]]:
        body = {"receipts": [{"receipt": each} for each in handed_in]}
        answer = await self.call("POST", f"/v1/work/{CLUSTER}", body)
        assert answer.status == 200, answer.raw
        found: list[dict[str, Any]] = answer.body["answers"]
        return found

    async def credit(self, amount: int = 1_000 * TON, namespace: str = "tenant", name: str = "c1") -> Answer:
        path = f"/v1/clients/{CLUSTER}/{namespace}/credit"
        return await self.call("PUT", path, {"id": name, "amount": str(amount)})


@dataclass
class World:
    """A running service and everybody around it."""

    service: Service
    clock: Clock
    cluster: SignedBy
    session: aiohttp.ClientSession
    url: str

    def desk(self, subject: str = OPERATOR, **changes: Any) -> Desk:
        return Desk(self.session, self.cluster.token(subject, self.clock.now(), **changes))

    @property
    def operator(self) -> Desk:
        return self.desk(OPERATOR)

    @property
    def administrator(self) -> Desk:
        return self.desk(ADMINISTRATOR)

    async def server(self, payee: str | None = None) -> Server:
        """A server whose evidence is registered."""
        machine = Server(self.clock, payee)
        answer = await self.operator.register(machine)
        assert answer.status == 200, answer.raw
        return machine

    async def balances(self) -> dict[str, int]:
        """Of all accounts, by name."""
        async with self.service.store.reading() as connection:
            rows = await connection.execute(select(ACCOUNTS.c.name, ACCOUNTS.c.balance))
            return {row.name: row.balance for row in rows}


@asynccontextmanager
async def world(
    folder: Path, database: str, clock: Clock | None = None, change: Callable[[Settings], Settings] | None = None
) -> AsyncIterator[World]:
    """A service over this database, with a client account of 1,000 TON to be credited by the test."""
    clock, cluster = clock or Clock(), SignedBy()
    made = settings(folder, database, cluster)
    async with (
        running(change(made) if change else made, clock.now) as service,
        listening(application(service), made.http) as port,
        aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session,
    ):
        yield World(service, clock, cluster, session, f"http://127.0.0.1:{port}")
