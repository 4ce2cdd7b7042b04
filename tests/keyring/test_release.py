"""Who gets a sealed file's key, and who does not."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from msgspec import structs

from cocoon.api.evidence import FORMAT, Bundle, EvidenceRequest, Keys, Tee
from cocoon.api.sealing import STANZA, ReleaseRequest
from cocoon.api.trust import Trust
from cocoon.attest import bundle as bundles
from cocoon.attest import sealing
from cocoon.attest.age import header as headers
from cocoon.attest.age import wrapping
from cocoon.attest.age.header import Stanza
from cocoon.keyring.challenges import Challenges
from cocoon.keyring.process import Keyring
from cocoon.keyring.refusals import Refusal
from tests.attest.makers.certificates import AT, DAY, NOW
from tests.attest.makers.intel import MR_TD, RTMRS, intel
from tests.keyring import kit

INTEL = intel()


async def test_a_runner_gets_the_key_under_the_clients_terms(client: kit.Client, runner: kit.Runner) -> None:
    header = client.header()
    fresh = await runner.ask(header)
    parsed = headers.parse(header)
    assert runner.opens(fresh) == wrapping.unwrap(parsed, [client.identity.key]).file_key
    assert sealing.policy_of(headers.parse(fresh)) == sealing.policy_of(parsed)
    assert [stanza.kind for stanza in headers.parse(fresh).stanzas] == ["X25519", STANZA]


async def test_a_request_is_good_once(client: kit.Client, runner: kit.Runner) -> None:
    request = await runner.request(client.header())
    assert await runner.send(request)
    assert await runner.refused(request) == "NonceRefused"


async def test_nonces_that_are_not_this_keyrings(client: kit.Client, runner: kit.Runner) -> None:
    for nonce in (bytes(32), (await runner.challenge())[:-1] + b"\0", (await runner.challenge())[:24] + bytes(8)):
        assert await runner.refused(await runner.request(client.header(), nonce)) == "NonceRefused"


async def test_an_old_challenge_and_a_clock_that_is_set_back(tmp_path: Path) -> None:
    clock = [time.time()]
    async with kit.keyring(kit.settings(tmp_path), lambda: clock[0]) as keyring:
        runner, client = kit.Runner(keyring), kit.Client(keyring)
        old = await runner.request(client.header())
        clock[0] += 121
        assert await runner.refused(old) == "NonceRefused"
        clock[0] -= 121
        assert await runner.refused(old) == "NonceRefused"


def test_a_challenge_from_a_time_to_come_is_refused() -> None:
    """Else it could be used now, forgotten, and used again when its time comes."""
    clock = [10_000.0]
    challenges = Challenges(lambda: clock[0])
    nonce = challenges.make()
    clock[0] -= 200
    with pytest.raises(Refusal, match="expired"):
        challenges.spend(nonce)
    clock[0] += 200
    challenges.spend(nonce)


async def test_evidence_of_another_or_stolen(client: kit.Client, runner: kit.Runner, keyring: Keyring) -> None:
    thief, header = kit.Runner(keyring), client.header()
    stolen = await runner.request(header)
    # the thief has the evidence, and not the key that it names
    message = sealing.release_message(bundles.decode(stolen.evidence).nonce, header, runner.tls)
    forged = structs.replace(stolen, signature=thief.keys.receipt.sign(message))
    assert await thief.refused(forged) == "SignatureRefused"
    # the thief puts his own sealing key into it
    bundle = bundles.decode((await runner.request(header)).evidence)
    swapped = structs.replace(bundle, keys=thief.keys.public)
    message = sealing.release_message(bundle.nonce, header, runner.tls)
    request = ReleaseRequest(bundles.encode(swapped), header, thief.keys.receipt.sign(message))
    assert await thief.refused(request) == "EvidenceRefused"


async def test_a_request_made_for_another_connection(client: kit.Client, runner: kit.Runner) -> None:
    """Somebody between runner and keyring shows the runner his own certificate and passes on what it says."""
    runner.tls = kit.certificate().spki
    assert await runner.refused(await runner.request(client.header())) == "SignatureRefused"


async def test_a_header_that_was_swapped_on_the_way(client: kit.Client, runner: kit.Runner) -> None:
    request = await runner.request(client.header())
    assert await runner.refused(structs.replace(request, header=client.header())) == "SignatureRefused"


async def test_a_keyrings_evidence_is_no_runners(client: kit.Client, keyring: Keyring) -> None:
    runner = kit.Runner(keyring, role="keyring")
    assert await runner.refused(await runner.request(client.header())) == "EvidenceRefused"


async def test_evidence_that_has_expired(client: kit.Client, keyring: Keyring) -> None:
    runner = kit.Runner(keyring, lifetime=-1.0)
    assert await runner.refused(await runner.request(client.header())) == "EvidenceRefused"


async def test_terms_for_hardware_refuse_test_roots(tmp_path: Path) -> None:
    terms = {"runners": {"trust": "Hardware"}, "keyrings": kit.TEST}
    async with kit.keyring(kit.settings(tmp_path, terms)) as keyring:
        runner, client = kit.Runner(keyring), kit.Client(keyring)
        assert await runner.refused(await runner.request(client.header())) == "EvidenceRefused"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires": 1_000}, "Expired"),
        ({"gpus": 1}, "PolicyRefused"),
        ({"trust": Trust.HARDWARE}, "PolicyRefused"),
        ({"measurements": ("another",)}, "PolicyRefused"),
        ({"measurements": ("another", "development")}, ""),
        ({"epoch": "0" * 16}, "EpochUnknown"),
    ],
)
async def test_the_clients_own_terms(
    client: kit.Client, runner: kit.Runner, changes: dict[str, Any], code: str
) -> None:
    assert await runner.refused(await runner.request(client.header(**changes))) == code


async def test_a_client_cannot_widen_the_keyrings_terms(tmp_path: Path) -> None:
    terms = {"runners": kit.TEST | {"measurements": ["good"]}, "keyrings": kit.TEST}
    async with kit.keyring(kit.settings(tmp_path, terms)) as keyring:
        client = kit.Client(keyring)
        bad, good = kit.Runner(keyring, measurement="bad"), kit.Runner(keyring, measurement="good")
        header = client.header(measurements=("bad",))
        assert await bad.refused(await bad.request(header)) == "EvidenceRefused"
        assert await good.refused(await good.request(header)) == "PolicyRefused"
        assert await good.refused(await good.request(client.header())) == ""


class TdxCollector:
    """Quotes of one platform, for a runner."""

    tee: Tee = "tdx"
    trust = Trust.HARDWARE

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        quote = INTEL.quote(INTEL.platform(), bundles.bind("runner", nonce, keys, payee))
        return Bundle(FORMAT, "runner", nonce, keys, payee, "tdx", quote, INTEL.published(issued=NOW - DAY))


@pytest.mark.parametrize(("measurement", "code"), [(MR_TD.hex(), ""), ("ab" * 48, "PolicyRefused")])
async def test_a_clients_measurements_stand_instead_of_the_guests_in_the_keyrings_terms(
    tmp_path: Path, measurement: str, code: str
) -> None:
    guest = {"mrTd": MR_TD.hex(), "rtmrs": [value.hex() for value in RTMRS]}
    terms = {"runners": kit.TEST | {"test_roots": [INTEL.root.fingerprint], "guests": [guest]}, "keyrings": kit.TEST}
    async with kit.keyring(kit.settings(tmp_path, terms), lambda: AT) as keyring:
        runner, client = kit.Runner(keyring), kit.Client(keyring)
        runner.collector = TdxCollector()
        header = client.header(measurements=(measurement,))
        assert await runner.refused(await runner.request(header)) == code


async def test_releases_are_counted_by_starts_of_runners(client: kit.Client, keyring: Keyring) -> None:
    header = client.header(releases=2)
    first, second, third = (kit.Runner(keyring) for _ in range(3))
    for runner in (first, second, first, second):
        assert await runner.refused(await runner.request(header)) == ""
    assert await third.refused(await third.request(header)) == "ReleasesExhausted"
    assert await third.refused(await third.request(client.header(releases=1))) == ""


async def test_a_header_whose_terms_were_changed(client: kit.Client, runner: kit.Runner) -> None:
    parsed = headers.parse(client.header())
    wider = sealing.stanza(client.policy(releases=99))
    share = parsed.stanzas[0]
    for stanzas in ([share, wider], [share], [share, wider, parsed.stanzas[1]], [wider]):
        raw = wrapping.build(bytes(16), stanzas)
        mac = raw[: -(43 + 1)] + parsed.raw[-(43 + 1) :]
        assert await runner.refused(await runner.request(mac)) == "HeaderRefused"


async def test_a_file_without_a_policy_or_sealed_to_somebody_else(client: kit.Client, runner: kit.Runner) -> None:
    plain, _ = sealing.begin_output(client.identity.public)
    assert await runner.refused(await runner.request(plain)) == "HeaderRefused"
    other, _ = sealing.begin(client.policy(), [X25519PrivateKey.generate().public_key().public_bytes_raw()])
    assert await runner.refused(await runner.request(other)) == "HeaderRefused"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 5_000,
        lambda policy: policy + b" ",
        lambda policy: policy.replace(b'"gpus":0', b'"gpus":0,"gpus":0'),
        lambda policy: policy.replace(b'"gpus":0', b'"gpus":0,"more":1'),
        lambda policy: policy.replace(b'"gpus":0,', b""),
        lambda policy: policy.replace(b'"gpus":0', b'"gpus":-1'),
        lambda policy: policy.replace(b'"gpus":0', b'"gpus":0.0'),
        lambda policy: policy.replace(b'"releases":3', b'"releases":0'),
        lambda policy: policy.replace(b'"releases":3', b'"releases":101'),
        lambda policy: policy.replace(b'"namespace":"tenant"', b'"namespace":"../a"'),
        lambda policy: policy.replace(b'"age1', b'"age2'),
        lambda policy: policy.replace(b'"Test"', b'"None"'),
    ],
)
async def test_policies_that_nobody_can_keep(client: kit.Client, runner: kit.Runner, body: Any) -> None:
    written = body if isinstance(body, bytes) else body(sealing.stanza(client.policy()).body)
    assert isinstance(body, bytes) or written != sealing.stanza(client.policy()).body
    key = wrapping.new_file_key()
    raw = wrapping.build(key, [wrapping.wrap(key, client.identity.public), Stanza((STANZA,), written)])
    assert await runner.refused(await runner.request(raw)) == "HeaderRefused"


async def post(keyring: Keyring, path: str, body: bytes) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=False)) as session,
        session.post(kit.address(keyring) + path, data=io.BytesIO(body)) as answer,
    ):
        return answer.status, msgspec.json.decode(await answer.read())["code"]


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b"[" * 100_000, b"x" * 100, b'{"evidence":"AA=="}'])
async def test_requests_that_are_none(keyring: Keyring, body: bytes) -> None:
    for path in ("/v1/release", "/v1/handover", "/v1/evidence"):
        assert await post(keyring, path, body) == (422, "InvalidBody")


async def test_too_much_evidence_is_not_read(keyring: Keyring) -> None:
    assert (await post(keyring, "/v1/release", b'{"evidence":"' + b"A" * 5_000_000))[0] == 413
    assert (await post(keyring, "/v1/release", b'{"evidence":"' + b"A" * 1_000_000))[0] == 422


class Broken:
    """A TEE whose device is taken."""

    tee: Tee = "development"
    trust = Trust.TEST

    async def collect(self, nonce: bytes, keys: Keys, payee: str) -> Bundle:
        raise OSError(16, "Device or resource busy")


async def test_a_tee_that_gives_no_evidence(tmp_path: Path) -> None:
    async with kit.keyring(kit.settings(tmp_path), collector=Broken()) as keyring:
        body = msgspec.json.encode(EvidenceRequest(bytes(32)))
        assert await post(keyring, "/v1/evidence", body) == (503, "EvidenceUnavailable")


async def test_who_asks_for_evidence_too_often_is_sent_away_and_releases_go_on(
    client: kit.Client, runner: kit.Runner, keyring: Keyring
) -> None:
    connector = aiohttp.TCPConnector(ssl=False)
    body = msgspec.json.encode(EvidenceRequest(bytes(32)))
    async with aiohttp.ClientSession(kit.address(keyring), connector=connector) as session:
        for _ in range(40):
            async with session.post("/v1/evidence", data=body) as answer:
                status, raw = answer.status, await answer.read()
    assert (status, msgspec.json.decode(raw)["code"]) == (429, "TooManyRequests")
    assert runner.opens(await runner.ask(client.header()))
