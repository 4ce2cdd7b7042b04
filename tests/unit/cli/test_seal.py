"""`kubectl cocoon seal` and `open`, with a real keyring on this machine."""

from __future__ import annotations

import asyncio
import io
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from cocoon.attest import sealing
from cocoon.attest.age import armor, keys
from cocoon.cli.__main__ import main
from cocoon.cli.failure import BAD_NEWS, FAILED, UNREACHABLE, USAGE
from cocoon.cli.identity_file import own_recipient
from cocoon.keyring.process import Keyring
from tests.keyring import kit
from tests.unit.age.files import parts
from tests.unit.cli.sealing_prompt import JOB, Prompt


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    async with kit.keyring(kit.settings(tmp_path)) as found:
        yield found


@pytest.fixture
def prompt(tmp_path: Path, keyring: Keyring, capsys: pytest.CaptureFixture[str]) -> Prompt:
    return Prompt(tmp_path, keyring, capsys)


async def test_a_job_is_sealed_for_itself_alone(prompt: Prompt) -> None:
    status, out = await prompt.seal()
    assert status == 0
    job = yaml.safe_load(out)
    assert "a secret" not in out
    assert job["spec"]["input"]["sealed"] is True
    policy, content = prompt.opened(armor.decode(job["spec"]["input"]["inline"].encode()))
    assert content == b"a secret\n"
    assert (policy.namespace, policy.name, policy.model, policy.releases) == ("tenant", "letters", kit.MODEL, 2)
    assert policy.output == job["spec"]["output"]["sealTo"] == own_recipient(prompt.key)
    assert policy.measurements == ("development",)
    assert job["metadata"].pop("labels") == {"cocoonfleet.io/sealed-to": policy.epoch}
    assert job["metadata"] == JOB["metadata"]
    assert "trust: Test" in prompt.said
    assert prompt.keyring.replica.name.removeprefix("terms:") in prompt.said
    assert stat.S_IMODE(prompt.key.stat().st_mode) == 0o600


async def test_a_runner_gets_the_key_of_what_was_sealed(prompt: Prompt) -> None:
    _, out = await prompt.seal()
    file = armor.decode(yaml.safe_load(out)["spec"]["input"]["inline"].encode())
    assert await kit.Runner(prompt.keyring).ask(parts(file)[0])


async def test_a_large_input_goes_to_a_file(prompt: Prompt) -> None:
    del prompt.job["spec"]["input"]
    (prompt.folder / "in").write_bytes(b"line\n" * 100_000)
    to = prompt.folder / "in.age"
    uri = "https://store.example/in.age?signature=1"
    status, out = await prompt.seal("--input", str(prompt.folder / "in"), "--to", str(to), "--uri", uri)
    assert status == 0
    given = yaml.safe_load(out)["spec"]["input"]
    assert (given["uri"], given["sealed"], "inline" in given) == (uri, True, False)
    assert prompt.opened(to.read_bytes())[1] == b"line\n" * 100_000
    assert sorted(path.name for path in prompt.folder.iterdir() if path.name.startswith(".")) == []


async def test_evidence_from_a_file(prompt: Prompt) -> None:
    replica = prompt.keyring.replica
    path = prompt.folder / "evidence.json"
    path.write_bytes(await replica.evidence(bytes(32), replica.identities.current.public))
    assert (await prompt.seal("--evidence", str(path)))[0] == 0
    path.write_bytes(path.read_bytes().replace(b'"sealing":"', b'"sealing":"A', 1))
    assert (await prompt.seal("--evidence", str(path)))[0] in (FAILED, BAD_NEWS)


@pytest.mark.parametrize(
    ("terms", "status", "said"),
    [
        ({"keyring": {"trust": "Hardware", "measurements": ["ab"]}}, BAD_NEWS, "development root"),
        ({"keyring": {"trust": "Test", "measurements": ["another"]}}, BAD_NEWS, "measurement"),
        ({"keyring": {"trust": "Test", "terms": "00" * 32}}, BAD_NEWS, "wallet"),
        ({"keyring": {}}, FAILED, "keyring.policy.measurements"),
        ({"runners": {"trust": "Hardware"}}, FAILED, "runners.measurements"),
        ({"runners": {"trust": "Test", "measurement": []}}, FAILED, "unknown field"),
        ({"releases": 0}, FAILED, "releases"),
        ({"expiresIn": "soon"}, FAILED, "soon"),
        ({"expiresIn": "1s"}, FAILED, "at least 1m"),
    ],
)
async def test_terms_that_are_not_met_or_make_no_sense(
    prompt: Prompt, terms: dict[str, Any], status: int, said: str
) -> None:
    prompt.terms |= terms
    assert (await prompt.seal())[0] == status
    assert said in prompt.said
    assert "Traceback" not in prompt.said


async def test_a_keyring_that_is_not_there(prompt: Prompt) -> None:
    assert (await prompt.seal(keyring=kit.NOWHERE))[0] == UNREACHABLE
    assert "port-forward" in prompt.said


async def test_a_keyring_that_waits_for_its_identity(prompt: Prompt) -> None:
    async with kit.keyring(kit.settings(prompt.folder), begun=False) as waiting:
        assert (await prompt.seal(keyring=kit.address(waiting)))[0] == FAILED
    assert "no identity yet" in prompt.said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda job: job["spec"].pop("modelSHA256"), "modelSHA256"),
        (lambda job: job["spec"].update(modelSHA256="12"), "model is malformed"),
        (lambda job: job["metadata"].pop("namespace"), "metadata.namespace"),
        (lambda job: job["spec"]["input"].update(sealed=True), "sealed already"),
        (lambda job: job["spec"].pop("input"), "exactly one plain input"),
        (lambda job: job.update(kind="Pod"), "InferenceJob"),
        (lambda job: job["spec"].update(output={"configMap": {}, "sealTo": "age1other"}), "sealTo"),
        (lambda job: job["spec"]["input"].update(inline="x" * 30_000), "--to"),
    ],
)
async def test_jobs_that_cannot_be_sealed(prompt: Prompt, change: Any, said: str) -> None:
    change(prompt.job)
    assert (await prompt.seal())[0] == FAILED
    assert said in prompt.said


async def test_answers_need_a_recipient(prompt: Prompt) -> None:
    assert (await prompt.seal(identity=False))[0] == FAILED
    assert "--identity" in prompt.said
    prompt.job["spec"]["output"] = {"configMap": {}, "sealTo": "age1nonsense"}
    assert (await prompt.seal(identity=False))[0] == FAILED
    assert "recipient" in prompt.said


async def test_options_that_contradict_each_other(prompt: Prompt) -> None:
    assert (await prompt.seal("--to", "x"))[0] == USAGE
    assert (await prompt.run("open", "-i", str(prompt.folder / "job.yaml")))[0] == USAGE


def answers(recipient: str, content: bytes) -> bytes:

    head, sealer = sealing.begin_output(keys.recipient_key(recipient))
    return head + sealer.push(content) + sealer.finish()


@pytest.mark.parametrize("armored", [True, False])
async def test_answers_are_opened(prompt: Prompt, armored: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    file = answers(own_recipient(prompt.key), b"answer\n" * 50_000)
    path = prompt.folder / "answers.age"
    path.write_bytes(armor.encode(file) if armored else file)
    to = prompt.folder / "answers"
    assert (await prompt.run("open", "--file", str(path), "-i", str(prompt.key), "-o", str(to)))[0] == 0
    assert to.read_bytes() == b"answer\n" * 50_000
    sink = io.BytesIO()
    monkeypatch.setattr("sys.stdout", io.TextIOWrapper(sink))
    assert await asyncio.to_thread(main, ["open", "--file", str(path), "-i", str(prompt.key)]) == 0
    assert sink.getvalue() == b"answer\n" * 50_000


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file[:-1] + bytes([file[-1] ^ 1]), "was changed"),
        (lambda file: file[:-5], "cut"),
        (lambda _: b"plain text", "sealed at all"),
        (lambda _: b"", "ends within"),
        (lambda _: answers(keys.recipient_text(b"\x09" + bytes(31)), b"x"), "Is this the identity"),
        (lambda file: armor.encode(file)[:-9], "armor"),
    ],
)
async def test_answers_that_do_not_open_leave_no_file(prompt: Prompt, spoil: Any, said: str) -> None:
    path, to = prompt.folder / "answers.age", prompt.folder / "answers"
    path.write_bytes(spoil(answers(own_recipient(prompt.key), b"answer\n")))
    assert (await prompt.run("open", "--file", str(path), "-i", str(prompt.key), "-o", str(to)))[0] == FAILED
    assert said in prompt.said
    assert not to.exists()


@pytest.mark.parametrize("text", ["", "# nothing\n", "AGE-SECRET-KEY-1XYZ\n", "ssh-ed25519 AAAA\n"])
async def test_identity_files_that_hold_none(prompt: Prompt, text: str) -> None:
    prompt.key.write_text(text)
    assert (await prompt.seal())[0] == FAILED
    assert str(prompt.key) in prompt.said
    assert "XYZ" not in prompt.said
