"""Sealed jobs: what a runner opens, what it refuses, and what of it anybody else can see."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pyrage
import pytest
from aiohttp import web

from cocoon.api.job import ConfigMapOutput, JobInput, JobOutput
from cocoon.api.money import Price
from cocoon.api.runner import Finished, JobAssignment, ModelAssignment
from cocoon.api.sealing import KeyringPlace
from cocoon.api.trust import Trust
from cocoon.attest import sealing
from cocoon.attest.age import armor, wrapping
from cocoon.attest.age import header as headers
from cocoon.attest.age import keys as age_keys
from cocoon.keyring.process import Keyring
from cocoon.runner.keyrings import Keyrings
from tests.keyring import kit as keyrings
from tests.runner import https_files, kit
from tests.runner.fake_triton import FakeTriton
from tests.unit.age.files import unseal

SECRET = "nobody else may read this"
LINES = "".join(kit.text_line(number, f"{SECRET} {number}") for number in range(5))


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    async with keyrings.keyring(keyrings.settings(tmp_path)) as found:
        yield found


@pytest.fixture
def client(keyring: Keyring) -> keyrings.Client:
    return keyrings.Client(keyring)


class Sealing:
    """Makes sealed jobs for one model at one keyring."""

    def __init__(self, keyring: Keyring, client: keyrings.Client, model: ModelAssignment) -> None:
        self.place = KeyringPlace(keyrings.address(keyring), client.identity.epoch)
        self.client, self.model = client, model

    def file(self, content: str = LINES, **changes: Any) -> bytes:
        return self.client.seal(content.encode(), **{"model": self.model.sha256} | changes)

    def job(self, file: bytes, **changes: Any) -> JobAssignment:
        fields: dict[str, Any] = {
            "input": JobInput(inline=armor.encode(file).decode(), sealed=True),
            "output": JobOutput(config_map=ConfigMapOutput(), seal_to=self.client.recipient),
            "keyrings": (self.place,),
        }
        return kit.job(self.model, "", **fields | changes)

    def answers(self, event: Finished) -> str:
        return unseal(armor.decode((event.output or "").encode()), self.client.key).decode()


@pytest.fixture
def sealed(keyring: Keyring, client: keyrings.Client, echo: ModelAssignment) -> Sealing:
    return Sealing(keyring, client, echo)


async def test_a_sealed_job(quick: kit.Operator, sealed: Sealing) -> None:
    job = sealed.job(sealed.file())
    event, claims = await quick.do(job)
    assert (event.code, event.detail, claims.outcome, claims.usage.items) == ("", "", "Succeeded", 5)
    assert SECRET in sealed.answers(event)
    assert len(sealed.answers(event).splitlines()) == 5
    text = (event.output or "").encode()
    assert (claims.output_sha256, event.output_bytes) == (hashlib.sha256(text).hexdigest(), len(text))
    assert claims.input_sha256 == hashlib.sha256((job.input.inline or "").encode()).hexdigest()
    theirs = pyrage.x25519.Identity.from_str(age_keys.identity_text(sealed.client.key))
    assert pyrage.decrypt(text, [theirs]).decode() == sealed.answers(event)


async def test_a_sealed_job_by_address(
    quick: kit.Operator, sealed: Sealing, files: https_files.Files, tmp_path: Path
) -> None:
    lines = "".join(kit.text_line(number, f"{SECRET} {number} {'x' * 900}") for number in range(3_000))
    file = sealed.file(lines)
    files.content["in"] = file
    source = JobInput(uri=files.uri("in"), sha256=hashlib.sha256(file).hexdigest(), sealed=True)
    output = JobOutput(uri=files.uri("out"), seal_to=sealed.client.recipient)
    event, claims = await quick.do(sealed.job(file, input=source, output=output, parallelism=8))
    assert (event.code, claims.usage.items) == ("", 3_000)
    assert claims.input_sha256 == source.sha256
    assert claims.output_sha256 == hashlib.sha256(files.put["out"]).hexdigest()
    assert unseal(files.put["out"], sealed.client.key).count(SECRET.encode()) == 3_000


async def test_only_the_answers_sealed(quick: kit.Operator, sealed: Sealing) -> None:
    event, _ = await quick.do(sealed.job(b"", input=JobInput(inline=LINES)))
    assert SECRET in sealed.answers(event)
    assert SECRET not in (event.output or "")


def files_below(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.rglob("journal/**/*") if path.is_file()]


async def test_nothing_of_it_is_seen_outside(
    quick: kit.Operator, sealed: Sealing, files: https_files.Files, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither the volume nor the events nor the logs; while the answers wait on the volume, too."""
    caplog.set_level(logging.DEBUG)
    seen: list[bytes] = []
    lines = "".join(kit.text_line(number, f"{SECRET} {number} {'x' * 900}") for number in range(3_000))

    async def look(request: Any) -> Any:
        seen.extend(files_below(tmp_path))
        await request.read()
        return web.Response()

    files.handlers["out"] = look
    output = JobOutput(uri=files.uri("out"), seal_to=sealed.client.recipient)
    event, _ = await quick.do(sealed.job(sealed.file("".join(lines.splitlines(keepends=True)[:20])), output=output))
    assert event.code == ""
    file = sealed.file(lines)
    files.content["in"] = file
    source = JobInput(uri=files.uri("in"), sha256=hashlib.sha256(file).hexdigest(), sealed=True)
    event, _ = await quick.do(sealed.job(file, uid="job-2", name="job-1", input=source, output=output))
    assert event.code == ""
    assert max(map(len, seen)) > 1_000_000, "answers were on the volume"
    for content in [*seen, *files_below(tmp_path)]:
        assert SECRET.encode() not in content
    assert SECRET not in caplog.text
    assert SECRET.encode() not in msgspec.json.encode(event)


@pytest.mark.parametrize("item_errors", ["Fail", "Continue"])
async def test_errors_of_items_are_told_to_the_client_alone(
    quick: kit.Operator, sealed: Sealing, item_errors: str
) -> None:
    bad = LINES + msgspec.json.encode({"id": "x", "inputs": [{"name": SECRET, "datatype": "BYTES", "shape": [1],
                                                              "data": ["a"]}]}).decode()  # fmt: skip
    event, _ = await quick.do(sealed.job(sealed.file(bad), item_errors=item_errors))
    assert SECRET not in event.detail
    assert "nobody" not in event.receipt
    if item_errors == "Fail":
        assert (event.code, event.detail.partition(".")[0]) == ("InvalidInput", "The attempt ended at line 6")
    else:
        assert SECRET in sealed.answers(event)


async def test_a_bug_in_the_runner_logs_nothing_of_it(
    quick: kit.Operator, sealed: Sealing, fake: FakeTriton, caplog: pytest.LogCaptureFixture
) -> None:
    async def explode(call: Any) -> Any:
        raise RuntimeError(f"can't do {call}: {SECRET}")

    fake.infer = explode  # type: ignore[method-assign]  # a bug
    event, claims = await quick.do(sealed.job(sealed.file()))
    assert (event.code, claims.outcome) == ("RunnerError", "Interrupted")
    assert SECRET not in event.detail + caplog.text
    assert "RuntimeError" in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    ("policy", "job"),
    [
        ({"name": "job-2"}, {}),
        ({"namespace": "other"}, {}),
        ({"model": "cd" * 32}, {}),
        ({}, {"name": "job-2"}),
        ({}, {"output": JobOutput(config_map=ConfigMapOutput())}),
        ({}, {"output": JobOutput(config_map=ConfigMapOutput(), seal_to=age_keys.recipient_text(b"\x09" + bytes(31)))}),
    ],
)
async def test_a_file_that_was_sealed_for_something_else(
    quick: kit.Operator, sealed: Sealing, keyring: Keyring, policy: dict[str, Any], job: dict[str, Any]
) -> None:
    """Another tenant takes the file, or the operator assigns another model or recipient: the key is not asked for."""
    event, claims = await quick.do(sealed.job(sealed.file(**policy), **job))
    assert (event.code, claims.outcome, claims.cost) == ("SealedForAnother", "Failed", "0")
    assert 'route="release"' not in keyring.metrics.render().decode()


def flipped(file: bytes, at: int) -> bytes:
    return file[:at] + bytes([file[at] ^ 1]) + file[at + 1 :]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda file: flipped(file, -1),
        lambda file: flipped(file, -60),
        lambda file: file[:-1],
        lambda file: file[:300],
        lambda _: b"",
        lambda file: b"PK" + file,
        lambda file: flipped(file, file.index(b"cocoonfleet")),
        lambda file: flipped(file, file.index(b"\n---") + 8),
        lambda file: file.replace(b"-> cocoon", b"-> X25519 AAAA\n\n-> cocoon"),
    ],
)
async def test_a_sealed_file_that_was_changed(quick: kit.Operator, sealed: Sealing, spoil: Any) -> None:
    file = spoil(sealed.file())
    event, claims = await quick.do(sealed.job(file))
    assert (event.code, claims.outcome, claims.cost) == ("SealedInvalid", "Failed", "0")
    assert event.output is None
    assert "kubectl cocoon seal" in event.detail


@pytest.mark.parametrize("text", ["", "hello", LINES, "-----BEGIN AGE ENCRYPTED FILE-----\n"])
async def test_an_input_that_is_not_sealed_at_all(quick: kit.Operator, sealed: Sealing, text: str) -> None:
    event, _ = await quick.do(sealed.job(b"", input=JobInput(inline=text, sealed=True)))
    assert event.code == "SealedInvalid"


async def test_armor_at_an_address(quick: kit.Operator, sealed: Sealing, files: https_files.Files) -> None:
    file = armor.encode(sealed.file())
    files.content["in"] = file
    source = JobInput(uri=files.uri("in"), sha256=hashlib.sha256(file).hexdigest(), sealed=True)
    event, _ = await quick.do(sealed.job(file, input=source))
    assert (event.code, "without armor" in event.detail) == ("SealedInvalid", True)


async def test_another_file_than_was_declared(quick: kit.Operator, sealed: Sealing, files: https_files.Files) -> None:
    """The store hands out another sealed file for the same job: it opens, and its digest is another."""
    files.content["in"] = sealed.file("".join(reversed(LINES.splitlines(keepends=True))))
    source = JobInput(uri=files.uri("in"), sha256=hashlib.sha256(sealed.file()).hexdigest(), sealed=True)
    event, _ = await quick.do(sealed.job(b"", input=source))
    assert event.code == "DigestMismatch"


async def test_a_lost_key_is_named(quick: kit.Operator, sealed: Sealing, tmp_path: Path) -> None:
    """The operator knows another epoch; or it does not know, and the keyring itself says so."""
    file = sealed.file()
    async with keyrings.keyring(keyrings.settings(tmp_path)) as fresh:
        epoch = fresh.replica.identities.current.epoch
        for number, known in enumerate((epoch, "")):
            place = KeyringPlace(keyrings.address(fresh), known)
            job = sealed.job(file, keyrings=(place,), uid=f"job-{number}", name="job-1")
            event, claims = await quick.do(job)
            assert (event.code, claims.outcome) == ("SealedToLostKey", "Failed")
            assert sealed.client.identity.epoch in event.detail
            assert "Seal the input again" in event.detail


async def test_the_right_keyring_among_several(quick: kit.Operator, sealed: Sealing, tmp_path: Path) -> None:
    async with keyrings.keyring(keyrings.settings(tmp_path)) as fresh:
        places = (
            KeyringPlace(keyrings.NOWHERE, sealed.place.epoch),
            KeyringPlace(keyrings.address(fresh), ""),
            sealed.place,
        )
        event, _ = await quick.do(sealed.job(sealed.file(), keyrings=places))
        assert event.code == ""


@pytest.mark.parametrize("places", [(), (KeyringPlace(keyrings.NOWHERE, ""),)])
async def test_no_keyring_in_reach(quick: kit.Operator, sealed: Sealing, places: tuple[KeyringPlace, ...]) -> None:
    event, claims = await quick.do(sealed.job(sealed.file(), keyrings=places))
    assert (event.code, claims.outcome) == ("KeyringUnavailable", "Interrupted")


async def test_a_keyring_of_another_version(quick: kit.Operator, sealed: Sealing) -> None:
    place = msgspec.structs.replace(sealed.place, measurements=("another",))
    event, claims = await quick.do(sealed.job(sealed.file(), keyrings=(place,)))
    assert (event.code, claims.outcome) == ("KeyringUnavailable", "Interrupted")
    assert "measurement" in event.detail


@pytest.mark.parametrize(
    ("policy", "outcome"),
    [
        ({"expires": 1_000}, "Failed"),
        ({"measurements": ("another",)}, "Interrupted"),
        ({"trust": Trust.HARDWARE}, "Interrupted"),
        ({"gpus": 1}, "Interrupted"),
    ],
)
async def test_what_the_keyring_refuses(
    quick: kit.Operator, sealed: Sealing, policy: dict[str, Any], outcome: str
) -> None:
    event, claims = await quick.do(sealed.job(sealed.file(**policy)))
    assert (event.code, claims.outcome) == ("KeyRefused", outcome)


async def test_a_file_is_released_so_often_and_no_more(
    quick: kit.Operator, sealed: Sealing, fake: FakeTriton, tmp_path: Path
) -> None:
    file = sealed.file(releases=1)
    assert (await quick.do(sealed.job(file)))[0].code == ""
    second = tmp_path / "second"
    async with kit.running(kit.settings(second), fake) as other:
        assert (await other.load(kit.offer(second, kit.MODELS / "echo"))).state == "Ready"
        event, claims = await other.do(sealed.job(file))
        assert (event.code, claims.outcome) == ("KeyRefused", "Failed")


@pytest.mark.parametrize("recipient", ["age1", "age1" + "q" * 58, age_keys.recipient_text(bytes(32))])
async def test_a_recipient_that_is_none(quick: kit.Operator, sealed: Sealing, recipient: str) -> None:
    output = JobOutput(config_map=ConfigMapOutput(), seal_to=recipient)
    event, _ = await quick.do(sealed.job(b"", input=JobInput(inline=LINES), output=output))
    assert (event.code, "sealTo" in event.detail) == ("SealedInvalid", True)


async def test_a_budget_ends_a_sealed_job_too(quick: kit.Operator, sealed: Sealing) -> None:
    price = Price(per_million_items="1000000")
    event, claims = await quick.do(sealed.job(sealed.file(), price=price, budget="2", parallelism=1))
    assert (event.code, claims.usage.items, len(sealed.answers(event).splitlines())) == ("BudgetExceeded", 2, 2)


async def test_sealed_answers_that_are_too_many_for_an_object(quick: kit.Operator, sealed: Sealing) -> None:
    lines = "".join(kit.text_line(number, "y" * 200_000) for number in range(3))
    event, _ = await quick.do(sealed.job(b"", input=JobInput(inline=lines)))
    assert event.code == "OutputTooLarge"


async def test_a_keyring_that_changes_the_clients_terms(
    quick: kit.Operator, sealed: Sealing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever holds the file's key can write any header; the runner takes none but the client's."""

    async def changed(asking: Keyrings, channel: object, header: bytes) -> bytes:
        parsed = headers.parse(header)
        file_key = wrapping.unwrap(parsed, [sealed.client.identity.key]).file_key
        other = msgspec.structs.replace(sealing.policy_of(parsed), releases=99)
        own = wrapping.wrap(file_key, asking.keys.public.sealing)
        return wrapping.build(file_key, [own, sealing.stanza(other)])

    monkeypatch.setattr(Keyrings, "_ask", changed)
    event, _ = await quick.do(sealed.job(sealed.file()))
    assert (event.code, "other terms" in event.detail) == ("SealedInvalid", True)
