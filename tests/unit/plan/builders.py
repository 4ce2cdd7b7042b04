"""Records as tests need them: everything has a default, so that a test says only what it is about."""

from __future__ import annotations

import base64
from typing import Any

import msgspec

from cocoon.api.evidence import Reason, Verdict
from cocoon.api.job import JobStatus
from cocoon.api.money import NanoTon, Price, Usage
from cocoon.api.provider import (
    AllowedNamespaces,
    AttestationPolicy,
    Confidential,
    ModelSource,
    ModelSpec,
    Nodes,
    ProviderSpec,
    ProviderStatus,
    TechnologySpec,
    Wallet,
)
from cocoon.api.receipts import Claims, ReceiptModel
from cocoon.api.runner import Finished, ModelState
from cocoon.api.trust import Trust
from cocoon.fleet.plan.records import Attestation, Job, Key, Node, Offer, Provider, RunnerView, Server, Uid

SHA = "ab" * 32
GPU = "nvidia.com/pgpu"
TDX = TechnologySpec(name="TDX", runtime_class_name="kata-tdx", node_selector={"tee": "tdx"})
START = 1_800_000_000.0


def offer(model: str = "minilm", **changes: Any) -> Offer:
    price = changes.pop("price", Price(per_million_items="1000000"))
    spec = ModelSpec(name=model, source=ModelSource(uri="https://example.com/m.tar"), sha256=SHA, price=price)
    terms: dict[str, Any] = {
        "gpus": 1,
        "concurrency": 8,
        "minimum": 0,
        "maximum": 4,
        "idle_timeout": 600,
        "isolation": "Shared",
        "template": "t1",
    }
    return Offer(model=model, sha256=changes.pop("sha256", SHA), price=price, spec=spec, **(terms | changes))


def provider(name: str = "dc1", *offers: Offer, **changes: Any) -> Provider:
    offered = offers or (offer(),)
    nodes = changes.pop("nodes", Nodes())
    spec = ProviderSpec(
        wallet=Wallet(address="UQwallet"),
        models=tuple(each.spec for each in offered),
        nodes=nodes,
        confidential=Confidential(technologies=(TDX,)),
    )
    terms: dict[str, Any] = {
        "uid": Uid(f"uid-{name}"),
        "resource_version": "1",
        "generation": 1,
        "deleting": False,
        "finalized": True,
        "trust": Trust.HARDWARE,
        "payee": "UQwallet",
        "operation": "Serve",
        "drain_timeout": 1800,
        "reattest_every": 3600,
        "maximum_gpus": None,
        "allowed_namespaces": AllowedNamespaces(origin="All"),
        "technologies": (TDX,),
        "policy": AttestationPolicy(),
        "status": ProviderStatus(),
    }
    return Provider(
        key=Key(f"fleet/{name}"), spec=spec, offers={each.model: each for each in offered}, **(terms | changes)
    )


def node(name: str = "n1", gpus: int = 8, **changes: Any) -> Node:
    terms: dict[str, Any] = {
        "labels": {"tee": "tdx"},
        "taints": (),
        "cordoned": False,
        "not_ready_since": None,
        "allocatable": {GPU: gpus},
    }
    return Node(name=name, **(terms | changes))


def job(name: str = "j1", **changes: Any) -> Job:
    namespace = changes.pop("namespace", "team")
    terms: dict[str, Any] = {
        "uid": Uid(f"uid-{namespace}-{name}"),
        "resource_version": "1",
        "generation": 1,
        "submitted": START,
        "deleting": False,
        "model": "minilm",
        "model_sha256": None,
        "providers": (),
        "minimum_trust": Trust.HARDWARE,
        "maximum_price": None,
        "budget": None,
        "parallelism": 1,
        "priority": 0,
        "deadline": None,
        "attempts": 3,
        "suspended": False,
        "ttl": None,
        "status": JobStatus(),
    }
    if "budget" in changes and changes["budget"] is not None:
        changes["budget"] = NanoTon(changes["budget"])
    return Job(key=Key(f"{namespace}/{name}"), **(terms | changes))


def server(name: str = "s1", **changes: Any) -> Server:
    terms: dict[str, Any] = {
        "uid": Uid(f"uid-{name}"),
        "resource_version": "1",
        "provider": Key("fleet/dc1"),
        "model": "minilm",
        "node": "n1",
        "template": "t1",
        "gpus": 1,
        "gpu_resource": GPU,
        "concurrency": 8,
        "created": START,
        "deleting": False,
        "running": True,
        "address": "10.0.0.1",
    }
    return Server(key=Key(f"fleet/{name}"), **(terms | changes))


def attestation(of: Server, now: float = START, **changes: Any) -> Attestation:
    """A verdict that trusts the server for an hour, unless changed."""
    verdict = changes.pop("verdict", Verdict(trusted=True, trust=Trust.HARDWARE, not_after=now + 3600, evidence="e"))
    return Attestation(server=of.uid, verdict=verdict, next_try=changes.pop("next_try", now + 2000), **changes)


def untrusted(code: str = "TcbOutOfDate") -> Verdict:
    return Verdict(
        trusted=False,
        trust=Trust.HARDWARE,
        not_after=START,
        evidence="e",
        reasons=(Reason(code, "Update the platform's firmware."),),
    )


def view(of: Server, now: float = START, **changes: Any) -> RunnerView:
    """What a runner that is ready and idle tells."""
    terms: dict[str, Any] = {
        "boot": "b1",
        "last_contact": now,
        "models": (ModelState(of.model, SHA, "Ready"),),
        "idle_since": now,
    }
    return RunnerView(server=of.uid, **(terms | changes))


def finished(of: Job, attempt: int = 1, number: int = 1, outcome: str = "Succeeded", **changes: Any) -> Finished:
    """The end of an attempt with an unsigned receipt."""
    return Finished(number, of.uid, attempt, receipt(of, attempt, outcome), "", 0, **changes)


def receipt(of: Job, attempt: int, outcome: str) -> str:
    claims = Claims(
        iss="key",
        sub=f"cluster/{of.uid}",
        jti=f"{of.uid}/{attempt}/{outcome}",
        iat=0,
        attempt=attempt,
        outcome=outcome,  # type: ignore[arg-type]  # tests pass one of the four
        namespace=of.namespace,
        name=of.key,
        provider="uid-dc1",
        payee="UQwallet",
        model=ReceiptModel(of.model, SHA),
        input_sha256="",
        output_sha256="",
        usage=Usage(items=1),
        price=Price(per_million_items="1000000"),
        budget="",
        minimum_trust=of.minimum_trust,
        spec_sha256="",
        cost="0" if outcome == "Interrupted" else str(of.budget or 1),
        started=0,
        finished=0,
        evidence_sha256="",
        trust=Trust.HARDWARE,
        seq=1,
        prev="",
    )
    body = base64.urlsafe_b64encode(msgspec.json.encode(claims)).decode().rstrip("=")
    return f"e30.{body}.sig"
