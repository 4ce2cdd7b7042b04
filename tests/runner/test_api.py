"""The HTTPS API: who may call, what is idempotent, what is kept until it is acknowledged."""

from __future__ import annotations

import asyncio
import ssl
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from msgspec import structs

from cocoon.api.evidence import EvidenceRequest
from cocoon.api.provider import Meter
from cocoon.api.runner import (
    Cancellation,
    EventPage,
    JobProgress,
    ModelAssignment,
    ModelList,
    ModelState,
    Problem,
    Progressed,
    Started,
)
from cocoon.api.trust import Trust
from cocoon.attest import bundle, tls
from cocoon.attest.policy import Policy
from cocoon.attest.verify import verify
from cocoon.runner import models
from cocoon.runner.http_api import POLL
from tests.runner import kit
from tests.runner.fake_triton import FakeTriton

GOOD = kit.text_line(1, "fine")
POLICY = Policy(trust=Trust.TEST, allow_test_roots=True)


async def test_only_the_pinned_operator_may_call(quick: kit.Operator) -> None:
    url = f"https://127.0.0.1:{quick.runner.ports['api']}/v1/models"
    stranger = kit.client_context(tls.make_identity("operator", datetime.now(UTC)))
    nobody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    nobody.check_hostname, nobody.verify_mode = False, ssl.CERT_NONE
    old = kit.client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    async with aiohttp.ClientSession() as session:
        for context in (stranger, nobody, old):
            with pytest.raises(aiohttp.ClientError):
                await session.get(url, ssl=context)


async def test_a_certificate_signed_by_a_pinned_one_is_not_pinned(fake: FakeTriton, tmp_path: Path) -> None:
    authority, child = authority_and_child()
    chosen = kit.settings(tmp_path, COCOON_OPERATOR_CERTIFICATES=authority.certificate.decode())
    async with kit.running(chosen, fake) as operator, aiohttp.ClientSession() as session:
        url = f"https://127.0.0.1:{operator.runner.ports['api']}/v1/models"
        async with session.get(url, ssl=kit.client_context(child)) as answer:
            assert answer.status == 403
            assert msgspec.json.decode(await answer.read(), type=Problem).code == "Unauthorized"
        async with session.get(url, ssl=kit.client_context(authority)) as answer:
            assert answer.status == 200


def authority_and_child() -> tuple[tls.Identity, tls.Identity]:
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority")])
    found = []
    for key, name in zip(keys, ("authority", "child"), strict=True):
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=name == "authority", path_length=None), critical=True)
            .sign(keys[0], hashes.SHA256())
        )
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        found.append(tls.Identity(pem, certificate.public_bytes(Encoding.PEM)))
    return found[0], found[1]


async def test_evidence_binds_the_connections_key_and_the_payee(quick: kit.Operator) -> None:
    nonce = b"n" * 32
    status, raw = await quick.call("POST", "/v1/evidence", EvidenceRequest(nonce))
    verdict = verify(raw, nonce, POLICY, time.time())
    assert (status, verdict.trusted, verdict.trust) == (200, True, Trust.TEST)
    shown = bundle.decode(raw)
    _, writer = await asyncio.open_connection("127.0.0.1", quick.runner.ports["api"], ssl=kit.client_context())
    certificate = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    assert shown.keys.tls == tls.spki_digest(certificate)
    assert shown.payee == "UQpayee"
    assert not verify(raw, b"m" * 32, POLICY, time.time()).trusted


async def test_receipts_name_the_evidence_of_every_attestation(quick: kit.Operator, echo: ModelAssignment) -> None:
    _, claims = await quick.do(kit.job(echo, GOOD))
    for nonce in (b"a" * 32, b"b" * 32):
        _, raw = await quick.call("POST", "/v1/evidence", EvidenceRequest(nonce))
        verdict = verify(raw, nonce, POLICY, time.time())
        assert (verdict.trusted, verdict.evidence) == (True, claims.evidence_sha256)
    assert claims.prev == claims.evidence_sha256


async def test_an_attempt_is_started_once(quick: kit.Operator, echo: ModelAssignment) -> None:
    job = kit.job(echo, GOOD)
    other = structs.replace(job, budget="5")
    assert await quick.start(job) == 201
    await quick.finished(job.uid)
    for _ in range(2):
        assert await quick.start(job) == 200
        assert await quick.start(other) == 409
        await quick.acknowledge()
    page = await quick.get("/v1/events?after=0", EventPage) if quick.runner.events.after(0) else None
    assert page is None
    progress = await quick.get(f"/v1/jobs/{job.uid}/1", JobProgress)
    assert progress.phase == "Finished"


async def test_who_does_not_wait_is_told_at_once_that_there_is_nothing(quick: kit.Operator) -> None:
    async with asyncio.timeout(POLL / 2):
        page = await quick.get("/v1/events?after=0&wait=0", EventPage)
    assert (page.events, page.running) == ((), ())


async def test_events_are_kept_until_acknowledged(quick: kit.Operator, echo: ModelAssignment) -> None:
    await quick.do(kit.job(echo, GOOD))
    first = await quick.get("/v1/events?after=0", EventPage)
    again = await quick.get("/v1/events?after=0", EventPage)
    assert first.events == again.events
    assert isinstance(first.events[0], Started)
    assert not any(isinstance(event, Progressed) for event in first.events)
    await quick.acknowledge()
    assert quick.runner.events.after(0) == ()


@pytest.mark.parametrize(("final", "outcome"), [(True, ("Cancelled", "1")), (False, ("Interrupted", "0"))])
async def test_a_cancelled_attempt_is_receipted(
    quick: kit.Operator, echo: ModelAssignment, fake: FakeTriton, final: bool, outcome: tuple[str, str]
) -> None:
    await quick.start(kit.job(echo, GOOD + kit.text_line(2, "#wait"), parallelism=1))
    await fake.waiting.wait()
    status, _ = await quick.call("DELETE", "/v1/jobs/job-1/1", Cancellation(final=final, reason="suspended"))
    event = await quick.finished("job-1")
    claims = quick.open(event)
    assert (status, event.code, event.detail) == (200, "Cancelled", "suspended")
    assert (claims.outcome, claims.cost) == outcome
    assert (event.output is not None) is final


async def test_a_job_waits_for_its_model(fake: FakeTriton, tmp_path: Path) -> None:
    fake.kill()
    async with kit.running(kit.settings(tmp_path), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        state = await operator.get("/v1/models/echo", ModelState, "PUT", model)
        assert state.state == "Loading"
        await operator.start(kit.job(model, GOOD))
        assert (await operator.get("/v1/jobs/job-1/1", JobProgress)).phase == "Waiting"
        fake.restart()
        assert operator.open(await operator.finished("job-1")).outcome == "Succeeded"


async def test_a_model_with_another_digest_is_not_loaded(quick: kit.Operator, fake: FakeTriton, tmp_path: Path) -> None:
    state = await quick.load(kit.offer(tmp_path, kit.MODELS / "echo", sha256="00" * 32))
    assert (state.state, state.code, fake.loaded) == ("Failed", "DigestMismatch", {})
    job = kit.job(kit.offer(tmp_path, kit.MODELS / "echo", sha256="00" * 32), GOOD)
    event, claims = await quick.do(job)
    assert (event.code, claims.outcome) == ("ModelUnavailable", "Interrupted")
    assert (await quick.load(kit.offer(tmp_path, kit.MODELS / "echo"))).state == "Ready"


async def test_a_model_without_its_tokenizer_fails(quick: kit.Operator, tmp_path: Path) -> None:
    for path in ("tokenizer.json", "../../journal/journal", None):
        state = await quick.load(kit.offer(tmp_path, kit.MODELS / "echo", meter=Meter("Tokens", path)))
        assert (state.state, state.code) == ("Failed", "TokenizerInvalid")


async def test_a_model_in_use_is_not_replaced(quick: kit.Operator, echo: ModelAssignment, fake: FakeTriton) -> None:
    await quick.start(kit.job(echo, kit.text_line(1, "#wait")))
    await fake.waiting.wait()
    changed = structs.replace(echo, max_concurrency=1)
    assert (await quick.call("PUT", "/v1/models/echo", changed))[0] == 409
    assert (await quick.call("DELETE", "/v1/models/echo"))[0] == 409
    assert (await quick.call("PUT", "/v1/models/echo", echo))[0] == 200
    fake.release()
    await quick.finished("job-1")
    await quick.runner.jobs.quiet()
    assert (await quick.call("DELETE", "/v1/models/echo"))[0] == 204
    assert await quick.get("/v1/models", ModelList) == ModelList(())
    assert fake.loaded == {}


async def test_an_isolated_server_takes_its_namespace_only(fake: FakeTriton, tmp_path: Path) -> None:
    async with kit.running(kit.settings(tmp_path, COCOON_NAMESPACE="tenant"), fake) as operator:
        model = kit.offer(tmp_path, kit.MODELS / "echo")
        await operator.load(model)
        assert await operator.start(kit.job(model, GOOD, namespace="other")) == 403
        assert await operator.start(kit.job(model, GOOD)) == 201
        await operator.finished("job-1")


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/jobs/unknown/1", None, 404),
        ("GET", "/v1/jobs/unknown/x", None, 422),
        ("DELETE", "/v1/jobs/unknown/1", {"final": True, "reason": ""}, 404),
        ("PUT", "/v1/jobs/a/1", {"uid": "a"}, 422),
        ("PUT", "/v1/models/..%2fa", {}, 422),
        ("POST", "/v1/evidence", {"nonce": "YQ=="}, 422),
        ("GET", "/v1/events?after=-1", None, 422),
        ("GET", "/nowhere", None, 404),
        ("POST", "/v1/models", {}, 405),
    ],
)
async def test_a_refusal_is_a_problem(quick: kit.Operator, method: str, path: str, body: object, status: int) -> None:
    answer, raw = await quick.call(method, path, body)
    problem = msgspec.json.decode(raw, type=Problem)
    assert (answer, problem.status) == (status, status)
    assert problem.code
    assert problem.detail


async def test_metrics_and_health(
    quick: kit.Operator, echo: ModelAssignment, fake: FakeTriton, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "SETTLE", 0.0)
    await quick.do(kit.job(echo, GOOD))
    base = f"http://127.0.0.1:{quick.runner.ports['health']}"
    async with aiohttp.ClientSession(base) as session:
        assert (await session.get("/healthz")).status == 200
        assert (await session.get("/readyz")).status == 200
        text = await (await session.get("/metrics")).text()
        assert 'cocoon_runner_items_total{model="echo",result="answered"} 1.0' in text
        assert 'cocoon_runner_triton_mismatched_requests_total{model="echo"} 0.0' in text
        fake.miscount = 3
        await quick.do(kit.job(echo, GOOD, uid="other"))
        await quick.runner.jobs.quiet()
        await asyncio.gather(*quick.runner.models._tasks)
        text = await (await session.get("/metrics")).text()
        assert 'cocoon_runner_triton_mismatched_requests_total{model="echo"} 3.0' in text
        fake.kill()
        assert (await session.get("/readyz")).status == 503
