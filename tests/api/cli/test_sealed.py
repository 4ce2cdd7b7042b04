"""`submit --seal` and `seal --provider`: the keyring that a provider's status names, on a real API server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from msgspec import Struct

from cocoon.api.sealing import JobPolicy
from cocoon.attest import bundle as bundles
from cocoon.attest import sealing
from cocoon.attest.age import armor
from cocoon.attest.age import header as headers
from cocoon.cli.failure import BAD_NEWS, DONE, FAILED, MISSING, NOT_YET, UNREACHABLE, USAGE
from cocoon.cli.identity_file import own_recipient
from cocoon.keyring.process import Keyring
from demo import keyring as demo_keyring
from demo import sealed as demo_sealed
from demo import story
from demo.client import Client as DemoClient
from demo.kubectl import Kubectl
from tests.api.cli.conftest import Answer, Site
from tests.keyring import kit
from tests.scenario import builders
from tests.unit.age.files import parts, unseal

pytestmark = pytest.mark.api
PROVIDERS, JOBS = "cocoonproviders", "inferencejobs"
LINES = '{"id":"a","inputs":[]}\n{"id":"b","inputs":[]}\n'
TERMS = {"keyring": {"trust": "Test"}, "runners": {"trust": "Test", "measurements": ["development"]}}
MANIFEST: dict[str, Any] = {
    "apiVersion": "cocoonfleet.io/v1alpha1",
    "kind": "InferenceJob",
    "metadata": {"generateName": "letters-"},
    "spec": {"model": "minilm", "modelSHA256": kit.MODEL, "input": {"inline": "a secret\n"}},
}


@pytest.fixture
async def keyring(tmp_path: Path) -> AsyncIterator[Keyring]:
    async with kit.keyring(kit.settings(tmp_path)) as found:
        yield found


class Client(Struct, frozen=True):
    """Somebody with terms, a key and JSON Lines in a folder."""

    site: Site
    keyring: Keyring
    folder: Path

    async def run(self, *words: str) -> Answer:
        return await asyncio.to_thread(self.site.run, *words)

    async def submit(self, *words: str, file: str = "letters.jsonl", name: str = "letters") -> Answer:
        """A sealed job."""
        terms, key = str(self.folder / "terms.yaml"), str(self.folder / "key.txt")
        given = ["--model", "minilm", "--model-sha256", kit.MODEL, *(["--name", name] if name else [])]
        sealed = ["--seal", "--terms", terms, "--identity", key]
        return await self.run("submit", str(self.folder / file), *given, *sealed, *words)

    def names(self, name: str = "dc1", recipient: str = "", address: str = "") -> None:
        """Have a provider name a keyring in its status."""
        told = {
            "recipient": recipient or self.keyring.replica.identities.current.recipient,
            "epoch": self.keyring.replica.identities.current.epoch,
            "evidence": f"sha256:{'0' * 64} {address or kit.address(self.keyring)}",
        }
        self.site.create(PROVIDERS, builders.provider(name, ["minilm"]))
        self.site.say(PROVIDERS, name, {"keyring": told})

    @property
    def jobs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.site.kube.call("GET", self.site.objects.path(JOBS))["items"]
        return found

    def opened(self, job: dict[str, Any]) -> tuple[JobPolicy, bytes]:
        """As the keyring's identity opens it."""
        file = armor.decode(job["spec"]["input"]["inline"].encode())
        content = unseal(file, self.keyring.replica.identities.current.key)
        return sealing.policy_of(headers.parse(parts(file)[0])), content


@pytest.fixture
def client(site: Site, keyring: Keyring, tmp_path: Path) -> Client:
    (tmp_path / "letters.jsonl").write_text(LINES)
    (tmp_path / "terms.yaml").write_text(yaml.safe_dump(TERMS))
    return Client(site, keyring, tmp_path)


async def test_lines_are_sealed_and_submitted_in_one_step(client: Client) -> None:
    client.names()
    answer = await client.submit("--provider", "dc1")
    assert answer.status == DONE, answer.err
    [job] = client.jobs
    policy, content = client.opened(job)
    assert content == LINES.encode()
    assert (policy.namespace, policy.name, policy.model) == (client.site.namespace, "letters", kit.MODEL)
    assert job["spec"]["output"]["sealTo"] == policy.output == own_recipient(client.folder / "key.txt")
    assert job["metadata"]["labels"] == {"cocoonfleet.io/sealed-to": policy.epoch}
    assert f"Created {client.site.namespace}/letters." in answer.out
    assert "trust: Test" in answer.err


async def test_a_name_that_is_made_up_is_sealed_too(client: Client) -> None:
    client.names()
    (client.folder / "job.yaml").write_text(yaml.safe_dump_all([MANIFEST, MANIFEST]))
    for file in ("letters.jsonl", "job.yaml"):
        answer = await client.submit("--provider", "dc1", file=file, name="")
        assert answer.status == DONE, answer.err
    assert len(client.jobs) == 3
    for job in client.jobs:
        assert job["metadata"]["name"].startswith("letters-")
        assert client.opened(job)[0].name == job["metadata"]["name"]


async def test_watching_a_sealed_job(client: Client) -> None:
    client.names()
    answer = await client.submit("--provider", "dc1", "--watch", "--timeout", "0.3")
    assert answer.status == NOT_YET
    assert "1 job is not over after 0.3 s" in answer.err


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (("--provider", "dc1", "--model-sha256", ""), FAILED, "spec.modelSHA256 is needed"),
        (("--provider", "nobody"), MISSING, "/nobody. See which there are"),
        (("--provider", "bare"), MISSING, "names no keyring in its status"),
        (("--provider", "other"), BAD_NEWS, "within a minute"),
        (("--provider", "dc1", "--provider", "other"), FAILED, "have different keyrings"),
        (("--provider", "dc1", "--keyring", kit.NOWHERE), UNREACHABLE, "port-forward"),
        ((), USAGE, "Whose keyring"),
        (("--keyring", kit.NOWHERE, "--evidence", "TERMS"), USAGE, "give one of them"),
        (("--provider", "dc1", "--input-uri", "https://store.example/in"), USAGE, "in the clear"),
    ],
)
async def test_nothing_is_created_unless_all_of_it_can_be_sealed(
    client: Client, words: tuple[str, ...], status: int, said: str
) -> None:
    client.names()
    client.names("other", recipient="age1other")
    client.site.create(PROVIDERS, builders.provider("bare", ["minilm"]))
    answer = await client.submit(*(str(client.folder / "terms.yaml") if word == "TERMS" else word for word in words))
    assert (answer.status, client.jobs) == (status, []), answer.err
    assert said in answer.err


async def test_terms_that_the_keyring_does_not_meet(client: Client) -> None:
    client.names()
    (client.folder / "terms.yaml").write_text(yaml.safe_dump(TERMS | {"keyring": {"measurements": ["ab"]}}))
    answer = await client.submit("--provider", "dc1")
    assert (answer.status, client.jobs) == (BAD_NEWS, [])
    assert "does not meet your terms" in answer.err


async def test_options_of_sealing_without_it(client: Client) -> None:
    answer = await client.run("submit", str(client.folder / "letters.jsonl"), "--model", "a", "--identity", "key.txt")
    assert (answer.status, client.jobs) == (USAGE, [])
    assert "how to --seal: add it" in answer.err
    assert "--terms FILE" in (await client.run("submit", str(client.folder / "letters.jsonl"), "--model", "minilm",
                                               "--model-sha256", kit.MODEL, "--seal")).err  # fmt: skip


async def test_a_manifest_is_sealed_for_its_provider(client: Client) -> None:
    client.names()
    job = MANIFEST | {"metadata": {"name": "letters"}, "spec": MANIFEST["spec"] | {"providers": [{"name": "dc1"}]}}
    path, terms, key = (str(client.folder / name) for name in ("job.yaml", "terms.yaml", "key.txt"))
    await asyncio.to_thread(Path(path).write_text, yaml.safe_dump(job))
    answer = await client.run("seal", "-f", path, "--terms", terms, "--identity", key)
    assert answer.status == DONE, answer.err
    sealed = yaml.safe_load(answer.out)
    assert client.opened(sealed)[0].namespace == sealed["metadata"]["namespace"] == client.site.namespace


async def test_the_evidence_of_a_providers_keyring_is_kept(client: Client) -> None:
    client.names()
    folder = client.folder / "carried"
    assert (await client.run("collateral", str(folder), "--provider", "dc1")).status == DONE
    [kept] = await asyncio.to_thread(lambda: list((folder / "evidence").iterdir()))
    answer = await client.submit("--provider", "dc1", "--evidence", str(kept))
    assert answer.status == DONE, answer.err
    assert client.opened(client.jobs[0])[1] == LINES.encode()


async def test_a_keyring_inside_the_cluster_is_reached_by_port_forward(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address is the operator's; a program that says what `kubectl port-forward` says plays kubectl."""
    client.names(address="https://keyring-1.keyring.cocoon-system.svc:8443")
    called, port = client.folder / "called", client.keyring.ports["api"]
    kubectl = client.folder / "kubectl"
    kubectl.write_text(
        f'#!/bin/sh\necho "$@" > {called}\necho "Forwarding from 127.0.0.1:{port} -> 8443"\nexec sleep 60\n'
    )
    kubectl.chmod(0o755)
    monkeypatch.setitem(os.environ, "KUBECTL", str(kubectl))
    answer = await client.submit("--provider", "dc1")
    assert answer.status == DONE, answer.err
    assert "port-forward pod/keyring-1 :8443 --address=127.0.0.1 --namespace=cocoon-system" in called.read_text()
    kubectl.write_text("#!/bin/sh\necho 'pods \"keyring-1\" is forbidden' >&2\nexit 1\n")
    answer = await client.submit("--provider", "dc1", name="another")
    assert (answer.status, len(client.jobs)) == (UNREACHABLE, 1)
    assert "is forbidden. Give --keyring URL" in answer.err


async def test_the_demo_seals_to_the_keyring_that_the_provider_names(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.names()
    monkeypatch.setattr(story, "NAMESPACE", client.site.namespace)
    kubectl = Kubectl(Path("kubectl"), client.site.kubeconfig, client.site.namespace)
    at, sent = DemoClient(kubectl, client.folder), demo_sealed.secret({"MINILM_SHA256": kit.MODEL})
    sent.job["metadata"]["namespace"] = client.site.namespace
    job = await asyncio.to_thread(demo_sealed.seal, at, sent, "sealed")
    assert client.opened(job)[1] == sent.plain.encode()
    evidence = await asyncio.to_thread(demo_keyring.evidence, at)
    assert bundles.decode(evidence).keys.sealing == client.keyring.replica.identities.current.public
