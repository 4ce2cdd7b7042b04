"""A job that was done and paid: its server's evidence, its receipt and those beside it, its entry, its payment."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import structs

from cocoon.api.evidence import Keys
from cocoon.api.job_digest import spec_digest
from cocoon.api.money import Price, Usage
from cocoon.api.payout import Transfer, WorkEntry
from cocoon.api.receipts import Claims, ReceiptModel
from cocoon.api.ton_address import Address
from cocoon.api.trust import Trust
from cocoon.attest import bundle, receipts
from cocoon.attest.collect import SoftwareCollector
from cocoon.attest.policy import Policy
from cocoon.cli.verifying.checks import Terms, check_all
from cocoon.cli.verifying.lines import Report
from cocoon.cli.verifying.material import Material

DONE = 1_795_000_000
HOUR = 3_600
INPUT = '{"id":"1","inputs":[]}\n'
ANSWERS = b'{"id":"1","outputs":[]}\n'
ALLOWED = Policy(trust=Trust.TEST, allow_test_roots=True)


def wallet(number: int) -> Address:
    return Address(0, number.to_bytes(32), bounceable=False)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


class Server:
    """A TEE of the development kind that was started with a wallet, and attested at some time."""

    def __init__(self, number: int = 1, attested: float = DONE - HOUR, measurement: str = "development") -> None:
        self.signer = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
        self.keys = Keys(b"t" * 32, self.signer.public_key().public_bytes_raw(), b"s" * 32)
        self.key = receipts.thumbprint(self.keys.receipt)
        self.payee = wallet(number).friendly()
        self.digest = bundle.name("runner", "development", self.keys, self.payee)
        self.attested, self.measurement = attested, measurement

    def evidence(self, attested: float | None = None) -> bytes:
        """A bundle, of another time if one is given."""
        at = self.attested if attested is None else attested
        collector = SoftwareCollector(now=lambda: at, measurement=self.measurement)
        return bundle.encode(asyncio.run(collector.collect(b"n" * 32, self.keys, self.payee)))

    def sign(self, claims: Claims) -> str:
        return receipts.sign(claims, self.signer)


class Story:
    """One job, `tenant/letters`, that a server answered as its third, finished at `done`."""

    def __init__(self, done: int = DONE, server: Server | None = None) -> None:
        self.done = done
        self.server = server or Server(attested=done - HOUR)
        self.job: dict[str, Any] = {
            "apiVersion": "cocoonfleet.io/v1alpha1",
            "kind": "InferenceJob",
            "metadata": {"name": "letters", "namespace": "tenant", "uid": "job-uid"},
            "spec": {
                "model": "minilm",
                "input": {"inline": INPUT},
                "output": {"configMap": {}},
                "minimumTrust": "Test",
                "maximumPrice": {"perMillionItems": "3000000000"},
                "budget": "1000000000",
                "parallelism": 1,
            },
        }
        self.before = self.server.sign(self.claims(seq=1, jti=f"{self.server.key}.1", prev="00", sub="cluster/other"))
        own = self.claims(prev=receipts.link(self.before))
        self.receipt = self.server.sign(own)
        self.after = self.server.sign(
            structs.replace(
                own, seq=3, jti=f"{self.server.key}.3", prev=receipts.link(self.receipt), sub="cluster/next"
            )
        )
        status = {"state": "Succeeded", "receipt": self.receipt, "cost": "2000000", "usage": {"items": 1_000}}
        self.job["status"] = status | {"output": {"configMap": "letters-output", "sha256": sha256(ANSWERS)}}

    def claims(self, **changes: Any) -> Claims:
        server, spec = self.server, self.job["spec"]
        claims = Claims(
            iss=server.key, sub="cluster/job-uid", jti=f"{server.key}.2", iat=self.done, attempt=1, outcome="Succeeded",
            namespace="tenant", name="letters", provider="provider-uid", payee=server.payee,
            model=ReceiptModel("minilm", "ab" * 32), input_sha256=sha256(INPUT.encode()), output_sha256=sha256(ANSWERS),
            usage=Usage(items=1_000), price=Price(per_million_items="2000000000"), budget="1000000000",
            minimum_trust=Trust.TEST, spec_sha256=spec_digest(spec), cost="2000000", started=self.done - 10,
            finished=self.done, evidence_sha256=server.digest, trust=Trust.TEST, seq=2, prev="",
        )  # fmt: skip
        return structs.replace(claims, **changes)

    def signed(self, **changes: Any) -> str:
        """The receipt with other claims, signed by the same key: a server that lies."""
        return self.server.sign(self.claims(**({"prev": receipts.link(self.before)} | changes)))

    def entry(self, **changes: Any) -> WorkEntry:
        claims = self.claims()
        entry = WorkEntry(
            jti=claims.jti, state="Accepted", cluster="cluster", job="job-uid", attempt=1, outcome="Succeeded",
            namespace="tenant", name="letters", provider="provider-uid", payee=wallet(1).raw(), model="minilm",
            usage=claims.usage, cost="2000000", fee="100000", trust="Test", evidence=self.server.digest,
            finished=self.done, received=self.done + 5.0, receipt=self.receipt,
        )  # fmt: skip
        return structs.replace(entry, **changes)

    def transfer(self, **changes: Any) -> Transfer:
        transfer = Transfer(
            id="p1-0", cluster="cluster", provider="provider-uid", payee=wallet(1).raw(), amount="1900000",
            purpose="payout", state="confirmed", reserved=self.done + 60.0, transaction="cd" * 32,
            settled=self.done + 70.0,
        )  # fmt: skip
        return structs.replace(transfer, **changes)

    def material(self, **changes: Any) -> Material:
        material = Material(
            receipt=self.receipt, evidence=self.server.evidence(), job=self.job, entry=self.entry(),
            transfers=(self.transfer(),), neighbours=(self.before, self.after), answers=sha256(ANSWERS),
            books="the payout service at https://payout.example",
        )  # fmt: skip
        return structs.replace(material, **changes)

    def check(self, policy: Policy = ALLOWED, now: float = DONE + HOUR, **changes: Any) -> Report:
        return check_all(self.material(**changes), Terms(policy, now))


def wrong(report: Report) -> set[str]:
    """The lines with ✗."""
    return {line.check for line in report.lines if line.holds == "no"}


def open_lines(report: Report) -> set[str]:
    """The lines that could not be checked."""
    return {line.check for line in report.lines if line.holds == "unknown"}


def said(report: Report, check: str) -> str:
    return next(line.said for line in report.lines if line.check == check)
